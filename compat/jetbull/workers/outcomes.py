"""Running one job and storing how it ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from jetbull.commands import holding, missed_ends
from jetbull.error_code import refused
from jetbull.errors import (
    AckTimeout,
    JetbullError,
    PayloadTooLarge,
    RateLimitError,
    ServerUnavailable,
    StoreError,
    UnrecoverableError,
    text_of,
)
from jetbull.job import Job
from jetbull.ledger.job.lease import Lease
from jetbull.ledger.messages.record import NO_JOB
from jetbull.ledger.parents import bookkeeping
from jetbull.workers.processors import escaped
from jetbull.workers.roles import OutcomeOwner

_MOVED = frozenset({"DelayedError", "WaitingChildrenError", "WaitingError"})
log = logging.getLogger("jetbull.worker")

_AWAY = (AckTimeout, ServerUnavailable, StoreError)
_AGAIN_SECONDS = 0.5
_BOOKING_SECONDS = (0.005, 0.01, 0.02, 0.04)
_RATE_LIMIT = "bullmq:rateLimitExceeded"


class NotStoredError(JetbullError):
    """The outcome is not stored and the job stays active until its lock expires."""


async def run_job(
    worker: OutcomeOwner,
    job: Job,
    lease: Lease,
    call: Callable[..., Any],
    arguments: tuple[Any, ...],
    on_sent: Callable[[], bool],
) -> None:
    """Calls the processor and stores its outcome; tells the worker's listeners.

    `on_sent` runs when the outcome is on its way: the slot may then send the next claim, and tells
    whether it did.

    Errors of listeners become the worker's `error` event; they never change the outcome.
    """
    if job.deferredFailure:
        if job.deferredFailure.startswith(NO_JOB):
            log.error("job %s fails: %s", job.id, job.deferredFailure)
        await _failed(worker, job, lease, UnrecoverableError(job.deferredFailure))
        return
    limit = worker.opts.get("maxStartedAttempts")
    if limit and job.attemptsStarted > limit:
        error = UnrecoverableError("job started more than allowable limit")
        await _failed(worker, job, lease, error)
        return
    storing = False
    failure: Exception | None = None
    try:
        result = await _called(lease, call, arguments)
        storing = True
        lease.on_sent = on_sent
        away: JetbullError | None = None
        try:
            await _complete(job, lease, result)
        except _AWAY as error:
            away = error
        if away is not None:
            await _insist(worker, job, lease, partial(_complete, job, lease, result), away)
    except asyncio.CancelledError as error:
        current = asyncio.current_task()
        if worker.forceClosing or (current is not None and current.cancelling()):
            raise
        # The processor's own work was cancelled, not this slot: that is a failed try.
        failure = JetbullError(str(error) or "The processor was cancelled")
    except Exception as error:
        lease.on_sent = on_sent
        failure = error
    if failure is None:
        _tell(worker, job, "completed", job, result)
        return
    try:
        await _not_completed(worker, job, lease, failure, storing)
    finally:
        failure = None  # its traceback holds this frame, which would hold it


async def _called(lease: Lease, call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """What the processor returns. Whatever ends it ends this try, never the worker."""
    lease.runs = True
    try:
        return await call(*arguments)
    except (Exception, asyncio.CancelledError):
        raise
    except BaseException as error:
        raise escaped(error) from error
    finally:
        lease.runs = False


async def _complete(job: Job, lease: Lease, result: Any) -> None:
    if lease.store.families and not lease.ended:
        await _no_pending_children(job, lease)
    await holding.finish(job, result, lease.token)


async def _insist(
    worker: OutcomeOwner,
    job: Job,
    lease: Lease,
    store: Callable[[], Awaitable[Any]],
    error: JetbullError,
) -> None:
    """Stores an outcome after the `error` of the first attempt, for as long as it takes: the work
    is done, only the server is away.

    Ends when the lock turns out to be lost, or when the worker is closing.
    """
    while not isinstance(error, PayloadTooLarge):
        if lease.ended:
            log.warning("job %s is stored, what follows is not: %s", job.id, error)
            return
        if worker.closing:
            raise NotStoredError(
                f"The outcome of job {job.id} could not be stored: {error}"
            ) from error
        log.warning("the outcome of job %s is not stored yet: %s", job.id, error)
        await asyncio.sleep(_AGAIN_SECONDS)
        try:
            await store()
            return
        except _AWAY as again:
            error = again
    raise error


async def _no_pending_children(job: Job, lease: Lease) -> None:
    # Booking a child's end is one step in BullMQ and several messages here: give a child that
    # ended together with this job the moment it needs.
    for pause in _BOOKING_SECONDS:
        if not await bookkeeping.has_pending(lease.store, job.id):
            break
        await asyncio.sleep(pause)
    else:
        if await missed_ends.is_pending(lease.store, job.id):
            raise refused(-4, "moveToFinished", job.id)
    if await bookkeeping.has_unsuccessful(lease.store, job.id):
        raise refused(-9, "moveToFinished", job.id)


async def _not_completed(
    worker: OutcomeOwner, job: Job, lease: Lease, error: Exception, storing: bool
) -> None:
    kinds = {cls.__name__ for cls in type(error).__mro__}
    if kinds & _MOVED:
        return
    # Not by the class's name: clients of many services have a RateLimitError of their own, and a
    # job that goes back for one would be tried again at once, for ever.
    if isinstance(error, RateLimitError) or text_of(error) == _RATE_LIMIT:
        await worker.rest_while_limited()  # first: no other slot is to take the job at once
        await holding.wait(job, lease.token)
        return
    # Only of the step that stores the outcome: the processor may have asked for another job.
    lost = storing and getattr(error, "code", None) in (-1, -2, -6)
    if lost or isinstance(error, NotStoredError):
        worker.complain(error, job)
        return
    await _failed(worker, job, lease, error)


async def _failed(worker: OutcomeOwner, job: Job, lease: Lease, error: Exception) -> None:
    if worker.forceClosing:
        return
    try:
        fail = partial(holding.fail, job, error, lease.token, lambda e: worker.complain(e, job))
        away: JetbullError | None = None
        try:
            await fail()
        except _AWAY as unstored:
            away = unstored
        if away is not None:
            await _insist(worker, job, lease, fail, away)
    except Exception as refusal:
        worker.complain(refusal, job)
        return
    _tell(worker, job, "failed", job, error)


def _tell(worker: OutcomeOwner, job: Job, event: str, *args: Any) -> None:
    try:
        worker.emit(event, *args)
    except Exception as error:
        worker.complain(error, job)


__all__ = ["NotStoredError", "run_job"]
