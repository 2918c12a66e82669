"""What a command found and did: one `Report`, shown as text, JSON or an HTML page.

Reports hold ids, names, counts and digests, never job data and never a password. `lines` is their
content, `as_text`, `as_json` and `as_html` show it, with the `formats` of numbers and times.
"""

from __future__ import annotations

from bull2jet.report.as_html import page
from bull2jet.report.as_json import document, sealed
from bull2jet.report.as_text import lines
from bull2jet.report.lines import Due, QueueLine, Report, StateLine, Verdict

__all__ = [
    "Due",
    "QueueLine",
    "Report",
    "StateLine",
    "Verdict",
    "document",
    "lines",
    "page",
    "sealed",
]
