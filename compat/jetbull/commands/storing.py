"""Storing one prepared job under BullMQ's rules for duplicates, deduplication and parents."""

from __future__ import annotations

from jetbull.commands import deduplicating, linking
from jetbull.commands.preparing import renumber
from jetbull.commands.ruling import Rule
from jetbull.ledger.adding.adding import NewJob
from jetbull.ledger.adding.adding import add as store_job
from jetbull.ledger.belongings import blobs
from jetbull.ledger.job import reading
from jetbull.ledger.messages.placing import Place
from jetbull.ledger.store.store import QueueStore


async def store_one(store: QueueStore, new: NewJob, rule: Rule | None) -> str:
    """Stores the job, or not; the id of the job that now stands for it."""
    if rule is not None and not await _is_there(store, new):
        job_id = await deduplicating.add(store, new, rule)
        arm(store, job_id, new.place)
        return job_id
    await blobs.externalize(store, new.job_id, new.record)
    if new.record.given.get("parent"):
        job_id = await linking.add_child(store, new)
    else:
        while not await store_job(store, new):
            if not new.generated:
                store.emit("duplicated", jobId=new.job_id)
                break
            await renumber(store, new)
        job_id = new.job_id
    arm(store, job_id, new.place)
    return job_id


def arm(store: QueueStore, job_id: str, place: Place) -> None:
    """Lets this process promote the job in time, if it is delayed."""
    if place.due_ms:
        store.promoter.arm(job_id, place.due_ms)


async def _is_there(store: QueueStore, new: NewJob) -> bool:
    return not new.generated and await reading.find(store, new.job_id) is not None


__all__ = ["arm", "store_one"]
