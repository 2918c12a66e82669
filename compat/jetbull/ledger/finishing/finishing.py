"""How a try ends: completed, failed, or again later. One message stores the outcome."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from jetbull.errors import AckTimeout, Conflict, StoreError
from jetbull.ledger.belongings import belongings, blobs
from jetbull.ledger.belongings.belongings import forget_if_gone
from jetbull.ledger.finishing.retention import KEEP_ALL, Keep, trim
from jetbull.ledger.job import late
from jetbull.ledger.job.lease import Lease, LeaseLost
from jetbull.ledger.job.moving import move
from jetbull.ledger.job.reading import as_stored
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import COMPLETED, FAILED, OPEN, SETTLE, lane_of, state_of
from jetbull.ledger.messages.placing import (
    DONE,
    REMOVED,
    SETTLE_MS,
    Place,
    delayed,
    unsettled,
    waiting,
)
from jetbull.ledger.messages.record import Record, Stored, dumps, to_bytes
from jetbull.ledger.parents import parents
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.streams import events

log = logging.getLogger("jetbull.ledger")

_TRACES = 128 * 1024  # bytes of all stack traces, as JSON; a quarter of it for one
_OF_MESSAGE = 8  # or so much of a message, if that is less: data and progress need room as well


@dataclass(frozen=True, slots=True)
class Failure:
    """What a failed try leaves behind."""

    reason: str
    stacktrace: list[str]


def _short(text: str, most: int) -> str:
    """An error may hold megabytes, and must be stored all the same, in `most` bytes of JSON."""
    kept = text[:most]
    while (size := _size(kept)) > most:
        kept = kept[: len(kept) * most // size]
    return text if len(kept) == len(text) else f"{kept} … ({len(text)} characters in all)"


def _size(text: str) -> int:
    return len(to_bytes(dumps(text)))


def _short_traces(traces: list[str], most: int) -> list[str]:
    """The newest traces that have room."""
    kept: list[str] = []
    room = most
    for trace in reversed(traces):
        short = _short(trace, most // 4)
        room -= _size(short)
        if room < 0:
            break
        kept.append(short)
    return kept[::-1]


def _told(store: QueueStore, failure: Failure) -> dict[str, Any]:
    """What a job's record keeps of a failure."""
    most = min(_TRACES, store.wire.max_payload // _OF_MESSAGE)
    return {
        "failedReason": _short(failure.reason, most // 8),
        "stacktrace": _short_traces(failure.stacktrace, most),
    }


def _ended(lease: Lease, **fields: Any) -> Record:
    head = {**lease.record.head, **fields}
    head.pop("token", None)
    head.pop("after", None)
    head.pop("left", None)
    head["attemptsMade"] = head.get("attemptsMade", 0) + 1
    return lease.draft(head)


async def complete(lease: Lease, value: Any, keep: Keep) -> Record:
    """Stores the return value. ValueError when it is not JSON, before anything is stored."""
    store, job_id = lease.store, lease.job_id
    text = dumps(value)
    record = _ended(lease, finishedOn=now_ms())
    reference = None
    if not blobs.is_small(store, text):
        reference = await blobs.write_if_large(store, job_id, text)
    blobs.set_field(record.head, "returnvalue", value, reference)
    record.head.pop("deferredFailure", None)
    try:
        await _finish(lease, record, COMPLETED, keep, text)
    except LeaseLost as error:
        lost = error
    else:
        return record
    if reference is not None:
        await forget_if_gone(store, job_id)
    raise lost


async def fail(lease: Lease, failure: Failure, keep: Keep) -> Record:
    """Stores the final failure."""
    record = _ended(lease, finishedOn=now_ms(), **_told(lease.store, failure))
    record.head.pop("deferredFailure", None)
    await _finish(lease, record, FAILED, keep)
    return record


def _tell_end(
    store: QueueStore, job_id: str, state: str, record: Record, value: str, _: int = 0
) -> None:
    """The events of a finished job; `value` is what it returned, as JSON, if that is at hand."""
    head = record.head
    if state == COMPLETED:
        store.tell(events.completed(job_id, value or dumps(head.get("returnvalue"))))
        return
    store.emit("failed", jobId=job_id, failedReason=str(head["failedReason"]), prev="active")
    if head["attemptsMade"] >= int(record.opts.get("attempts") or 0):  # text of BullMQ for Python
        made = str(head["attemptsMade"])
        store.emit("retries-exhausted", jobId=job_id, attemptsMade=made)


async def _finish(lease: Lease, record: Record, state: str, keep: Keep, value: str = "") -> None:
    store, job_id = lease.store, lease.job_id
    if record.given.get("parent"):
        # As in BullMQ, the parent's events come before the child's own; `settle` tells both.
        child = await lease.leave(record, unsettled(state, now_ms() + SETTLE_MS))
        await settle(store, child, job_id, state, keep)
        return
    place = REMOVED if keep.none else DONE[state]
    left = await _belongings(store, job_id) if keep.none else {}
    tell = partial(_tell_end, store, job_id, state, record, value)
    trims = keep.some
    ended = await lease.leave(
        record,
        place,
        lambda _: None if trims and not lease.followed else tell(),
        adopted=lambda: unsettled(state, now_ms() + SETTLE_MS),
    )
    if lane_of(ended.subject) == OPEN:
        await settle(store, ended, job_id, state, keep)
    elif trims and not lease.followed:
        await _tidy_and_tell(store, state, keep, tell)
    elif not keep.all:
        # Where the next job is claimed already, it begins meanwhile; the last one waits for all.
        await _tidy(store, state, keep, left, wait=not lease.followed)


def is_unsettled(found: Stored) -> bool:
    """Whether the job has ended and its parent may not know it yet."""
    return lane_of(found.subject) == OPEN or state_of(found.subject) == SETTLE


async def at_rest(store: QueueStore, job_id: str, found: Stored) -> Stored | None:
    """A job as it is once its parent knows of its end; None when it changed meanwhile.

    Whoever ran it may be about to tell that, or have died before. It has to be told before the job
    goes or runs again, for nobody could do so afterwards.
    """
    if not is_unsettled(found):
        return found
    state = state_of(found.subject)
    if state == SETTLE:
        state = lane_of(found.subject)
        if await late.is_late(store, found):
            await late.discard(store, found)
            return None
    return await settle(store, found, job_id, state, KEEP_ALL)


async def settle(
    store: QueueStore, child: Stored, job_id: str, state: str, keep: Keep
) -> Stored | None:
    """Tells the parent, then stores the child where finished jobs rest. Repeatable.

    None when somebody else has done so.
    """
    if state == COMPLETED:
        await parents.tell_completed(store, child, job_id)
    else:
        await parents.tell_failed(store, child, job_id, removed=keep.none)
    told = await blobs.fields_inline(store, job_id, child.record)
    left = await _belongings(store, job_id) if keep.none else {}
    tell, trims = partial(_tell_end, store, job_id, state, told, ""), keep.some
    place = REMOVED if keep.none else DONE[state]
    settled = await _rest(store, child, job_id, place, lambda _: None if trims else tell())
    if settled is None:
        log.debug("job %s was settled by somebody else", job_id)
        return None
    if trims:
        await _tidy_and_tell(store, state, keep, tell)
    elif keep.none:
        await _tidy(store, state, keep, left)
    return settled


async def _rest(
    store: QueueStore, child: Stored, job_id: str, place: Place, on_stored: Callable[[int], None]
) -> Stored | None:
    """Moves a child whose parent has been told; None when it is not where it ended any more.

    One whose data or progress somebody changed meanwhile is still there.
    """
    finished = child.record.head.get("finishedOn")
    while True:
        with suppress(Conflict):
            return await move(store, job_id, child, child.record, place, on_stored)
        newest = await store.newest(job_id)
        if newest is None or newest.seq == child.seq or lane_of(newest.subject) != OPEN:
            return None
        child = as_stored(newest)
        if child.record.head.get("finishedOn") != finished:
            return None


async def _belongings(store: QueueStore, job_id: str) -> belongings.Found:
    """What goes with a job that is removed as it ends. What cannot be told is left to upkeep."""
    try:
        return await belongings.look(store, [job_id])
    except (AckTimeout, StoreError) as error:
        log.warning("what belongs to job %s is not removed yet: %s", job_id, error)
        return {}


async def _tidy_and_tell(
    store: QueueStore, state: str, keep: Keep, tell: Callable[[], None]
) -> None:
    """Removes older jobs first: whoever hears of the end finds no more than is to be kept."""
    try:
        await _tidy(store, state, keep, {})
    finally:
        tell()


async def _tidy(
    store: QueueStore, state: str, keep: Keep, left: belongings.Found, wait: bool = True
) -> None:
    """Removes older jobs, or what is `left` of this one; the outcome is stored, so what fails here
    is left to the next job, or to upkeep.
    """
    try:
        if keep.none:
            await belongings.remove(store, left)
        else:
            await trim(store, state, keep, wait)
    except (AckTimeout, StoreError) as error:
        log.warning("old %s jobs of %s were not removed: %s", state, store.names.name, error)


async def again(lease: Lease, failure: Failure | None, delay_ms: int, lifo: bool) -> int:
    """The try failed and another follows: now (delay 0) or after `delay_ms`; when it is due."""
    store, job_id = lease.store, lease.job_id
    record = _ended(lease)
    if failure is not None:
        record.head.update(_told(store, failure))
    if delay_ms <= 0:
        place = waiting(record.priority, lifo)
        await lease.leave(
            record, place, lambda _: store.emit("waiting", jobId=job_id, prev="active")
        )
        return 0
    place = delayed(now_ms() + delay_ms, record.priority)
    record.head["delay"] = delay_ms
    await lease.leave(
        record, place, lambda _: store.emit("delayed", jobId=job_id, delay=str(place.due_ms))
    )
    return place.due_ms


async def step_back(
    lease: Lease, place: Place, event: str, delay_ms: int | None = None, **args: str
) -> Stored:
    """The processor gives the job back without a try being counted."""
    store, job_id = lease.store, lease.job_id
    head = {k: v for k, v in lease.record.head.items() if k != "token"}
    record = lease.draft(head)
    if delay_ms is not None:
        head["delay"] = delay_ms
    return await lease.leave(record, place, lambda _: store.emit(event, jobId=job_id, **args))


__all__ = ["Failure", "again", "at_rest", "complete", "fail", "is_unsettled", "settle", "step_back"]
