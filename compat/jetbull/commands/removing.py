"""Removing a job, with its descendants or those of them that nobody has begun."""

from __future__ import annotations

from contextlib import suppress

from jetbull.commands.locks import is_locked
from jetbull.commands.removal import Met, remove_stored
from jetbull.errors import Conflict, StoreError
from jetbull.ledger.adding import schedules
from jetbull.ledger.belongings import belongings
from jetbull.ledger.finishing import finishing
from jetbull.ledger.job import reading
from jetbull.ledger.messages.names import CHILDREN, public_state_of, state_of
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.parents import bookkeeping, parentage
from jetbull.ledger.store.replicas import read_latest
from jetbull.ledger.store.store import QueueStore

_BELONGS_TO_SCHEDULER = -8
_KINDS = (
    bookkeeping.PROCESSED,
    bookkeeping.FAILED_KIND,
    bookkeeping.UNSUCCESSFUL,
    bookkeeping.PENDING,
)
_PROCESSED = ("active", "failed")
_AT_ONCE = 50  # children of one parent

Seen = set[Met]


async def remove(store: QueueStore, job_id: str, with_children: bool = True) -> int:
    """1 removed (or never there), 0 locked by a worker, -8 the next job of a scheduler."""
    while True:
        (found, has_children), left = await store.wire.together(
            _look(store, job_id), belongings.look(store, [job_id])
        )
        if found is None:
            return 1
        if await _pending_iteration(store, job_id, found):
            return _BELONGS_TO_SCHEDULER
        if await is_locked(store, job_id, found):
            return 0
        if with_children and has_children:
            if await _is_any_locked(store, job_id, set()):
                return 0
            # A descendant that a worker takes from here on goes too: half a tree is nobody's wish.
            await _remove_tree(store, job_id, set())
            return 1
        with suppress(Conflict):  # it moved on: a worker may hold it by now
            await remove_stored(store, job_id, found, left=left)
            return 1


async def _look(store: QueueStore, job_id: str) -> tuple[Stored | None, bool]:
    """The job, and whether it ever had children, by one question."""
    subjects = reading.subjects_of(store, job_id)
    books = store.names.dependencies(job_id)
    try:
        found = await read_latest(store, [*subjects, books])
    except StoreError:  # more children than come in one answer
        return await reading.find(store, job_id), True
    of_job = [m for m in found if not m.subject.startswith(books.partition("*")[0])]
    return reading.job_of(store, job_id, of_job), len(of_job) < len(found)


async def _pending_iteration(store: QueueStore, job_id: str, found: Stored) -> bool:
    """Whether it is the next job of a scheduler; an earlier one that runs again is not."""
    key = found.record.given.get("repeatJobKey")
    scheduler = await schedules.read(store, key) if key else None
    return scheduler is not None and job_id == schedules.job_id_of(scheduler.id, scheduler.next_ms)


async def _is_any_locked(store: QueueStore, job_id: str, seen: Seen) -> bool:
    """Whether a worker may hold a descendant of the job."""
    family = await _unseen_children(store, job_id, seen)
    for start in range(0, len(family), _AT_ONCE):
        some = family[start : start + _AT_ONCE]
        if any(await store.wire.together(*(_is_held(*child, seen) for child in some))):
            return True
    return False


async def _is_held(store: QueueStore, job_id: str, seen: Seen) -> bool:
    """Whether a worker may hold the job or a descendant of it."""
    found, has_children = await _look(store, job_id)
    if found is None:
        return False
    if await is_locked(store, job_id, found):
        return True
    return has_children and await _is_any_locked(store, job_id, seen)


async def _unseen_children(
    store: QueueStore, job_id: str, seen: Seen
) -> list[tuple[QueueStore, str]]:
    """Children, without those met already: jobs given to each other are a circle."""
    seen.add((store.names.qualified, job_id))
    family = await _children(store, job_id)
    return [(owner, i) for owner, i in family if (owner.names.qualified, i) not in seen]


async def _children(store: QueueStore, job_id: str) -> list[tuple[QueueStore, str]]:
    """Finished ones first, as BullMQ removes them; without those that left a moment ago."""
    books = await bookkeeping.entries(store, job_id)
    keys = [key for kind in _KINDS for key in books.get(kind, {})]
    return [await parentage.by_key(store, key) for key in keys]


async def _remove_tree(
    store: QueueStore, job_id: str, seen: Seen, doomed: Met | None = None
) -> None:
    """Removes the job behind its descendants. `doomed` is the parent that goes as well: it is not
    let go by their end, or a worker would run it.
    """
    met = (store.names.qualified, job_id)
    is_alone, family = met in seen, list[tuple[QueueStore, str]]()
    while True:
        (found, has_children), left = await store.wire.together(
            _look(store, job_id), belongings.look(store, [job_id])
        )
        if has_children and not is_alone:
            is_alone = True
            family = await _unseen_children(store, job_id, seen)
            for start in range(0, len(family), _AT_ONCE):
                some = family[start : start + _AT_ONCE]
                await store.wire.together(*(_remove_tree(*child, seen, met) for child in some))
            continue
        if found is None:
            return
        lets_go = bool(family) and state_of(found.subject) == CHILDREN
        with suppress(Conflict):  # it moved on
            await remove_stored(store, job_id, found, left=left, doomed=doomed, lets_go=lets_go)
            return


async def remove_unprocessed_children(
    store: QueueStore, job_id: str, seen: Seen | None = None
) -> None:
    """Removes the descendants that are neither finished nor held by a worker."""
    # Below the job itself all parents go as well.
    doomed = None if seen is None else (store.names.qualified, job_id)
    seen = set() if seen is None else seen
    seen.add((store.names.qualified, job_id))
    books = await bookkeeping.entries(store, job_id, bookkeeping.PENDING)
    pending = books.get(bookkeeping.PENDING, {})
    for key in pending:
        child_store, child_id = await parentage.by_key(store, key)
        if (child_store.names.qualified, child_id) in seen:
            continue
        if await _is_unprocessed(child_store, child_id):
            await remove_unprocessed_children(child_store, child_id, seen)
            await _remove_unprocessed(child_store, child_id, doomed)


async def _is_unprocessed(store: QueueStore, job_id: str) -> bool:
    found = await reading.find(store, job_id)
    return found is not None and not _is_processed(found)


def _is_processed(found: Stored) -> bool:
    """Whether the job ran, runs, or has ended without its parent knowing it yet."""
    return public_state_of(found.subject) in _PROCESSED or finishing.is_unsettled(found)


async def _remove_unprocessed(store: QueueStore, job_id: str, doomed: Met | None) -> None:
    while True:
        found = await reading.find(store, job_id)
        if found is None or _is_processed(found):
            return
        waits = state_of(found.subject) == CHILDREN
        lets_go = waits and not await bookkeeping.has_pending(store, job_id)
        with suppress(Conflict):  # it moved on: a worker may hold it by now
            await remove_stored(store, job_id, found, doomed=doomed, lets_go=lets_go)
            return


__all__ = ["remove", "remove_unprocessed_children"]
