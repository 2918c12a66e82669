"""Jobs fetched and run by hand, with what only BullMQ for Node has of it."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import PATIENCE
from tests.contract.bullmq.situations import added


async def test_a_paused_worker_gives_no_job_to_who_does_not_wait(make: Makers, queue: Any) -> None:
    await added(queue, 1)
    worker = make.worker(queue)
    await worker.pause()
    assert await worker.getNextJob("token", {"block": False}) is None
    worker.resume()
    assert (await worker.getNextJob("token", {"block": False})).name == "w0"


async def test_a_fetch_by_hand_need_not_wait(make: Makers, queue: Any) -> None:
    worker = make.worker(queue)
    assert await worker.getNextJob("t1", {"block": False}) is None
    began = time.monotonic()
    assert await worker.getNextJob("t2", {"block": False}) is None
    assert time.monotonic() - began < 2


async def test_a_fetch_by_hand_that_is_cancelled_holds_no_job(make: Makers, queue: Any) -> None:
    async def produce() -> None:
        for number in range(150):
            await queue.add("job", number)
            await asyncio.sleep(0.004)

    worker = make.worker(queue)
    assert await worker.getNextJob("token") is None
    given, patience = [], itertools.cycle((0.004, 0.007, 0.011, 0.02))
    producing = asyncio.ensure_future(produce())
    while not producing.done() or await queue.getWaitingCount():
        try:
            job = await asyncio.wait_for(worker.getNextJob("token"), next(patience))
        except TimeoutError:
            continue
        if job is not None:
            given.append(job.id)
    await worker.close()  # what is given back is so by now
    other = make.worker(queue)
    while job := await other.getNextJob("token", {"block": False}):
        given.append(job.id)
    assert sorted(given) == sorted([job.id for job in await queue.getActive()])
    assert len(given) == 150


async def test_closing_waits_for_a_job_run_by_hand_unless_it_is_by_force(
    make: Makers, queue: Any
) -> None:
    go, running = asyncio.Event(), asyncio.Event()

    async def process(job: Any, token: str) -> None:
        running.set()
        await go.wait()

    for force, state in ((False, "completed"), (True, "active")):
        go.clear()
        running.clear()
        worker = make.worker(queue, process, autorun=False)
        await added(queue, 1)
        job = await worker.getNextJob("mine")
        processing = asyncio.ensure_future(worker.processJob(job, "mine"))
        await running.wait()
        closing = asyncio.ensure_future(worker.close(force))
        if force:
            await asyncio.wait_for(closing, PATIENCE)
        else:
            await asyncio.wait([closing], timeout=0.1)
            assert not closing.done()
            go.set()
            await asyncio.wait_for(processing, PATIENCE)
            await asyncio.wait_for(closing, PATIENCE)
        assert await queue.getJobState(job.id) == state
        processing.cancel()
