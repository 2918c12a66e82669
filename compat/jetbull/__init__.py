"""jetbull: BullMQ's interface on NATS JetStream.

`Queue`, `Worker`, `Job` and their companions have BullMQ's names, arguments and answers; jobs live
in one JetStream stream per prefix.
"""

from __future__ import annotations

from jetbull._version import __version__
from jetbull.abort_controller import AbortController, AbortError, AbortSignal
from jetbull.errors import (
    DelayedError,
    JetbullError,
    RateLimitError,
    UnrecoverableError,
    WaitingChildrenError,
    WaitingError,
)
from jetbull.job import Job
from jetbull.job_scheduler import JobScheduler
from jetbull.lock_manager import LockManager
from jetbull.queue import Queue
from jetbull.worker import Worker

__all__ = [
    "AbortController",
    "AbortError",
    "AbortSignal",
    "DelayedError",
    "JetbullError",
    "Job",
    "JobScheduler",
    "LockManager",
    "Queue",
    "RateLimitError",
    "UnrecoverableError",
    "WaitingChildrenError",
    "WaitingError",
    "Worker",
    "__version__",
]
