"""Tickets are acknowledged together, some milliseconds after their jobs were taken."""

from __future__ import annotations

import asyncio

import pytest

from jetbull import Job, Queue, Worker
from jetbull.ledger.messages.names import WAIT
from jetbull.ledger.store.store import QueueStore


async def until_no_ticket_is_left(store: QueueStore) -> None:
    async with asyncio.timeout(4):  # less than it takes for a ticket to be handed out again
        while await store.wire.get_last(store.names.space.jobs, store.names.all_in(WAIT)):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("count", [1, 250])
async def test_a_worker_that_closes_at_once_leaves_no_ticket(queue: Queue, count: int) -> None:
    started: list[str] = []
    all_started = asyncio.Event()

    async def process(job: Job, token: str) -> None:
        started.append(str(job.id))
        if len(started) == count:
            all_started.set()

    await queue.addBulk([{"name": "job", "data": n, "opts": {}} for n in range(count)])
    worker = Worker(queue.name, process, {"connection": queue.opts["connection"], "concurrency": 9})
    await all_started.wait()
    await worker.close()
    await until_no_ticket_is_left(await queue.ledger())
    assert await queue.getCompletedCount() == count


async def test_a_job_that_goes_back_to_the_line_at_once_runs_again(queue: Queue) -> None:
    done = asyncio.Event()

    async def process(job: Job, token: str) -> None:
        if job.attemptsMade < 2:
            raise ValueError("again")
        done.set()

    await queue.add("job", {}, {"attempts": 3})
    worker = Worker(queue.name, process, {"connection": queue.opts["connection"]})
    async with asyncio.timeout(4):
        await done.wait()
    await worker.close()
    await until_no_ticket_is_left(await queue.ledger())
    assert await queue.getCompletedCount() == 1
