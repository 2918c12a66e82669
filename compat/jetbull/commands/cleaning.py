"""Removing many jobs: drain, clean, obliterate; and cutting the event history."""

from __future__ import annotations

from collections.abc import Callable

from jetbull.commands import removal
from jetbull.errors import Conflict, JetbullError
from jetbull.ledger import counting, hub, pages, schedules
from jetbull.ledger.clock import now_ms
from jetbull.ledger.record import Stored
from jetbull.ledger.store import QueueStore

_TYPES = {
    "completed": "completed",
    "failed": "failed",
    "wait": "waiting",
    "waiting": "waiting",
    "paused": "waiting",
    "active": "active",
    "delayed": "delayed",
    "prioritized": "prioritized",
}


async def drain(store: QueueStore, delayed: bool) -> None:
    """Removes what waits, by priority too, and what is delayed if asked."""
    states = ["waiting", "prioritized", *(["delayed"] if delayed else [])]
    for name in states:
        await _remove_where(store, name, lambda _: True, 0)


async def clean(store: QueueStore, grace_ms: int, limit: int, kind: str) -> list[str]:
    """Removes jobs of a state older than `grace_ms`, oldest first; their ids."""
    name = _TYPES.get(kind)
    if name is None:
        return []
    cutoff = now_ms() - grace_ms

    def old_enough(stored: Stored) -> bool:
        head, given = stored.record.head, stored.record.given
        if name in ("completed", "failed"):
            return int(head.get("finishedOn") or 0) <= cutoff
        return int(head.get("processedOn") or given["timestamp"]) <= cutoff

    removed = await _remove_where(store, name, old_enough, limit)
    store.emit("cleaned", count=str(len(removed)))
    return removed


async def _remove_where(
    store: QueueStore, name: str, wanted: Callable[[Stored], bool], limit: int
) -> list[str]:
    if name == "active":
        return []
    pending = {
        schedules.job_id_of(s.id, s.next_ms) for s in await schedules.read_all(store)
    }
    removed: list[str] = []
    for job_id, stored in await pages.page(store, name, 0, -1, True):
        if limit and len(removed) >= limit:
            break
        if job_id in pending or not wanted(stored):
            continue
        try:
            await removal.remove_stored(store, job_id, stored, silent=True)
        except Conflict:
            continue
        removed.append(job_id)
    return removed


async def obliterate(store: QueueStore, force: bool) -> None:
    """Removes everything the queue holds; refuses while jobs are active unless forced."""
    if not force and (await counting.count_all(store))["active"]:
        raise JetbullError("Cannot obliterate queue with active jobs")
    names = store.names
    await store.event_log.flush()
    store.families = False
    await store.purge(names.everything())
    await store.purge(names.all_dependencies())
    for stream, subject in (
        (names.space.events, names.events),
        (names.space.counters, names.counter(">")),
        (names.space.logs, names.all_logs()),
        (names.space.objects, names.all_objects()),
    ):
        await store.wire.api(f"STREAM.PURGE.{stream}", {"filter": subject})
    store.levels.clear()
    store.patched = False
    hub.forget_ids(names.space.prefix, names.name)
    await store.hint("meta")


async def trim_events(store: QueueStore, max_length: int) -> int:
    """Keeps about the newest `max_length` events."""
    await store.event_log.flush()
    body: dict[str, object] = {"filter": store.names.events}
    if max_length > 0:
        body["keep"] = max_length
    answer = await store.wire.api(f"STREAM.PURGE.{store.names.space.events}", body)
    return int(answer.get("purged", 0))
