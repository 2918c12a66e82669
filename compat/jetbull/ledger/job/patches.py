"""Rewriting a stored job without moving it.

A message that is a schedule is written again where it is. A ticket or a finished job would lose
its place in the order, so its new record goes beside it as a patch, which readers and the next
transition fold in. A patch is younger than the message it belongs to; one that is older was left
behind by a worker that died after the transition, and counts no more.

A patch is a whole record, made of the message that its author saw, whose sequence it holds (`of`).
Where the job moved on before the patch was stored, it says of all fields how they were: it counts
for nothing, and its author makes another one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic

from jetbull.errors import Conflict
from jetbull.ledger.job import late
from jetbull.ledger.messages.guard import HeaderMap, drop, expect, expected
from jetbull.ledger.messages.names import (
    GONE,
    HEAD,
    OPEN,
    is_schedule,
    lane_of,
    last_token,
    state_of,
)
from jetbull.ledger.messages.placing import turn
from jetbull.ledger.messages.record import Record, Stored
from jetbull.ledger.store.behind import put_and_look
from jetbull.ledger.store.due_order import since
from jetbull.ledger.store.paging import read_last
from jetbull.ledger.store.replicas import read_latest
from jetbull.ledger.store.store import TRAITS, QueueStore
from jetbull.ledger.wire import StoredMessage

log = logging.getLogger("jetbull.ledger")

QUIET_S = 60.0  # longer than it takes to store a patch whose hint was heard
_OF = "of"
_COPIED = ("Nats-Schedule", "Nats-Schedule-Target")


def fold(record: Record, seq: int, patch: StoredMessage | None) -> Record:
    """The record stored at `seq` with its patch applied, if it has one."""
    changed = None if patch is None else _change(patch, seq)
    if changed is None:
        return record
    return Record({**record.head, **changed.head}, changed.fixed, changed.data)


async def read_patches(store: QueueStore, job_ids: Sequence[str]) -> dict[str, StoredMessage]:
    """Patches of those jobs that have one, by job id."""
    found = await read_last(store, [store.names.aux("patch", i) for i in job_ids])
    return {last_token(m.subject): m for m in found}


async def patched(store: QueueStore, job_id: str, stored: Stored) -> Record:
    """The stored record with what was written beside it since, if anything."""
    patch = (await read_patches(store, [job_id])).get(job_id)
    return fold(stored.record, stored.seq, patch)


async def rewrite(store: QueueStore, job_id: str, change: Callable[[Record], None]) -> bool:
    """Applies `change` to the stored job, whatever its state; False when there is none."""
    async with store.turns.at(store.names.aux("patch", job_id)):
        return await _rewrite(store, job_id, change)


async def _rewrite(store: QueueStore, job_id: str, change: Callable[[Record], None]) -> bool:
    names = store.names
    done = False
    while True:
        found = await read_latest(store, [names.any_state(job_id), names.aux("patch", job_id)])
        patch = next((m for m in found if m.subject == names.aux("patch", job_id)), None)
        versions = [m for m in found if m is not patch]
        newest = max(versions, key=lambda m: m.seq, default=None)
        if newest is None or state_of(newest.subject) == GONE:
            if done and patch is not None:  # stored behind the look of whoever removed the job
                await store.purge(patch.subject, seq=patch.seq + 1)
            return done
        try:
            if is_schedule(newest.subject) and state_of(newest.subject) != HEAD:
                if late.is_firing(Record.read(newest.data)):
                    await asyncio.sleep(late.LOOK_SECONDS)
                    continue
                await _in_place(store, job_id, newest, change)
                return True
            last = await _beside(store, job_id, newest, patch, change)
        except Conflict:
            continue
        done = True
        # Whoever moved the job meanwhile may not have seen the patch.
        if last == newest.seq:
            return True


async def set_going(store: QueueStore, job_id: str, found: StoredMessage) -> None:
    """Stores a schedule as it is once more; the server fires one whose time is over at once.

    `Conflict` when the job has moved on.
    """
    await _in_place(store, job_id, found, lambda _: None)


async def last_patch(store: QueueStore, job_id: str) -> StoredMessage | None:
    """What stands beside the job, if anything."""
    return await store.last(store.names.aux("patch", job_id))


async def as_it_went(store: QueueStore, job_id: str, old: Stored) -> Record:
    """The record of a job that was moved from there just now, with what was stored beside it since
    it was read.
    """
    if not store.may_be_patched or (is_schedule(old.subject) and state_of(old.subject) != HEAD):
        return old.record
    return fold(old.record, old.seq, await last_patch(store, job_id))


def missed(
    patch: StoredMessage | None, seen: Stored, moved: int
) -> Callable[[Record], None] | None:
    """The change that was stored beside the job after it was `seen` and before it was `moved`."""
    if patch is None or not seen.seq < patch.seq < moved:
        return None
    before, now = seen.record, _change(patch, seen.seq)
    if now is None:
        return None
    head = {k: v for k, v in now.head.items() if k not in before.head or before.head[k] != v}
    if not head and now.data == before.data and now.fixed == before.fixed:
        return None

    def change(record: Record) -> None:
        record.head.update(head)
        record.data = now.data
        record.fixed = now.fixed  # which holds the parent, of a job that was adopted

    return change


def is_outdated(patch: StoredMessage, seq: int) -> bool:
    """Whether the patch is of another message than the job's newest, which is `seq`."""
    if patch.seq < seq:
        return True
    try:
        return bool(Record.decode(patch.data).head.get(_OF, seq) != seq)
    except ValueError:
        return False


