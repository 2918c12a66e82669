"""What can be said about a queue's server, stream and consumption, without touching its jobs.

`readiness` proves that messages pass; `facts` reads what server and stream say of themselves.
"""

from __future__ import annotations

from .facts import JobMessage, ServerFacts, StreamFacts, job_message, server_facts, stream_facts
from .readiness import Check, check_readiness

__all__ = [
    "Check",
    "JobMessage",
    "ServerFacts",
    "StreamFacts",
    "check_readiness",
    "job_message",
    "server_facts",
    "stream_facts",
]
