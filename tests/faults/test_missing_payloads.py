"""Jobs whose large data is gone, as where a queue is obliterated in the middle of their add."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from jetbull import Job, Queue, Worker

LARGE = "x" * 100_000


async def test_a_job_whose_large_data_is_missing_fails_when_it_has_stalled_too_often(
    queue: Queue, name: str
) -> None:
    await queue.add("job", LARGE, {"jobId": "a"})
    await _without_payloads(queue)
    async with _failures(queue) as failed:
        assert await failed.get() == "job stalled more than allowable limit"
    assert await queue.getJobState("a") == "failed"


async def test_a_schedulers_job_whose_large_data_is_missing_fails_and_says_why(
    queue: Queue, name: str
) -> None:
    job = await queue.upsertJobScheduler("s", {"every": 3_600_000}, {"data": LARGE})
    assert job is not None
    await _without_payloads(queue)
    async with _failures(queue) as failed:
        assert (
            await failed.get() == f"Part 0 of what belongs to job {job.id} is missing in the store."
        )
    assert await queue.getJobState(job.id) == "failed"


async def _without_payloads(queue: Queue) -> None:
    store = await queue.ledger()
    pattern = {"filter": store.names.all_objects()}
    await store.wire.api(f"STREAM.PURGE.{store.names.space.objects}", pattern)


@asynccontextmanager
async def _failures(queue: Queue) -> AsyncIterator[asyncio.Queue[str]]:
    """Reasons why jobs fail, of a worker that runs none."""
    failed = asyncio.Queue[str]()
    ran: list[str] = []

    async def process(job: Job, token: str) -> None:
        ran.append(str(job.id))

    options = {"connection": queue.opts["connection"], "lockDuration": 500, "maxStalledCount": 0}
    async with Worker(queue.name, process, options) as worker:
        worker.on("error", lambda *_: None)
        worker.on("failed", lambda job, error, *_: failed.put_nowait(str(error)))
        async with asyncio.timeout(30):
            yield failed
    assert ran == []
