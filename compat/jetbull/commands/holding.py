"""What the holder of a job's lock may do with it."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from jetbull.backoffs import Backoffs
from jetbull.checks import shown
from jetbull.commands import deduplicating
from jetbull.error_code import refused
from jetbull.errors import ConfigurationError, UnrecoverableError, text_of
from jetbull.job_body import JobBody
from jetbull.ledger.finishing import finishing
from jetbull.ledger.finishing.finishing import Failure
from jetbull.ledger.job import reading
from jetbull.ledger.job.lease import Lease, LeaseLost
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import ACTIVE, public_state_of, state_of
from jetbull.ledger.messages.placing import WAITING_CHILDREN, delayed, in_front
from jetbull.ledger.parents import bookkeeping, releasing
from jetbull.ledger.store.store import QueueStore
from jetbull.options import keep_of_stored, whole
from jetbull.telemetry.jobs import completing, counting, failing

#: How long a lock holds where its worker does not say.
DEFAULT_LOCK_MS = 30_000
_COMMANDS = {"failed": "moveToFinished", "delayed": "moveToDelayed", "retried": "retryJob"}


def held(job: JobBody, token: str | None) -> Lease | None:
    """The lease this job object came with, if it is that of `token` and not over."""
    lease = job._lease
    if lease is not None and not lease.ended and token in (None, lease.token):
        return lease
    return None


async def lease_of(job: JobBody, token: str | None, command: str) -> Lease:
    """The lease this job object or its token stands for; JobError -1, -2, -3 or -6.

    The token "0" stands for whoever holds the job.
    """
    any_holder = token == "0"  # noqa: S105 - a name, no secret
    lease = held(job, token)
    if lease is not None:
        return lease
    store = await job.queue.ledger()
    found = await reading.find(store, job.id)
    if found is None:
        raise refused(-1, command, job.id)
    if state_of(found.subject) != ACTIVE:
        raise refused(*((-3, command, job.id, "active") if any_holder else (-2, command, job.id)))
    holder = str(found.record.head.get("token"))
    if not any_holder and holder != token:
        raise refused(-6, command, job.id, "active")
    lock_ms = int(job.queue.opts.get("lockDuration", DEFAULT_LOCK_MS))
    job._lease = Lease(store, job.id, found, holder, lock_ms)
    return job._lease


@completing
async def finish(job: JobBody, value: Any, token: str) -> None:
    """Stores the return value and ends the lease, whatever the job's children do."""
    lease = held(job, token) or await lease_of(job, token, "moveToFinished")
    try:
        record = await finishing.complete(
            lease, value, keep_of_stored(job.opts.get("removeOnComplete"))
        )
    except LeaseLost:
        raise await _lost(job, "moveToFinished") from None
    job.returnvalue = value
    job.finishedOn = record.head["finishedOn"]
    job.attemptsMade = record.head["attemptsMade"]
    if job.deduplication_id or job.queue.recorder is not None:
        await _after_finish(lease.store, job, "completed")


async def _lost(job: JobBody, command: str) -> Exception:
    store = await job.queue.ledger()
    found = await reading.find(store, job.id)
    if found is None:
        return refused(-1, command, job.id)
    if state_of(found.subject) == ACTIVE:
        return refused(-6, command, job.id, "active")
    return refused(-2, command, job.id)


async def fail(
    job: JobBody,
    error: BaseException | str,
    token: str,
    complain: Callable[[Exception], None] | None = None,
) -> str:
    """Ends this try: the job is `failed` for good, `delayed` or at once `retried`.

    A backoff that cannot be told is raised; with `complain` that hears it, and the job has failed.
    """
    if not isinstance(error, BaseException | str):
        raise ConfigurationError(f"A job fails with an exception or a text, not {shown(error)}.")
    made = job.attemptsMade + 1
    attempts = job.opts.get("attempts") or 0
    final = made >= attempts or job.discarded or _unrecoverable(error) or _started_enough(job)
    delay_ms = 0
    if not final:
        settings = job.queue.opts.get("settings") or {}
        strategy = settings.get("backoffStrategy")
        backoff = job.opts.get("backoff")
        try:
            delay_ms = await Backoffs.calculate(backoff, made, error, job, strategy) or 0
        except Exception as wrong:
            if complain is None:
                raise
            complain(wrong)
            delay_ms = -1
        final = delay_ms == -1
    end = "failed" if final else "delayed" if delay_ms > 0 else "retried"
    job.failedReason = text_of(error)
    job.stacktrace = stacktrace(job, error)
    await _end_try(job, end, token, made, delay_ms)
    return end


