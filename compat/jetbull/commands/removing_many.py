"""Removing many jobs that nobody else has to be told of, in steps of a thousand."""

from __future__ import annotations

from collections.abc import Iterable

from jetbull.commands.removal import leave_parent
from jetbull.errors import StoreError
from jetbull.ledger.belongings import belongings
from jetbull.ledger.belongings.belongings import delete
from jetbull.ledger.job import late, patches
from jetbull.ledger.job.moving import transition
from jetbull.ledger.messages.names import is_schedule, lane_of, state_of
from jetbull.ledger.messages.placing import REMOVED
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.parents import bookkeeping, parentage
from jetbull.ledger.queue.pages import Rows
from jetbull.ledger.store.batch import Message, commit, most_in_batch
from jetbull.ledger.store.store import QueueStore

_AT_ONCE = 1000
_TIES = ("parent", "deduplicationId")
_FEW = 50  # jobs that are removed, and messages that are deleted, one by one

Lane = tuple[str, str]


def is_tied(stored: Stored) -> bool:
    """Whether somebody else has to learn that the job is gone."""
    return any(tie in stored.record.given for tie in _TIES)


async def remove_many(
    store: QueueStore, rows: Rows, others: Rows | None = None
) -> tuple[Rows, Rows]:
    """Removes jobs without ties: those that went, and those that are not as they were read.

    `others`, when all of the state was read, are the jobs of it that stay: then what is left of a
    step is purged by lane, which takes a fraction of the time. A step is refused as a whole; few
    jobs go one by one, unless the server writes each to the disk.
    """
    if len(rows) <= _FEW and store.wire.pace.takes_first(len(rows)):
        return await _remove_few(store, rows)
    gone: Rows = []
    refused: Rows = []
    spared = None if others is None else _first_of_each_lane(stored for _, stored in others)
    rows = sorted(rows, key=lambda row: row[1].seq)
    size = min(_AT_ONCE, most_in_batch(store.wire))
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        left = await belongings.look(store, [job_id for job_id, _ in some])
        if await _step(store, some):
            await _clear(store, some, left, None if refused else spared)
            gone += some
        else:
            refused += some
    return gone, refused


async def _remove_few(store: QueueStore, rows: Rows) -> tuple[Rows, Rows]:
    left = await belongings.look(store, [job_id for job_id, _ in rows])
    done = await store.wire.together(*(_remove_one(store, row) for row in rows))
    gone = [row for row, is_done in zip(rows, done, strict=True) if is_done]
    await _clear(store, gone, left, None)
    return gone, [row for row, is_done in zip(rows, done, strict=True) if not is_done]


def _tombstone(store: QueueStore, row: tuple[str, Stored]) -> Message:
    job_id, stored = row
    return transition(store.names, job_id, stored, stored.record.with_head({}), REMOVED)


async def _remove_one(store: QueueStore, row: tuple[str, Stored]) -> bool:
    message = _tombstone(store, row)
    try:
        await store.put(message.subject, message.payload, message.headers)
    except StoreError:
        return False  # whoever removes it by itself will see why
    return True


async def _step(store: QueueStore, rows: Rows) -> bool:
    tombstones = [_tombstone(store, row) for row in rows]
    try:
        await commit(store.wire, store.names.space.jobs, tombstones)
    except StoreError:
        return False  # one by one it shows which of them can go, and why others cannot
    return True


async def _clear(
    store: QueueStore, gone: Rows, left: belongings.Found, spared: dict[Lane, int] | None
) -> None:
    """Removes what no tombstone ended, and what belonged to the jobs."""
    parents = await _parents_since(store, gone)
    await store.wire.together(
        belongings.remove(store, left, [job_id for job_id, _ in gone]),
        _drop(store, [stored for _, stored in gone], spared),
        _drop_promoted(store, gone),
    )
    for parent in parents:
        if await bookkeeping.book(parent, bookkeeping.NOTHING, "null"):
            await leave_parent(store, parent, in_bulk=True)


async def _parents_since(store: QueueStore, gone: Rows) -> list[parentage.Parent]:
    """Parents that were given to the jobs between the look at them and their end."""
    if not store.may_be_patched:
        return []
    beside = await patches.read_patches(store, [job_id for job_id, _ in gone])
    given: list[parentage.Parent] = []
    for job_id, stored in gone:
        record = patches.fold(stored.record, stored.seq, beside.get(job_id))
        parent = await parentage.parent_of(store, record, job_id)
        given += [] if parent is None else [parent]
    return given


async def _drop_promoted(store: QueueStore, gone: Rows) -> None:
    await delete(store, await late.promoted_beside(store, gone))


async def _drop(store: QueueStore, gone: list[Stored], spared: dict[Lane, int] | None) -> None:
    """Removes the messages that no tombstone ended: those that are no schedules."""
    lanes: dict[Lane, list[int]] = {}
    for stored in gone:
        if not is_schedule(stored.subject):
            lanes.setdefault(_lane(stored), []).append(stored.seq)
    for lane, seqs in lanes.items():
        if spared is not None and len(seqs) > _FEW:
            end = min(spared.get(lane, seqs[-1] + 1), seqs[-1] + 1)
            await store.purge(store.names.all_in(*lane), seq=end)
            seqs = [seq for seq in seqs if seq >= end]
        await delete(store, seqs)


def _lane(stored: Stored) -> Lane:
    return state_of(stored.subject), lane_of(stored.subject)


def _first_of_each_lane(rows: Iterable[Stored]) -> dict[Lane, int]:
    first: dict[Lane, int] = {}
    for stored in rows:
        lane = _lane(stored)
        first[lane] = min(stored.seq, first.get(lane, stored.seq))
    return first


__all__ = ["is_tied", "remove_many"]
