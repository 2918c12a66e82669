"""What the end of one job takes along: what it held, its place in the order, its parent's wait."""

from __future__ import annotations

from contextlib import suppress

from jetbull.errors import Conflict, StoreError
from jetbull.ledger.adding import deduplication
from jetbull.ledger.belongings import belongings
from jetbull.ledger.belongings.belongings import delete
from jetbull.ledger.finishing import finishing
from jetbull.ledger.job import late, patches, reading
from jetbull.ledger.job.moving import move
from jetbull.ledger.messages.names import CHILDREN, GONE, is_schedule, public_state_of, state_of
from jetbull.ledger.messages.placing import REMOVED
from jetbull.ledger.messages.record import Record, Stored
from jetbull.ledger.parents import bookkeeping, parentage, releasing
from jetbull.ledger.store.store import QueueStore

Met = tuple[str, str]
"""A job met on the way through a family: queue and id."""


async def remove_stored(
    store: QueueStore,
    job_id: str,
    found: Stored,
    in_bulk: bool = False,
    left: belongings.Found | None = None,
    doomed: Met | None = None,
) -> str:
    """Removes a job that was just read; `Conflict` when it changed meanwhile. `left` is what
    belongs to it, if that was looked for. Gives its state; that it is gone is the caller's to tell,
    behind what was told of its parent.

    A parent that is `doomed` (queue, id) is not let go.

    `in_bulk` (drain, clean, obliterate) is BullMQ's harder way: no event is told, and a parent in
    the same queue that waited for this job alone is removed as well. What belongs to the job is
    left to the caller: see `belongings.look`.
    """
    if doomed is None:
        ended = await finishing.at_rest(store, job_id, found)
        if ended is None:
            raise Conflict(f"Job {job_id} was settled by somebody else.")
        found = ended
    state = public_state_of(found.subject)
    if in_bulk:
        left = {}
    elif left is None:
        left = await belongings.look(store, [job_id])
    record, grave = await _bury(store, job_id, found, state, in_bulk, left)
    dedup_id = found.record.given.get("deduplicationId")
    if dedup_id:
        await deduplication.free(store, dedup_id, job_id)
    parent = await parentage.parent_of(store, record, job_id)
    left_now = (
        parent is not None
        and not await _is_back(store, job_id, grave, parent)
        and await bookkeeping.book(parent, bookkeeping.NOTHING, "null", before=grave)
    )
    if parent is not None and left_now and doomed != (parent.store.names.qualified, parent.job_id):
        await leave_parent(store, parent, in_bulk)
    return state


async def _is_back(store: QueueStore, job_id: str, grave: int, parent: parentage.Parent) -> bool:
    """Whether the parent got a child of that id anew behind the tombstone: it waits for that."""
    newest = await store.newest(job_id) if grave else None
    if newest is None or newest.seq <= grave or state_of(newest.subject) == GONE:
        return False
    return await parentage.parent_of(store, Record.read(newest.data), job_id) == parent


async def _bury(
    store: QueueStore,
    job_id: str,
    found: Stored,
    state: str,
    in_bulk: bool,
    left: belongings.Found,
) -> tuple[Record, int]:
    """The record as it was in the end, for the job may have got a parent since it was read; and the
    sequence of its tombstone (0: it has none).
    """
    try:
        # The old message goes along with what belongs to the job: that is one way to the server.
        gone, alone = found.record.with_head({}), not in_bulk
        tombstone = await move(
            store, job_id, found, gone, REMOVED, keep_old=alone, keep_patch=alone
        )
    except Conflict:
        raise
    except StoreError:
        # A full store takes no tombstone; a job at rest can go without one, and makes room.
        if state not in ("completed", "failed"):
            raise
        if await store.purge(found.subject, seq=found.seq + 1):
            await belongings.remove(store, left)
        return found.record, 0
    if in_bulk:
        return await patches.as_it_went(store, job_id, found), tombstone.seq
    rooms = [belongings.remove(store, left)]
    if not is_schedule(found.subject) and found.subject != tombstone.subject:
        rooms.append(_drop(store, job_id, found))
    told, *_ = await store.wire.together(patches.as_it_went(store, job_id, found), *rooms)
    return told, tombstone.seq


async def _drop(store: QueueStore, job_id: str, found: Stored) -> None:
    """Up to what was seen: the job may be back on this subject by now."""
    await store.purge(found.subject, seq=found.seq + 1)
    await delete(store, await late.promoted_beside(store, [(job_id, found)]))


async def leave_parent(store: QueueStore, parent: parentage.Parent, in_bulk: bool) -> None:
    """What becomes of a parent that does not wait for a removed child any more."""
    if not in_bulk or parent.store.names.qualified != store.names.qualified:
        await releasing.release(parent.store, parent.job_id, quiet=in_bulk, removed=True)
        return
    while True:
        waiting = await reading.find(store, parent.job_id)
        if waiting is None or state_of(waiting.subject) != CHILDREN:
            return
        if await bookkeeping.has_pending(store, parent.job_id):
            return
        left = await belongings.look(store, [parent.job_id])
        with suppress(Conflict):  # a sibling that was removed at the same time was quicker
            await remove_stored(store, parent.job_id, waiting, in_bulk)
            await belongings.remove(store, left)
            return


__all__ = ["Met", "leave_parent", "remove_stored"]
