"""One job from one state to another: one message, guarded by the last one seen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from jetbull.errors import Conflict, StoreError
from jetbull.ledger.job.patches import last_patch, missed, rewrite
from jetbull.ledger.messages.guard import drop, expect, expected
from jetbull.ledger.messages.names import (
    COMPLETED,
    FAILED,
    GONE,
    HEAD,
    LINE,
    PRIO,
    WAIT,
    QueueNames,
    is_schedule,
    lane_of,
    state_of,
)
from jetbull.ledger.messages.placing import Place, address, placed
from jetbull.ledger.messages.record import Record, Stored
from jetbull.ledger.store.batch import Message
from jetbull.ledger.store.store import QueueStore

NO_SCHEDULE = 10212  # what a message is to take the place of is none
_AGAIN_SECONDS = 0.05
_STAYS = frozenset({WAIT, PRIO, COMPLETED, FAILED})  # in the stream, behind what comes after it


async def move(
    store: QueueStore,
    job_id: str,
    old: Stored,
    record: Record,
    place: Place,
    on_stored: Callable[[int], None] | None = None,
    *,
    keep_old: bool = False,
    keep_patch: bool = False,
    catch_up: bool = False,
    on_sent: Callable[[], None] | None = None,
) -> Stored:
    """Stores `record` in `place` if the job is still as `old` says; `Conflict` otherwise.

    A state that is a schedule ends in the same message; any other message of the old state is
    purged afterwards, unless `keep_old` (the caller sees to it), and so is what was stored beside
    it, unless `keep_patch`. With `catch_up` the job gets what was stored beside it between the look
    of whoever moves it and the move.
    """
    if place.level:
        await ensure_level(store, place.level)
    if place.state == HEAD:
        store.heads += 1  # a claim that follows this message at once may not be of an older job
    scheduled = is_schedule(old.subject)
    if place.state in LINE and state_of(old.subject) in _STAYS:
        record = _leaving(record, old.subject)
    message = transition(store.names, job_id, old, record, place)
    subject = message.subject
    try:
        seq = await store.put(subject, message.payload, message.headers, on_stored, on_sent=on_sent)
    except StoreError as error:
        if error.code != NO_SCHEDULE:
            raise
        # Another program stored the job, and as a plain message.
        scheduled = False
        subject, headers = address(store.names, job_id, place)
        expect(headers, store.names.any_state(job_id), old.seq)
        seq = await store.put(subject, message.payload, headers, on_stored)
    steps: list[Awaitable[None]] = []
    if not scheduled and not keep_old and old.subject != subject:
        # Up to what was seen: the job may be back on this subject by now.
        steps.append(_purge(store, old.subject, old.seq + 1))
    if not keep_patch and (not scheduled or state_of(old.subject) == HEAD):
        if catch_up and store.may_be_patched:
            steps.append(_catch_up(store, job_id, old, seq))
        elif store.patched:
            steps.append(_purge(store, store.names.aux("patch", job_id), seq))
    if steps:
        await store.wire.together(*steps)
    if place.state == HEAD:
        await store.hint("head")
    return Stored(subject, seq, record)


def _leaving(record: Record, subject: str) -> Record:
    """The record, which names its message there for whoever takes the job: should this process die
    before that is removed, it would count again once the job is removed.
    """
    here = f"{state_of(subject)}.{lane_of(subject)}"
    left = [*(place for place in record.head.get("left", ()) if place != here), here]
    return record.with_head({**record.head, "left": left})


async def _purge(store: QueueStore, subject: str, end: int) -> None:
    await store.purge(subject, seq=end)


async def _catch_up(store: QueueStore, job_id: str, old: Stored, moved: int) -> None:
    patch = await last_patch(store, job_id)
    if patch is None or patch.seq > moved:
        return
    late = missed(patch, old, moved)
    await store.purge(patch.subject, seq=moved)
    if late is not None:
        await rewrite(store, job_id, late)


def transition(
    names: QueueNames, job_id: str, old: Stored, record: Record, place: Place
) -> Message:
    """The message that moves the job, guarded by `old`; `names` are the queue's."""
    subject, headers = address(names, job_id, place)
    if is_schedule(old.subject) and old.subject != subject:
        drop(headers, old.subject, old.seq)
    else:
        expect(headers, names.any_state(job_id), old.seq)
    record = placed(stored_as(record, place), place, old.seq)
    return Message(subject, record.encode(), headers)


def stored_as(record: Record, place: Place) -> Record:
    """What of a record is stored there: a tombstone needs no data."""
    return Record(record.head, record.fixed, b"null") if place.state == GONE else record


async def ensure_level(store: QueueStore, lane: str) -> None:
    """Makes a priority level known to the workers before its first job is stored."""
    if lane in store.levels:
        return
    subject = store.names.aux("level", lane)
    while True:
        try:
            await store.put(subject, b"{}", expected(subject, 0))
        except Conflict as rival:
            if rival.is_open:  # the other's may be lost yet
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            store.levels.add(lane)
            return
        break
    store.levels.add(lane)
    await store.hint("level", lane.encode())


__all__ = ["NO_SCHEDULE", "ensure_level", "move", "stored_as", "transition"]
