"""What can be said about a queue's server, stream and consumption, without touching its jobs.

`readiness` proves that messages pass; `facts` reads what a stream says of itself, `copies` what a
cluster says of leaders and replicas.
"""

from __future__ import annotations

from .facts import JobMessage, StreamFacts, job_message, stream_facts
from .readiness import Check, check_readiness

__all__ = [
    "Check",
    "JobMessage",
    "StreamFacts",
    "check_readiness",
    "job_message",
    "stream_facts",
]
