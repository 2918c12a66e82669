"""Jobs whose large data is gone, as where a queue is obliterated in the middle of their add."""

from __future__ import annotations

import asyncio

from jetbull import Job, Queue, Worker


async def test_a_job_whose_large_data_is_missing_fails_when_it_has_stalled_too_often(
    queue: Queue, name: str
) -> None:
    await queue.add("job", "x" * 100_000, {"jobId": "a"})
    store = await queue.ledger()
    stream = store.names.space.objects
    await store.wire.api(f"STREAM.PURGE.{stream}", {"filter": store.names.all_objects()})
    failed = asyncio.Queue[str]()
    ran: list[str] = []

    async def process(job: Job, token: str) -> None:
        ran.append(str(job.id))

    options = {"connection": queue.opts["connection"], "lockDuration": 500, "maxStalledCount": 0}
    async with Worker(name, process, options) as worker:
        worker.on("error", lambda *_: None)
        worker.on("failed", lambda job, error, *_: failed.put_nowait(str(error)))
        async with asyncio.timeout(30):
            assert await failed.get() == "job stalled more than allowable limit"
    assert ran == []
    assert await queue.getJobState("a") == "failed"
