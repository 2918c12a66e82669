"""A worker as each of its parts sees it: what the part needs of its owner, and no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from jetbull.job import Job
from jetbull.ledger.job.lease import Lease
from jetbull.lock_manager import LockManager
from jetbull.ready import Ready
from jetbull.schedulers.following import SchedulingOwner
from jetbull.workers.stalled_check import StalledCheck


class OutcomeOwner(Protocol):
    """What storing a job's outcome needs of the worker that ran it."""

    opts: dict[str, Any]
    closing: bool
    forceClosing: bool

    def emit(self, event: str, /, *args: Any) -> None:
        """Tells the listeners."""

    def complain(self, error: Exception, *args: Any) -> None:
        """Tells the listeners of `error`; never raises."""

    async def rest_while_limited(self) -> None:
        """Starts nothing until the queue's rate window is over."""


class FetchOwner(SchedulingOwner, Protocol):
    """What claiming jobs needs of the worker."""

    workerName: str | None
    lock_duration: int
    paused: bool
    closing: bool


class SlotsOwner(FetchOwner, Protocol):
    """What the slots need of their worker."""

    id: str
    concurrency: int

    def complain(self, error: Exception, *args: Any) -> None:
        """Tells the listeners of `error`; never raises."""

    def on_idle(self) -> None:
        """Called when no slot is busy any more."""


class ServingOwner(SlotsOwner, Protocol):
    """What being at work on a connection needs of the worker."""

    forceClosing: bool
    drained: bool
    jobs: set[tuple[Job[Any, Any], str]]
    lockManager: LockManager
    _stalled_check: StalledCheck
    _ready: Ready

    async def _process(self, job: Job, lease: Lease, on_sent: Callable[[], bool]) -> None: ...

    def _cancel(self, job_id: str, reason: str | None) -> bool | None: ...

    def _look_again(self) -> None: ...


__all__ = ["FetchOwner", "OutcomeOwner", "ServingOwner", "SlotsOwner"]
