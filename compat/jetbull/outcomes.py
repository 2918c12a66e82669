"""Running one job and storing how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jetbull.commands import holding
from jetbull.error_code import refused
from jetbull.errors import JetbullError, UnrecoverableError
from jetbull.ledger import parents
from jetbull.ledger.lease import Lease

if TYPE_CHECKING:
    from jetbull.job import Job
    from jetbull.worker import Worker

_MOVED = frozenset({"DelayedError", "WaitingChildrenError", "WaitingError"})
_RATE_LIMIT = "bullmq:rateLimitExceeded"


async def run_job(
    worker: Worker,
    job: Job,
    lease: Lease,
    call: Callable[..., Any],
    arguments: tuple[Any, ...],
    on_sent: Callable[[], None],
) -> None:
    """Calls the processor and stores its outcome; tells the worker's listeners.

    `on_sent` runs when the outcome is on its way: the slot may then send the next claim.

    Errors of listeners become the worker's `error` event; they never change the outcome.
    """
    if job.deferredFailure:
        await _failed(worker, job, lease, UnrecoverableError(job.deferredFailure))
        return
    limit = worker.opts.get("maxStartedAttempts")
    if limit and job.attemptsStarted > limit:
        error = UnrecoverableError("job started more than allowable limit")
        await _failed(worker, job, lease, error)
        return
    try:
        result = await call(*arguments)
        lease.on_sent = on_sent
        await _no_pending_children(job, lease)
        await holding.finish(job, result, lease.token)
    except asyncio.CancelledError as error:
        current = asyncio.current_task()
        if worker.forceClosing or (current is not None and current.cancelling()):
            raise
        # The processor's own work was cancelled, not this slot: that is a failed try.
        await _failed(worker, job, lease, JetbullError(str(error) or "The processor was cancelled"))
        return
    except Exception as error:
        lease.on_sent = on_sent
        await _not_completed(worker, job, lease, error)
        return
    _tell(worker, job, "completed", job, result)


async def _no_pending_children(job: Job, lease: Lease) -> None:
    if not lease.store.families or lease.ended:
        return
    if await parents.has_pending(lease.store, job.id):
        raise refused(-4, "moveToFinished", job.id)
    if await parents.has_unsuccessful(lease.store, job.id):
        raise refused(-9, "moveToFinished", job.id)


async def _not_completed(worker: Worker, job: Job, lease: Lease, error: Exception) -> None:
    kinds = {cls.__name__ for cls in type(error).__mro__}
    if kinds & _MOVED:
        return
    if "RateLimitError" in kinds or str(error) == _RATE_LIMIT:
        await holding.wait(job, lease.token)
        return
    if getattr(error, "code", None) in (-1, -2, -6) and lease.store is not None:
        worker.emit("error", error, job)
        return
    await _failed(worker, job, lease, error)


async def _failed(worker: Worker, job: Job, lease: Lease, error: Exception) -> None:
    if worker.forceClosing:
        return
    try:
        await holding.fail(job, error, lease.token)
    except Exception as refusal:
        worker.emit("error", refusal, job)
        return
    _tell(worker, job, "failed", job, error)


def _tell(worker: Worker, job: Job, event: str, *args: Any) -> None:
    try:
        worker.emit(event, *args)
    except Exception as error:
        worker.emit("error", error, job)


__all__ = ["run_job"]
