"""Taking jobs off the target, with all that stands beside them."""

from __future__ import annotations

from jetbull.ledger.store.store import QueueStore

_OF_JOBS = ("patch", "sched", "dedup", "gate")  # aux messages that go with the jobs


async def remove(store: QueueStore, job_id: str) -> None:
    """Removes one job, in whatever state, and what belongs to it."""
    names = store.names
    await store.purge(names.any_state(job_id))
    await store.purge(names.aux("patch", job_id))
    await store.purge(names.dependencies(job_id))
    await _purge_outside(store, names.log(job_id), names.object(job_id, ">"))


async def clear_beside(store: QueueStore) -> None:
    """Removes what stands beside jobs, of all of the queue."""
    names = store.names
    await store.purge(names.all_dependencies())
    for kind in _OF_JOBS:
        await store.purge(names.all_aux(kind))
    await _purge_outside(store, names.all_logs(), names.all_objects())


async def _purge_outside(store: QueueStore, logs: str, objects: str) -> None:
    """Removes what is not in the stream of jobs."""
    space = store.names.space
    for stream, subject in ((space.logs, logs), (space.objects, objects)):
        await store.wire.api(f"STREAM.PURGE.{stream}", {"filter": subject})


__all__ = ["clear_beside", "remove"]
