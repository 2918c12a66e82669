"""Removing a job, with its descendants or those of them that nobody has begun."""

from __future__ import annotations

from contextlib import suppress

from jetbull.commands.farewells import Rows, add_removed, removed, tell
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
            rows = Rows()
            try:
                # A descendant that a worker takes from here on goes too: nobody wants half a tree.
                await _remove_tree(store, job_id, set(), rows)
            finally:
                tell(rows)
            return 1
        with suppress(Conflict):  # it moved on: a worker may hold it by now
            tell([removed(store, job_id, await remove_stored(store, job_id, found, left=left))])
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
    store: QueueStore, job_id: str, seen: Seen, rows: Rows, doomed: Met | None = None
) -> None:
    """Removes the job behind its descendants. `doomed` is the parent that goes as well: it is not
    let go by their end, or a worker would run it. What is to be told is added to `rows`.
    """
    met = (store.names.qualified, job_id)
    is_alone = met in seen
    while True:
        (found, has_children), left = await store.wire.together(
            _look(store, job_id), belongings.look(store, [job_id])
        )
        if has_children and not is_alone:
            is_alone = True
            family = [(*child, Rows()) for child in await _unseen_children(store, job_id, seen)]
            rows += [below for _, _, below in family]
            for start in range(0, len(family), _AT_ONCE):
                some = family[start : start + _AT_ONCE]
                await store.wire.together(
                    *(_remove_tree(owner, i, seen, below, met) for owner, i, below in some)
                )
            continue
        if found is None:
            return
        is_let_go = bool(rows) and state_of(found.subject) == CHILDREN
        with suppress(Conflict):  # it moved on
            state = await remove_stored(store, job_id, found, left=left, doomed=doomed)
            add_removed(store, job_id, state, rows, is_let_go)
            return


async def remove_unprocessed_children(store: QueueStore, job_id: str) -> None:
    """Removes the descendants that are neither finished nor held by a worker."""
    seen: Seen = {(store.names.qualified, job_id)}
    for owner, child_id in await _pending_children(store, job_id):
        rows = Rows()
        try:
            await _remove_unprocessed(owner, child_id, seen, rows)
        finally:
            tell(rows)


async def _pending_children(store: QueueStore, job_id: str) -> list[tuple[QueueStore, str]]:
    books = await bookkeeping.entries(store, job_id, bookkeeping.PENDING)
    return [await parentage.by_key(store, key) for key in books.get(bookkeeping.PENDING, {})]


async def _remove_unprocessed(
    store: QueueStore, job_id: str, seen: Seen, rows: Rows, doomed: Met | None = None
) -> None:
    """As `_remove_tree`, without the jobs that were processed and what is below them."""
    met = (store.names.qualified, job_id)
    found = await reading.find(store, job_id)
    if met in seen or found is None or _is_processed(found):
        return
    seen.add(met)
    for owner, child_id in await _pending_children(store, job_id):
        rows.append(below := Rows())
        await _remove_unprocessed(owner, child_id, seen, below, met)
    while True:
        found = await reading.find(store, job_id)
        if found is None or _is_processed(found):
            return
        waits = state_of(found.subject) == CHILDREN
        is_let_go = waits and not await bookkeeping.has_pending(store, job_id)
        with suppress(Conflict):  # it moved on: a worker may hold it by now
            state = await remove_stored(store, job_id, found, doomed=doomed)
            add_removed(store, job_id, state, rows, is_let_go)
            return


def _is_processed(found: Stored) -> bool:
    """Whether the job ran, runs, or has ended without its parent knowing it yet."""
    return public_state_of(found.subject) in _PROCESSED or finishing.is_unsettled(found)


__all__ = ["remove", "remove_unprocessed_children"]
