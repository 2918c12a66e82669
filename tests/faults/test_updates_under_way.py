"""Data that a job is given while another process takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jetbull import Job, Queue, Worker
from jetbull.ledger.finishing.repair import Repair
from jetbull.server import EmbeddedServer
from jetbull.workers import tickets

from .apart import apart
from .doors import two_doors
from .proxy import Proxy

Moved = Callable[[Queue, Job], Awaitable[None]]


async def data_of(queue: Queue, job: Job) -> Any:
    """The job's data as they are stored."""
    found = await queue.getJob(job.id)
    assert found is not None
    return found.data


@pytest.mark.parametrize("first", [True, False], ids=["the first of the queue", "another"])
async def test_data_stored_before_the_claim_reach_the_processor(
    server: EmbeddedServer, name: str, first: bool
) -> None:
    given: asyncio.Queue[Any] = asyncio.Queue()

    async def process(job: Job, token: str) -> None:
        given.put_nowait(job.data)

    async with (
        Proxy(server.port) as proxy,
        Queue(name, {"connection": server.url}) as queue,
        asyncio.timeout(30),
    ):
        if not first:
            later = await queue.add("later", "old", {"lifo": True})
            await later.updateData("new")
            await later.remove()
        worker = Worker(name, process, {"connection": proxy.url})
        await worker.waitUntilReady()
        proxy.hold_message(f"HPUB jb.bull.{name}.active".encode())
        job = await queue.add("job", "old")
        await proxy.holding.wait()
        await job.updateData("new")
        proxy.let_go()
        assert await given.get() == "new"
        while not await job.isCompleted():
            await asyncio.sleep(0.01)
        assert await data_of(queue, job) == "new"
        await worker.close()


async def test_data_stored_while_the_job_is_taken_are_there_when_it_has_finished(
    server: EmbeddedServer, name: str
) -> None:
    finish = asyncio.Event()

    async def process(job: Job, token: str) -> None:
        await finish.wait()

    async with two_doors(server, name) as (proxy, queue, slow):
        job = await queue.add("job", "old")
        await slow.waitUntilReady()
        proxy.hold_message(f"HPUB jbq.bull.{name}.patch".encode())
        seen = await slow.getJob(job.id)
        assert seen is not None
        update = asyncio.ensure_future(seen.updateData("new"))
        await proxy.holding.wait()
        worker = Worker(name, process, {"connection": server.url})
        while not await job.isActive():
            await asyncio.sleep(0.01)
        proxy.let_go()
        await update
        finish.set()
        while not await job.isCompleted():
            await asyncio.sleep(0.01)
        assert await data_of(queue, job) == "new"
        await worker.close()


async def test_a_job_taken_by_hand_has_the_data_that_another_process_gave_it(
    shared_url: str, name: str
) -> None:
    async with Queue(name, apart(shared_url, 0)) as queue:
        job = await queue.add("job", "old")
        await job.updateData("new")
        worker = Worker(name, None, {**apart(shared_url, 1), "autorun": False})
        taken = await worker.getNextJob("token")
        assert taken is not None
        assert taken.data == "new"
        await taken.moveToCompleted("done", "token", False)
        assert await data_of(queue, job) == "new"
        await worker.close()


async def test_a_worker_that_came_after_the_first_update_of_a_queue_learns_of_the_next(
    shared_url: str, name: str
) -> None:
    given: dict[str, Any] = {}
    finish, busy, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def process(job: Job, token: str) -> None:
        given[job.name] = job.data
        busy.set()
        await finish.wait()

    async with Queue(name, apart(shared_url, 0)) as queue, asyncio.timeout(30):
        first = await queue.add("first", "old")
        await first.updateData("new")
        await first.remove()  # and no job has an update any more
        worker = Worker(name, process, apart(shared_url, 1))
        worker.on("drained", done.set)
        await worker.waitUntilReady()
        await queue.add("busy", None)
        await busy.wait()
        job = await queue.add("job", "old")
        await job.updateData("new")
        finish.set()
        await done.wait()
        assert given["job"] == await data_of(queue, job) == "new"
        await worker.close()


async def _changed(queue: Queue, job: Job) -> None:
    await job.changePriority({"priority": 3})


async def _retried(queue: Queue, job: Job) -> None:
    await job.retry("completed")


