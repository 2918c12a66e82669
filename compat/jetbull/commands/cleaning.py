"""Removing many jobs: drain and clean; and cutting the event history."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import groupby

from jetbull.commands import removal
from jetbull.commands.removing_many import is_tied, remove_many
from jetbull.errors import Conflict
from jetbull.ledger.adding import schedules
from jetbull.ledger.belongings import belongings
from jetbull.ledger.messages.clock import by_server
from jetbull.ledger.messages.names import ACTIVE, PUBLIC_STATES, state_of
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.queue import pages
from jetbull.ledger.store.store import QueueStore

_AT_ONCE = 100
_FINISHED = ("completed", "failed")


async def drain(store: QueueStore, delayed: bool) -> None:
    """Removes what waits, by priority too, and what is delayed if asked."""
    names = ("waiting", *(["delayed"] if delayed else []), "prioritized")
    pending, *lines = await store.wire.together(
        _pending_iterations(store), *(pages.page(store, name, 0, -1, True) for name in names)
    )
    for name, found in zip(names, lines, strict=True):
        await _remove_where(store, name, found, pending, lambda _: True, whole=True)


async def clean(store: QueueStore, grace_ms: int, limit: int, kind: str) -> list[str]:
    """Removes jobs of a state older than `grace_ms`, the first `limit` (0: all) of it; their ids.

    Lines are named from their end (newest first), sorted states from their beginning. An active
    job goes only when its lock is over.
    """
    name = "waiting" if kind == "wait" else kind
    # Rounded as the times of new jobs are, so that a grace of 0 spares none.
    cutoff = by_server(round(time.time() * 1000)) - grace_ms

    def old_enough(stored: Stored) -> bool:
        head, given = stored.record.head, stored.record.given
        if name in _FINISHED:
            return int(head.get("finishedOn") or 0) <= cutoff
        if state_of(stored.subject) == ACTIVE:
            return False
        return int(head.get("processedOn") or given["timestamp"]) <= cutoff

    removed: list[str] = []
    if name in _FINISHED:  # also the last job of a scheduler that has reached its limit
        found = await pages.page(store, name, 0, max(limit, 0) - 1, True)
        removed = await _remove_where(store, name, found, set(), old_enough)
    elif name in PUBLIC_STATES:
        pending, found = await store.wire.together(
            _pending_iterations(store), pages.page(store, name, 0, max(limit, 0) - 1, True)
        )
        removed = await _remove_where(store, name, found, pending, old_enough)
    store.emit("cleaned", count=str(len(removed)))
    return removed


async def _pending_iterations(store: QueueStore) -> set[str]:
    """The ids of the next jobs of schedulers, which stay."""
    return {schedules.job_id_of(s.id, s.next_ms) for s in await schedules.read_all(store)}


async def _remove_where(
    store: QueueStore,
    name: str,
    found: pages.Rows,
    pending: set[str],
    wanted: Callable[[Stored], bool],
    whole: bool = False,
) -> list[str]:
    """The ids of those that went. `whole`: what is not wanted stays, all else goes."""
    if name in ("waiting", "active"):
        found.reverse()  # lines from their end, so the parent of the first in line goes first
    rows = [row for row in found if row[0] not in pending and wanted(row[1])]
    free = [row for row in rows if not is_tied(row[1])]
    ids = {job_id for job_id, _ in free}
    others = [row for row in found if row[0] not in ids] if whole else None
    gone, refused = await remove_many(store, free, others)
    removed = {job_id for job_id, _ in gone}
    retry = {job_id for job_id, _ in refused}
    tied = [row for row in rows if is_tied(row[1]) or row[0] in retry]
    for start in range(0, len(tied), _AT_ONCE):
        some = tied[start : start + _AT_ONCE]
        left = await belongings.look(store, [job_id for job_id, _ in some])
        ended = await _remove(store, some)
        await belongings.remove(store, left, ended)
        removed.update(ended)
    return [job_id for job_id, _ in rows if job_id in removed]


async def _remove(store: QueueStore, rows: pages.Rows) -> list[str]:
    """Children of different parents go one after the other: so do their parents."""
    done: list[bool] = []
    for _, family in groupby(rows, lambda row: row[1].record.given.get("parentKey")):
        done += await store.wire.together(*(_removed(store, *row) for row in family))
    return [job_id for (job_id, _), gone in zip(rows, done, strict=True) if gone]


async def _removed(store: QueueStore, job_id: str, stored: Stored) -> bool:
    try:
        await removal.remove_stored(store, job_id, stored, in_bulk=True)
    except Conflict:
        return False
    return True


async def trim_events(store: QueueStore, max_length: int) -> int:
    """Keeps about the newest `max_length` events."""
    await store.event_log.flush()
    body: dict[str, object] = {"filter": store.names.events}
    if max_length > 0:
        body["keep"] = max_length
    answer = await store.wire.api(f"STREAM.PURGE.{store.names.space.events}", body)
    return int(answer.get("purged", 0))


__all__ = ["clean", "drain", "trim_events"]
