"""The concurrency over all workers: held whoever is killed and whatever is changed meanwhile."""

from __future__ import annotations

import asyncio
import json
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.faults.apart import apart, closed, until_no_job_is_left
from tests.faults.worker import Orders
from tests.faults.workers import Workforce

from jetbull import Job, Queue, Worker
from jetbull.ledger.limits.places import Places
from jetbull.ledger.messages.names import ACTIVE, STALLED, state_of
from jetbull.ledger.queue.counting import list_subjects
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.line import Line
from jetbull.server import EmbeddedServer

_SEED = 20261129


class Inside:
    """A processor that keeps its jobs until they are let out one by one."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._came = asyncio.Event()
        self._out: dict[str, asyncio.Event] = {}

    async def process(self, job: Job, token: str) -> None:
        self.names.append(job.name)
        out = self._out[job.name] = asyncio.Event()
        self._came.set()
        await out.wait()

    async def begun(self, count: int) -> list[str]:
        """The names of the first `count` jobs, once as many began."""
        async with asyncio.timeout(30):
            while len(self.names) < count:
                self._came.clear()
                await self._came.wait()
        return self.names[:count]

    def let_out(self, name: str) -> None:
        self._out[name].set()


async def active_now(store: QueueStore) -> int:
    """Jobs that are active or stalled, at one moment."""
    states = [state_of(s) for s in await list_subjects(store, store.names.all_jobs())]
    return states.count(ACTIVE) + states.count(STALLED)


@asynccontextmanager
async def watched(store: QueueStore) -> AsyncIterator[list[int]]:
    """How many jobs were active, time and again."""
    seen: list[int] = []

    async def watch() -> None:
        while True:
            seen.append(await active_now(store))

    task = asyncio.create_task(watch())
    try:
        yield seen
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("limit", "ms"), [(1, 0), (3, 5)])
async def test_no_more_jobs_than_may_are_active_while_workers_are_killed(
    shared_url: str, name: str, tmp_path: Path, limit: int, ms: int
) -> None:
    luck = random.Random(_SEED)
    queue = Queue(name, apart(shared_url, 0))
    await queue.setGlobalConcurrency(limit)
    count = 600
    await queue.addBulk([{"name": "j", "data": {"ms": ms, "n": n}} for n in range(count)])
    orders = Orders(shared_url, name, "w", str(tmp_path), lock_ms=1000)
    force = Workforce(3, orders)
    store = await queue.ledger()
    async with watched(store) as seen:
        await force.start()
        try:
            for done in range(40, count - 100, 60):
                while await queue.getCompletedCount() < done + luck.randrange(60):
                    await asyncio.sleep(0)
                busy = [hand for hand in force.hands if hand.alive]
                if busy:
                    luck.choice(busy).signal(signal.SIGKILL)
            await until_no_job_is_left(queue, "waiting", "active")
            assert await queue.getCompletedCount() == count
        finally:
            await force.kill()
    assert max(seen) <= limit
    assert max(_at_once(tmp_path)) <= limit
    await closed(queue)


def _at_once(folder: Path) -> list[int]:
    """How many processors were inside, by what they wrote down, at each beginning and end.

    One that never came to its end was killed; it counts until its worker wrote for the last time.
    """
    moments: list[tuple[float, int]] = []
    for book in folder.glob("ran-*.jsonl"):
        lines = [json.loads(line) for line in book.read_text().splitlines() if line.endswith("}")]
        begun = {}
        for line in lines:
            if line["what"] == "begin":
                begun[line["token"]] = line["at"]
            else:
                moments += [(begun.pop(line["token"]), 1), (line["at"], -1)]
        last = lines[-1]["at"] if lines else 0.0
        moments += [moment for at in begun.values() for moment in ((at, 1), (last, -1))]
    inside, counts = 0, [0]
    for _, step in sorted(moments):
        inside += step
        counts.append(inside)
    return counts


async def test_a_worker_that_died_with_a_place_and_without_a_claim_holds_nothing_up(
    shared_url: str, name: str
) -> None:
    queue = Queue(name, apart(shared_url, 0))
    await queue.setGlobalConcurrency(1)
    await queue.addBulk([{"name": str(n), "data": {}} for n in range(3)])
    store = await queue.ledger()
    dead = Places(store)
    tickets = await Line(store).first(1, [0], dead.holds)
    assert await dead.admit(tickets, lambda: 1) == tickets
    ran: list[str] = []

    async def process(job: Job, token: str) -> None:
        ran.append(job.name)

    worker = Worker(name, process, apart(shared_url, 1))
    await until_no_job_is_left(queue, "waiting", "active")
    assert ran == ["0", "1", "2"]
    await closed(worker, queue)


async def test_a_job_with_a_place_that_is_removed_frees_it(shared_url: str, name: str) -> None:
    queue = Queue(name, apart(shared_url, 0))
    await queue.setGlobalConcurrency(1)
    job = await queue.add("removed", {})
    await queue.add("next", {})
    store = await queue.ledger()
    dead = Places(store)
    await dead.admit(await Line(store).first(1, [0], dead.holds), lambda: 1)
    await job.remove()
    inside = Inside()
    worker = Worker(name, inside.process, apart(shared_url, 1))
    assert await inside.begun(1) == ["next"]
    inside.let_out("next")
    await closed(worker, queue)


async def test_a_lower_limit_counts_the_jobs_that_run_already(shared_url: str, name: str) -> None:
    queue = Queue(name, apart(shared_url, 0))
    await queue.setGlobalConcurrency(4)
    for number in range(10):
        await queue.add(str(number), {})
    inside = Inside()
    workers = [
        Worker(name, inside.process, {**apart(shared_url, 1 + n), "concurrency": 4})
        for n in range(2)
    ]
    first = await inside.begun(4)
    await queue.setGlobalConcurrency(2)
    store = await queue.ledger()
    async with watched(store) as seen:
        for job in first[:3]:
            inside.let_out(job)
        assert await inside.begun(5) == [*first, "4"]
        assert await active_now(store) == 2
        inside.let_out(first[3])
        await inside.begun(6)
        for number in range(4, 10):
            await inside.begun(number + 1)
            inside.let_out(str(number))
        await until_no_job_is_left(queue, "waiting", "active")
    below = next(n for n, count in enumerate(seen) if count <= 2)
    assert max(seen[below:]) <= 2
    await closed(*workers, queue)


async def test_jobs_that_ran_before_there_was_a_limit_count(shared_url: str, name: str) -> None:
    queue = Queue(name, apart(shared_url, 0))
    await queue.addBulk([{"name": str(n), "data": {}} for n in range(3)])
    early, late = Inside(), Inside()
    first = Worker(name, early.process, {**apart(shared_url, 1), "concurrency": 2})
    await early.begun(2)
    await first.pause(True)
    await queue.setGlobalConcurrency(2)
    second = Worker(name, late.process, {**apart(shared_url, 2), "concurrency": 2})
    await second.waitUntilReady()
    by_hand = Worker(name, None, apart(shared_url, 3))
    assert await by_hand.getNextJob("t") is None
    early.let_out("0")
    assert await late.begun(1) == ["2"]
    assert early.names == ["0", "1"]
    early.let_out("1")
    late.let_out("2")
    await until_no_job_is_left(queue, "waiting", "active")
    await closed(first, second, by_hand, queue)


async def test_the_number_that_stood_for_the_places_before_is_understood(
    shared_url: str, name: str
) -> None:
    queue = Queue(name, apart(shared_url, 0))
    await queue.setGlobalConcurrency(1)
    await queue.addBulk([{"name": str(n), "data": {}} for n in range(2)])
    by_hand = Worker(name, None, apart(shared_url, 1))
    job = await by_hand.getNextJob("t")
    assert job is not None
    store = await queue.ledger()
    await store.put(store.names.aux("gate", "slots"), b"1795917048845", {})
    other = Worker(name, None, apart(shared_url, 2))
    assert await other.getNextJob("u") is None
    await job.moveToCompleted("done", "t", False)
    inside = Inside()
    worker = Worker(name, inside.process, apart(shared_url, 3))
    assert await inside.begun(1) == ["1"]
    inside.let_out("1")
    await closed(worker, by_hand, other, queue)


async def test_places_are_given_on_while_the_server_is_killed(
    server: EmbeddedServer, name: str
) -> None:
    queue = Queue(name, apart(server.url, 0))
    await queue.setGlobalConcurrency(2)
    await queue.addBulk([{"name": str(n), "data": {}} for n in range(400)])
    inside = most = 0

    async def process(job: Job, token: str) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1

    workers = [
        Worker(name, process, {**apart(server.url, 1 + n), "concurrency": 3, "lockDuration": 2000})
        for n in range(2)
    ]
    for done in (50, 150):
        while await queue.getCompletedCount() < done:
            await asyncio.sleep(0.01)
        server.kill()
        await asyncio.to_thread(server.start)
    await until_no_job_is_left(queue, "waiting", "active")
    assert most <= 2
    await closed(*workers, queue)