@failing
async def _end_try(job: JobBody, end: str, token: str, made: int, delay_ms: int) -> None:
    command = _COMMANDS[end]
    lease = await lease_of(job, token, command)
    failure = Failure(job.failedReason or "", job.stacktrace)
    try:
        if end == "failed":
            keep = keep_of_stored(job.opts.get("removeOnFail"))
            record = await finishing.fail(lease, failure, keep)
            job.finishedOn = record.head["finishedOn"]
        else:
            lifo = bool(job.opts.get("lifo"))
            due_ms = await finishing.again(lease, failure, delay_ms, lifo)
            if delay_ms > 0:
                job.delay = delay_ms
                lease.store.promoter.arm(job.id, due_ms)
    except LeaseLost:
        raise await _lost(job, command) from None
    job.attemptsMade = made
    if end == "failed":
        await _after_finish(lease.store, job, "failed")


async def _after_finish(store: QueueStore, job: JobBody, state: str) -> None:
    """Frees a finished job's deduplication id, and counts it if its worker keeps metrics."""
    if job.deduplication_id:
        await deduplicating.on_finished(store, job.id, job.deduplication_id)
    if job.queue.recorder is not None:
        await job.queue.recorder.count(store, state)


def _started_enough(job: JobBody) -> bool:
    """Whether one more start would be more than the worker's `maxStartedAttempts`."""
    limit = job.queue.opts.get("maxStartedAttempts")
    return job.attemptsStarted >= limit if limit else False


def _unrecoverable(error: BaseException | str) -> bool:
    """By class or by class name, so that a processor need not import jetbull."""
    return isinstance(error, UnrecoverableError) or any(
        cls.__name__ == "UnrecoverableError" for cls in type(error).__mro__
    )


def stacktrace(job: JobBody, error: BaseException | str) -> list[str]:
    """The job's stack traces with this try's added, as many as `stackTraceLimit` allows."""
    given = job.opts.get("stackTraceLimit")
    if given == 0:
        return []
    limit = whole(given)
    text = error if isinstance(error, str) else "".join(traceback.format_exception(error))
    traces = [*job.stacktrace, text]
    return traces[-limit:] if limit else traces


@counting("delayed")
async def delay(job: JobBody, timestamp: int, token: str | None) -> None:
    """Active -> delayed; the try is not counted."""
    lease = await lease_of(job, token, "moveToDelayed")
    due = max(int(timestamp), now_ms())
    # Rounded as the caller's own clock reading is, so that a delay is never longer than asked for.
    delay_ms = max(0, int(timestamp) - round(time.time() * 1000))
    place = delayed(due, lease.record.priority)
    try:
        await finishing.step_back(lease, place, "delayed", delay_ms, delay=str(due))
    except LeaseLost:
        raise await _lost(job, "moveToDelayed") from None
    job.delay = delay_ms
    lease.store.promoter.arm(job.id, due)


@counting("waiting")
async def wait(job: JobBody, token: str | None) -> None:
    """Active -> head of waiting (or of its priority); the try is not counted."""
    lease = await lease_of(job, token, "moveJobFromActiveToWait")
    place = in_front(lease.record.priority)
    try:
        await finishing.step_back(lease, place, "waiting", prev="active")
    except LeaseLost:
        raise await _lost(job, "moveJobFromActiveToWait") from None


@counting("waiting-children")
async def wait_for_children(job: JobBody, token: str, opts: Mapping[str, Any]) -> bool:
    """True when moved; False when no child (or not the one named) is pending."""
    command = "moveToWaitingChildren"
    store = await job.queue.ledger()
    # All looks at once: a quick child must not end before its parent begins to wait.
    found, failed, pending = await asyncio.gather(
        reading.find(store, job.id),
        bookkeeping.has_unsuccessful(store, job.id),
        bookkeeping.has_pending(store, job.id),
    )
    if found is None:
        raise refused(-1, command, job.id)
    if failed:
        raise refused(-9, command, job.id)
    child = opts.get("child")
    if child:
        key = f"{child['queue']}:{child['id']}"
        books = await bookkeeping.entries(store, job.id)
        if key not in books.get(bookkeeping.PENDING, {}):
            return False
    elif not pending:
        return False
    lease = await lease_of(job, token, command)
    try:
        await finishing.step_back(lease, WAITING_CHILDREN, "waiting-children", prev="active")
    except LeaseLost:
        raise await _lost(job, command) from None
    # The last child may have finished between the look and the move.
    await releasing.release(store, job.id)
    return True


async def extend(job: JobBody, token: str, duration_ms: int) -> int:
    """1 when the lock now lasts `duration_ms`, 0 when it is not ours."""
    found = await reading.find(await job.queue.ledger(), job.id)
    if found is None or public_state_of(found.subject) != "active":
        return 0
    if found.record.head.get("token") != token:
        return 0
    lease = await lease_of(job, token, "extendLock")
    lease.lock_ms, old = int(duration_ms), lease.lock_ms
    try:
        await lease.update()
    except LeaseLost:
        return 0
    finally:
        lease.lock_ms = old
    return 1


__all__ = [
    "DEFAULT_LOCK_MS",
    "delay",
    "extend",
    "fail",
    "finish",
    "lease_of",
    "stacktrace",
    "wait",
    "wait_for_children",
]
