"""Children whose end their parent should have heard of, and did not: whoever was to tell it died.

Every worker looks for such parents now and then (`workers.upkeep`), and whoever completes a parent
looks for itself before it says that children are pending.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from jetbull.ledger.adding import note_reading
from jetbull.ledger.job import reading
from jetbull.ledger.messages.clock import now_ms, parse_ms
from jetbull.ledger.messages.names import last_token
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.parents import bookkeeping, parentage, parents
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

log = logging.getLogger("jetbull.jobs")

OLD_ENOUGH_MS = 15_000  # younger ones are being dealt with by whoever caused them
_CHILDREN = 50  # per parent and look


async def is_pending(store: QueueStore, parent_id: str) -> bool:
    """Whether the parent still waits for a child once it knows of the ends that it has missed."""
    if not await bookkeeping.has_pending(store, parent_id):
        return False
    noted = await note_reading.held(store)
    await book_out(store, parent_id, noted, lambda _: True, _is_old)
    return await bookkeeping.has_pending(store, parent_id)


def _is_old(wait: StoredMessage) -> bool:
    return now_ms() - parse_ms(wait.time) >= OLD_ENOUGH_MS


async def book_out(
    store: QueueStore,
    parent_id: str,
    noted: set[tuple[str, str]],
    is_due: Callable[[StoredMessage], bool],
    is_lost: Callable[[StoredMessage], bool],
) -> None:
    """Goes through the children that the parent waits for, as its messages `pend` say.

    Where a wait `is_due`, the parent is told how the child ended, if it has; and where it `is_lost`
    as well and no job of that id is its child, the parent waits for it no longer. Left alone are
    children that a migration has yet to bring, and those that are `noted` (`note_reading.held`):
    they are still to be stored.
    """
    query = {
        "next_by_subj": store.names.dependencies(parent_id, bookkeeping.PENDING),
        "seq": 1,
        "batch": _CHILDREN,
    }
    for message in await store.wire.get_batch(store.names.space.jobs, query):
        if message.data == bookkeeping.ELSEWHERE or not is_due(message):
            continue
        key = last_token(message.subject)
        child_store, child_id = await parentage.by_key(store, key)
        if (child_store.names.qualified, child_id) in noted:
            continue
        child = await reading.find(child_store, child_id)
        parent = parentage.Parent(store, parent_id, key)
        if child is not None and await _is_child_of(parent, child_store, child, child_id):
            await parents.tell_missed(child_store, child, child_id)
        elif is_lost(message) and await bookkeeping.book(parent, bookkeeping.NOTHING, "null"):
            log.warning("child %s of %s is not there any more", key, parent_id)


async def _is_child_of(
    parent: parentage.Parent, store: QueueStore, child: Stored, child_id: str
) -> bool:
    """Whether the job of that id is the one the parent waits for: the id of a removed child may be
    another's by now, and who was to give a job to the parent may have died before it was.
    """
    named = await parentage.parent_of(store, child.record, child_id)
    if named is None:
        return False
    return (named.store.names.qualified, named.job_id) == (
        parent.store.names.qualified,
        parent.job_id,
    )


__all__ = ["OLD_ENOUGH_MS", "book_out", "is_pending"]
