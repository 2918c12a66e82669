"""The head of the queue under several workers: each job once, none lost, all slots at work."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from pathlib import Path

from tests.faults.apart import apart
from tests.faults.books import read_runs
from tests.faults.worker import Orders
from tests.faults.workers import WorkerProcess

from jetbull import Job, Queue, Worker

LIFO = {"lifo": True}


async def test_workers_run_every_job_of_the_head_once(shared_url: str, name: str) -> None:
    count, runs, all_ran = 1500, Counter[str](), asyncio.Event()

    async def process(job: Job, token: str) -> None:
        runs[str(job.id)] += 1
        if len(runs) == count:
            all_ran.set()

    queue = Queue(name, apart(shared_url, 0))
    jobs = [{"name": "n", "opts": {"jobId": f"j{n}", **LIFO}} for n in range(count)]
    await queue.addBulk(jobs[: count // 2])
    workers = [
        Worker(name, process, {**apart(shared_url, 1 + n), "concurrency": 1 + 19 * n})
        for n in range(3)
    ]
    for start in range(count // 2, count, 50):
        await queue.addBulk(jobs[start : start + 50])
    async with asyncio.timeout(60):
        await all_ran.wait()
    for worker in workers:
        await worker.close()
    await queue.close()
    assert set(runs.values()) == {1}


async def test_a_bulk_for_the_head_sets_all_slots_of_an_idle_worker_to_work(
    shared_url: str, name: str
) -> None:
    together = asyncio.Barrier(8)

    async def process(job: Job, token: str) -> None:
        if job.name == "n":
            async with asyncio.timeout(30):
                await together.wait()

    queue = Queue(name, apart(shared_url, 0))
    worker = Worker(name, process, {**apart(shared_url, 1), "concurrency": 8})
    done: asyncio.Queue[str] = asyncio.Queue()
    worker.on("completed", lambda job, *_: done.put_nowait(job.name))
    await queue.add("first", {})
    assert await done.get() == "first"  # the worker is idle now
    await queue.addBulk([{"name": "n", "opts": LIFO} for _ in range(8)])
    async with asyncio.timeout(30):
        assert [await done.get() for _ in range(8)] == ["n"] * 8
    await worker.close()
    await queue.close()


async def test_a_worker_killed_with_tickets_of_the_head_in_hand_loses_none(
    shared_url: str, name: str, tmp_path: Path
) -> None:
    count = 400
    queue = Queue(name, apart(shared_url, 0))
    jobs = [
        {"name": "n", "data": {"n": n, "ms": 5}, "opts": {"jobId": f"j{n}", **LIFO}}
        for n in range(count)
    ]
    await queue.addBulk(jobs)
    orders = Orders(shared_url, name, "first", str(tmp_path), lock_ms=1000)
    victim = WorkerProcess(orders)
    await victim.start()
    async with asyncio.timeout(60):
        while await queue.getCompletedCount() < 100:
            await asyncio.sleep(0.01)
    victim.signal(signal.SIGKILL)
    assert await victim.ended(10) == -signal.SIGKILL
    assert await queue.getWaitingCount() > 100

    async def process(job: Job, token: str) -> None:
        return None

    worker = Worker(name, process, {**apart(shared_url, 1), "concurrency": 4})
    async with asyncio.timeout(60):
        while await queue.getCompletedCount() < count:
            await asyncio.sleep(0.05)
    await worker.close()
    await queue.close()
    begun = Counter(run.job for run in read_runs(tmp_path))
    assert set(begun.values()) == {1}
