"""Where a job belongs: the queue or worker it came from, as far as its attributes need it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from typing_extensions import TypeVar

from jetbull.ledger.queue.metrics import MetricsRecorder
from jetbull.ledger.store.store import QueueStore

# Not at run time: a backend stands upon the commands, and these upon what a job is.
if TYPE_CHECKING:
    from jetbull.backend import Backend


class JobHome(Protocol):
    """A queue or worker that holds jobs; `jetbull.job.JobOwner` is also told of them."""

    name: str
    prefix: str
    qualifiedName: str
    opts: dict[str, Any]
    backend: Backend
    recorder: MetricsRecorder | None = None

    async def ledger(self) -> QueueStore:
        """The queue's ledger."""


# Covariant, so that whatever takes a job of some home takes a `Job`, whose home is told of it.
Home = TypeVar("Home", bound=JobHome, default=JobHome, covariant=True)

__all__ = ["Home", "JobHome"]
