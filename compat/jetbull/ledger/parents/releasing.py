"""Letting a parent go that waits for its children: when none is pending, or one may not fail."""

from __future__ import annotations

import asyncio

from jetbull.errors import Conflict
from jetbull.ledger.job.moving import move
from jetbull.ledger.job.patches import rewrite
from jetbull.ledger.job.reading import as_stored, find
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import CHILDREN, DELAYED, public_state_of, state_of
from jetbull.ledger.messages.placing import delayed, waiting
from jetbull.ledger.messages.record import Record, Stored
from jetbull.ledger.parents.bookkeeping import has_pending, unsuccessful
from jetbull.ledger.store.store import QueueStore


async def release(
    store: QueueStore,
    parent_id: str,
    *,
    at_once: bool = False,
    quiet: bool = False,
    removed: bool = False,
) -> None:
    """Lets the parent go if it waits for children and none is pending, or `at_once`.

    A `quiet` release tells no event. Where the last child was `removed`, the parent goes to the
    head of the line whatever its delay and priority, as in BullMQ.
    """
    while True:
        if not at_once and await has_pending(store, parent_id):
            return
        newest, failed = await asyncio.gather(
            store.newest(parent_id), unsuccessful(store, parent_id)
        )
        if newest is None or state_of(newest.subject) != CHILDREN:
            return
        found = as_stored(newest)
        record = found.record.copy()
        if failed is not None:  # the process that booked it may not have called `doom` yet
            record.head["deferredFailure"] = why_doomed(failed)
        try:
            await _let_go(store, parent_id, found, record, quiet, removed)
        except Conflict:
            continue
        return


def why_doomed(child_key: str) -> str:
    """BullMQ's words for a parent that fails by a child."""
    return f"child {child_key} failed"


async def doom(store: QueueStore, parent_id: str, reason: str) -> None:
    """A child failed in a way that fails its parent: whoever takes the parent next fails it.

    A parent that waits for children or for its time is moved to the line at once; elsewhere only
    the reason is noted. A failed one stays as it is.
    """

    def note(record: Record) -> None:
        record.head["deferredFailure"] = reason

    while True:
        found = await find(store, parent_id)
        if found is None or public_state_of(found.subject) == "failed":
            return
        state = state_of(found.subject)
        if state not in (CHILDREN, DELAYED):
            await rewrite(store, parent_id, note)
            return
        record = found.record.copy()
        note(record)
        if state == DELAYED:
            record.head.pop("delay", None)
        try:
            await _let_go(store, parent_id, found, record)
        except Conflict:
            continue
        return


async def _let_go(
    store: QueueStore,
    parent_id: str,
    found: Stored,
    record: Record,
    quiet: bool = False,
    removed: bool = False,
) -> None:
    """Moves the parent to the head of the line; its delay, if it has one, begins now."""
    delay = int(record.head.get("delay", 0))
    place = waiting(0 if removed else record.priority, lifo=True)
    if delay > 0 and not removed:
        place = delayed(now_ms() + delay, record.priority)
    await move(store, parent_id, found, record, place)
    if place.due_ms:
        store.promoter.arm(parent_id, place.due_ms)
    if quiet:
        return
    if place.due_ms:
        store.emit("delayed", jobId=parent_id, delay=str(place.due_ms))
    else:
        store.emit("waiting", jobId=parent_id, prev="waiting-children")


__all__ = ["doom", "release", "why_doomed"]
