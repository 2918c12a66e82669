"""An outcome is told once, even when a lock or a settling fires at that very moment."""

from __future__ import annotations

import asyncio

from jetbull import Job, Queue, Worker
from jetbull.ledger.job.moving import move, transition
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import SETTLE
from jetbull.ledger.messages.placing import DONE, SETTLE_MS, unsettled
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.streams.events import decode

from .apart import apart
from .tickets import Counting, held, settled


async def test_a_settling_that_comes_due_behind_the_settled_job_is_not_told_twice(
    shared_url: str, name: str
) -> None:
    queue = Queue(name, apart(shared_url, 0))
    store = await queue.ledger()
    job = await queue.add("job", {})
    lease, _ = await held(store, job.id)
    open_place = unsettled("completed", now_ms() + SETTLE_MS)
    message = transition(store.names, job.id, lease, lease.record, open_place)
    open_ = await move(store, job.id, lease, lease.record, open_place)
    await move(store, job.id, open_, open_.record, DONE["completed"])
    await store.put(store.names.job(SETTLE, job.id, "completed"), message.payload, {})
    worker = Worker(name, Counting(), apart(shared_url, 1))
    await settled(store, SETTLE)
    assert await job.isCompleted()
    await worker.close()
    await store.event_log.flush()
    assert await outcomes(store) == {}
    await queue.close()


async def outcomes(store: QueueStore) -> dict[str, int]:
    """How many `completed` events each job has."""
    told: dict[str, int] = {}
    query = {"next_by_subj": store.names.events, "seq": 1, "batch": 5000}
    for message in await store.wire.get_batch(store.names.space.events, query):
        for event in decode(message.data):
            if event["event"] == "completed":
                told[event["jobId"]] = told.get(event["jobId"], 0) + 1
    return told


async def test_outcomes_stored_while_all_locks_expire_are_told_once(
    shared_url: str, name: str
) -> None:
    jobs = 400
    queue = Queue(name, apart(shared_url, 0))
    store = await queue.ledger()
    await queue.addBulk([{"name": "job", "data": {}} for _ in range(jobs)])
    begun = now_ms()
    due = begun + 2000

    async def process(job: Job, token: str) -> None:
        # Ends around the moment in which the lock of every other job expires.
        if job.attemptsStarted == 1:
            await asyncio.sleep((due - now_ms() + int(job.id or 0) * 300 / jobs) / 1000)

    opts = {"concurrency": jobs, "lockDuration": 2000, "lockRenewTime": 60_000}
    worker = Worker(name, process, {**apart(shared_url, 1), **opts, "maxStalledCount": 50})
    worker.on("error", lambda *_: None)
    async with asyncio.timeout(90):
        while await queue.getCompletedCount() < jobs:
            await asyncio.sleep(0.1)
    await worker.close()
    await store.event_log.flush()
    told = await outcomes(store)
    assert len(told) == jobs
    assert {job_id: times for job_id, times in told.items() if times > 1} == {}
    await queue.close()
