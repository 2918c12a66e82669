"""Questions whose answer the server ends at some size are asked on until all is there."""

from __future__ import annotations

import asyncio

from jetbull import Queue
from jetbull.ledger.job import reading

_JOBS = 24
_DATA = {"text": "x" * 400_000}  # together more than twice what one answer holds


async def test_a_page_of_large_jobs_is_whole(queue: Queue) -> None:
    entries = [{"name": "job", "data": {}, "opts": {"delay": 10**8}} for _ in range(_JOBS)]
    jobs = await queue.addBulk(entries)
    await asyncio.gather(*(job.updateData(_DATA) for job in jobs))
    page = await queue.getJobs(["delayed"], 0, -1, True)
    assert [job.id for job in page] == [job.id for job in jobs]
    assert all(job.data == _DATA for job in page)
    found = await reading.find_many(await queue.ledger(), [str(job.id) for job in jobs])
    assert len(found) == _JOBS
