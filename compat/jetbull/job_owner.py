"""Whose a job is: the queue or worker it was fetched by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from jetbull.ledger.metrics import MetricsRecorder
from jetbull.ledger.store import QueueStore

if TYPE_CHECKING:
    from jetbull.backend import Backend
    from jetbull.job import Job


class JobOwner(Protocol):
    """What a job needs of its queue or worker."""

    name: str
    prefix: str
    qualifiedName: str
    opts: dict[str, Any]
    backend: Backend
    recorder: MetricsRecorder | None = None

    async def ledger(self) -> QueueStore:
        """The queue's ledger."""

    def on_progress(self, job: Job, progress: Any) -> None:
        """Called when a job of the owner told its progress."""

    def on_removed(self, job: Job) -> None:
        """Called when a job of the owner removed itself."""


__all__ = ["JobOwner"]
