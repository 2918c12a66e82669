"""Who moves a job stores it anew and then removes what it was; a process may die in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from jetbull import Job, Queue, Worker
from jetbull.ledger.queue import counting
from jetbull.server import EmbeddedServer

from .proxy import Proxy

Move = Callable[[Queue, Job], Awaitable[object]]


@asynccontextmanager
async def _moved(port: int, job: Job, move: Move) -> AsyncIterator[None]:
    """Within it the job is moved, and the mover's request to remove the old message is on its way
    and does not arrive.
    """
    async with Proxy(port) as proxy, Queue(job.queueName, {"connection": proxy.url}) as far:
        found = await far.getJob(job.id)
        assert found is not None
        proxy.hold_message(b"$JS.API.STREAM.PURGE.JB_")
        moving = asyncio.ensure_future(move(far, found))
        async with asyncio.timeout(20):
            await proxy.holding.wait()
        yield
        proxy.let_go()
        await moving


async def _failed(worker: Worker, job: Job) -> None:
    taken = await worker.getNextJob("first")
    assert taken is not None and taken.id == job.id
    await taken.moveToFailed(ValueError("not yet"), "first", False)


async def _left_of(queue: Queue, job: Job) -> list[str]:
    """The states in which there is a message of the job."""
    store = await queue.ledger()
    subjects = await counting.list_subjects(store, store.names.any_state(job.id))
    return [subject.split(".")[3] for subject in subjects]


@pytest.mark.parametrize(("keep", "end"), [(True, "completed"), (False, "gone")])
@pytest.mark.parametrize("way", ["retry", "retryJobs"])
async def test_a_job_that_a_dying_process_retried_counts_once_when_it_has_ended(
    server: EmbeddedServer, name: str, way: str, keep: bool, end: str
) -> None:
    async def move(queue: Queue, job: Job) -> None:
        await (job.retry() if way == "retry" else queue.retryJobs())

    options = {"connection": server.url}
    async with Queue(name, options) as queue, Worker(name, None, options) as worker:
        job = await queue.add("job", 0, {"removeOnComplete": not keep})
        await _failed(worker, job)
        async with _moved(server.port, job, move):
            taken = await worker.getNextJob("second")
            assert taken is not None
            await taken.moveToCompleted(1, "second", False)
            assert await _left_of(queue, job) == [end]


async def test_a_job_whose_priority_a_dying_process_took_away_leaves_no_ticket_in_its_old_line(
    server: EmbeddedServer, name: str
) -> None:
    async def move(queue: Queue, job: Job) -> None:
        await job.changePriority({"priority": 0})

    options = {"connection": server.url}
    async with Queue(name, options) as queue, Worker(name, None, options) as worker:
        job = await queue.add("job", 0, {"priority": 3})
        async with _moved(server.port, job, move):
            taken = await worker.getNextJob("token")
            assert taken is not None and taken.id == job.id
            await taken.moveToCompleted(1, "token", False)
            assert await _left_of(queue, job) == ["completed"]