def _change(patch: StoredMessage, seq: int) -> Record | None:
    """What the patch says of the message `seq`; None if it is of another one, or is none."""
    if patch.seq < seq:
        return None
    try:
        record = Record.decode(patch.data)
    except ValueError as error:
        log.error("%s holds no change of a job and counts for none: %s", patch.subject, error)
        return None
    return record if record.head.pop(_OF, seq) == seq else None


async def _in_place(
    store: QueueStore, job_id: str, found: StoredMessage, change: Callable[[Record], None]
) -> None:
    record = Record.read(found.data)
    change(record)
    if "after" in record.head:
        record.head["after"] = found.seq
    headers: HeaderMap = {key: found.headers[key] for key in _COPIED}
    subject = found.subject
    if lane_of(subject) == OPEN:
        expect(headers, store.names.any_state(job_id), found.seq)
    else:
        subject = store.names.job(state_of(subject), job_id, turn(lane_of(subject)))
        drop(headers, found.subject, found.seq)
    if "due" in record.head:  # its place among jobs due at the same time is that of the first
        record.head["since"] = since(record.head, found.seq)
    await store.put(subject, record.encode(), headers)


async def _beside(
    store: QueueStore,
    job_id: str,
    found: StoredMessage,
    patch: StoredMessage | None,
    change: Callable[[Record], None],
) -> int:
    """The sequence of the job's newest message behind the patch; 0 when it is gone."""
    record = fold(Record.read(found.data), found.seq, patch)
    change(record)
    record.head[_OF] = found.seq
    subject = store.names.aux("patch", job_id)
    headers = expected(subject, 0 if patch is None else patch.seq)
    await store.mark("patched")
    # Again, for a worker that found no patch in between (`forget_patches`). Whoever claims the job
    # behind the look hears this before the claim is answered.
    again = partial(store.wire.send_now, store.names.hint(TRAITS["patched"]))
    job = store.names.any_state(job_id)
    last = await put_and_look(store, subject, record.encode(), headers, job, again)
    if last is None:
        await store.mark("patched")
        now = await store.newest(job_id)
        last = 0 if now is None else now.seq
    return last


async def forget_patches(store: QueueStore) -> None:
    """A worker that has not heard of patches for a while, and finds none, looks for none any more:
    they go when their job is claimed, and each look is a question per job.
    """
    told = store.traits_told
    if not store.patched or monotonic() - store.told_at < QUIET_S:
        return
    left = await store.last(store.names.all_aux("patch"))
    if left is None and store.traits_told == told:
        store.patched = False


__all__ = [
    "as_it_went",
    "fold",
    "forget_patches",
    "is_outdated",
    "last_patch",
    "missed",
    "patched",
    "read_patches",
    "rewrite",
    "set_going",
]