async def _retried_with_all(queue: Queue, job: Job) -> None:
    await queue.retryJobs({"state": "completed"})


@pytest.mark.parametrize(
    ("finished", "lifo", "line", "moved"),
    [
        (False, False, "prio", _changed),
        (False, True, "prio", _changed),
        (True, False, "wait", _retried),
        (True, False, "wait", _retried_with_all),
    ],
)
async def test_data_stored_while_the_job_is_moved_are_there_afterwards(
    server: EmbeddedServer, name: str, finished: bool, lifo: bool, line: str, moved: Moved
) -> None:
    async with two_doors(server, name) as (proxy, queue, slow):
        job = await queue.add("job", "old", {"lifo": lifo})
        if finished:
            worker = Worker(name, None, {"connection": server.url, "autorun": False})
            taken = await worker.getNextJob("token")
            assert taken is not None
            await taken.moveToCompleted("done", "token", False)
            await worker.close()
        seen = await slow.getJob(job.id)
        assert seen is not None
        proxy.hold_message(f"HPUB jb.bull.{name}.{line}".encode())
        move = asyncio.ensure_future(moved(slow, seen))
        await proxy.holding.wait()
        await job.updateData("new")
        await job.updateProgress(40)
        proxy.let_go()
        await move
        found = await queue.getJob(job.id)
        assert found is not None
        assert (found.data, found.progress) == ("new", 40)
        assert await found.getState() in ("waiting", "prioritized")


async def test_a_late_update_takes_nothing_back_that_the_job_went_through_meanwhile(
    server: EmbeddedServer, name: str
) -> None:
    async with (
        Proxy(server.port) as proxy,
        Queue(name, {"connection": server.url}) as queue,
        Queue(name, {"connection": proxy.url}) as slow,
        Worker(name, None, {"connection": server.url}) as worker,
        asyncio.timeout(30),
    ):
        job = await queue.add("job", "old", {"attempts": 5})
        for token in ("first", "second"):
            if token == "second":
                late = await slow.getJob(job.id)
                assert late is not None
                proxy.hold_message(b"HPUB jbq.")
                progress = asyncio.ensure_future(late.updateProgress(50))
                await proxy.holding.wait()
            taken = await worker.getNextJob(token)
            assert taken is not None
            await taken.updateData(token)
            await taken.moveToFailed(ValueError("again"), token)
        proxy.let_go()
        await progress
        found = await queue.getJob(job.id)
        assert found is not None
        assert (found.data, found.attemptsMade, found.progress) == ("second", 2, 50)


async def test_data_stay_of_a_waiting_job_that_is_handed_out_anew(queue: Queue) -> None:
    job = await queue.add("job", "old")
    await job.updateData("new")
    store = await queue.ledger()
    ticket = await store.newest(str(job.id))
    assert ticket is not None
    await tickets._store_again(store, str(job.id), ticket)
    assert await data_of(queue, job) == "new"


async def test_data_stay_that_a_job_was_given_while_no_worker_knew_that_its_lock_is_over(
    queue: Queue,
) -> None:
    job = await queue.add("job", "old")
    store = await queue.ledger()
    ticket = await store.newest(str(job.id))
    assert ticket is not None
    await store.purge(ticket.subject)
    await store.put(store.names.job("stalled", str(job.id)), ticket.data, {})
    await job.updateData("new")
    await Repair(store, 1, lambda _: None).once()
    assert await queue.getJobState(str(job.id)) == "waiting"
    assert await data_of(queue, job) == "new"


async def test_a_job_that_gets_two_priorities_at_once_stands_in_the_line_of_the_one_it_has(
    server: EmbeddedServer, name: str
) -> None:
    async with two_doors(server, name) as (proxy, queue, slow):
        job = await queue.add("job", {}, {"priority": 5})
        same = await slow.getJob(job.id)
        assert same is not None
        proxy.hold_message(f"HPUB jb.bull.{name}.prio".encode())
        changing = asyncio.ensure_future(same.changePriority({"priority": 5}))
        await proxy.holding.wait()
        await job.changePriority({"priority": 0})
        proxy.let_go()
        await changing
        found = await queue.getJob(job.id)
        assert found is not None
        assert (found.priority, await found.getState()) == (0, "waiting")
