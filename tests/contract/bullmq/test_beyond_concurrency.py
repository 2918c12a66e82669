"""A worker's concurrency can be changed while it runs."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import PATIENCE, Heard
from tests.contract.bullmq.situations import added


async def test_more_concurrency_gives_plain_functions_more_threads(
    make: Makers, queue: Any
) -> None:
    both = threading.Barrier(2, timeout=PATIENCE)

    def process(job: Any, token: str) -> None:
        both.wait()

    worker = make.worker(queue, process)
    worker.concurrency = 2
    await added(queue, 2)
    await Heard(worker, "completed").times(2)


async def test_the_concurrency_of_a_running_worker_can_be_changed(make: Makers, queue: Any) -> None:
    inside, may_finish = asyncio.Semaphore(0), asyncio.Event()

    async def process(job: Any, token: str) -> None:
        inside.release()
        await asyncio.wait_for(may_finish.wait(), PATIENCE)

    await added(queue, 3)
    worker = make.worker(queue, process)
    await asyncio.wait_for(inside.acquire(), PATIENCE)
    worker.concurrency = 3
    assert worker.concurrency == 3
    for _ in range(2):
        await asyncio.wait_for(inside.acquire(), PATIENCE)
    may_finish.set()
    await Heard(worker, "completed").times(3)


@pytest.mark.parametrize("first", range(4))
async def test_whichever_jobs_end_first_no_other_begins_above_a_lowered_concurrency(
    make: Makers, queue: Any, first: int
) -> None:
    inside = asyncio.Semaphore(0)
    may_finish = [asyncio.Event() for _ in range(4)]
    running, met = set[str](), list[int]()

    async def process(job: Any, token: str) -> None:
        running.add(job.id)
        met.append(len(running))
        inside.release()
        if "number" in job.data:
            await asyncio.wait_for(may_finish[job.data["number"]].wait(), PATIENCE)
        running.remove(job.id)

    worker = make.worker(queue, process, concurrency=4)
    completed = Heard(worker, "completed")
    await queue.addBulk([{"name": "job", "data": {"number": number}} for number in range(4)])
    for _ in range(4):
        await asyncio.wait_for(inside.acquire(), PATIENCE)
    await queue.addBulk([{"name": "job", "data": {}} for _ in range(4)])
    worker.concurrency = 2
    for number in (first, *(other for other in range(4) if other != first)):
        may_finish[number].set()
        await completed.where(lambda job, _, number=number: job.data.get("number") == number)
    await completed.times(8)
    assert max(met[4:]) <= 2


@pytest.mark.parametrize("last", range(4))
async def test_concurrency_that_was_taken_back_and_given_again_is_all_there(
    make: Makers, queue: Any, last: int
) -> None:
    inside = asyncio.Semaphore(0)
    may_finish = [asyncio.Event() for _ in range(4)]
    together = asyncio.Barrier(3)

    async def process(job: Any, token: str) -> None:
        inside.release()
        if "number" in job.data:
            await asyncio.wait_for(may_finish[job.data["number"]].wait(), PATIENCE)
        else:
            await asyncio.wait_for(together.wait(), PATIENCE)

    worker = make.worker(queue, process, concurrency=4)
    completed = Heard(worker, "completed")
    await queue.addBulk([{"name": "job", "data": {"number": number}} for number in range(4)])
    for _ in range(4):
        await asyncio.wait_for(inside.acquire(), PATIENCE)
    worker.concurrency = 2
    for number in range(4):  # two of them end their slots, whichever they run in
        if number != last:
            may_finish[number].set()
            await completed.where(lambda job, _, number=number: job.data["number"] == number)
    worker.concurrency = 3
    may_finish[last].set()
    await completed.times(4)
    await queue.addBulk([{"name": "job", "data": {}} for _ in range(3)])
    await completed.times(7)
