"""Jobs that a flow makes children of a parent, in the moment in which they are moved or removed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from jetbull import FlowProducer, Job, Queue, Worker
from jetbull.server import EmbeddedServer

from .doors import two_doors
from .noted import Running

Step = Callable[[Job], Awaitable[object]]


@asynccontextmanager
async def _adopted(
    server: EmbeddedServer, name: str, step: Step, held: str, *, fails: bool = False
) -> AsyncIterator[Queue]:
    """The queue, behind a step with the job `c` whose message that begins as `held` says comes
    after a flow has made the job a child of `p`.
    """
    async with two_doors(server, name) as (proxy, queue, slow):
        await queue.add("child", 7, {"jobId": "c"})
        if fails:
            async with Worker(name, None, {"connection": server.url}) as worker:
                taken = await worker.getNextJob("token")
                assert taken is not None
                await taken.moveToFailed(ValueError("at first"), "token", False)
        job = await slow.getJob("c")
        assert job is not None
        proxy.hold_message(f"HPUB {held.format(name=name)}".encode())
        under_way = asyncio.ensure_future(step(job))
        await proxy.holding.wait()
        await _add_flow(queue)
        proxy.let_go()
        await under_way
        yield queue


async def _add_flow(queue: Queue, parent_id: str = "p") -> None:
    child = {"name": "child", "queueName": queue.name, "opts": {"jobId": "c"}}
    parent = {"name": "parent", "queueName": queue.name, "opts": {"jobId": parent_id}}
    async with FlowProducer(queue.opts["connection"]) as flow:
        await flow.add({**parent, "children": [child]})


@pytest.mark.parametrize(
    ("step", "fails"),
    [
        (lambda job: job.changePriority({"priority": 3}), False),
        (lambda job: job.changePriority({"lifo": True}), False),
        (lambda job: job.retry(), True),
        (lambda job: job.queue.retryJobs(), True),
    ],
)
async def test_a_parent_gets_what_its_child_returns_that_was_moved_as_it_became_its_child(
    server: EmbeddedServer, name: str, step: Step, fails: bool
) -> None:
    async with _adopted(server, name, step, "jb.bull.{name}.", fails=fails) as queue:
        running = Running(queue)
        await running.done(2)
        assert running.values == {f"bull:{name}:c": 7}
        await running.worker.close()


async def test_a_parent_does_not_wait_for_a_child_that_was_removed_as_it_became_its_child(
    server: EmbeddedServer, name: str
) -> None:
    step: Step = lambda job: job.remove()  # noqa: E731
    async with _adopted(server, name, step, "jb.bull.{name}.gone") as queue:
        running = Running(queue)
        await running.done(1)
        assert running.ran == ["parent"]
        await running.worker.close()


@pytest.mark.parametrize(
    "step",
    [lambda job: job.queue.drain(), lambda job: job.queue.clean(0, 0, "wait")],
    ids=["drain", "clean"],
)
async def test_a_parent_goes_with_its_only_child_that_was_drained_or_cleaned_as_it_became_its_child(
    server: EmbeddedServer, name: str, step: Step
) -> None:
    async with _adopted(server, name, step, "jb.bull.{name}.gone") as queue:
        assert await queue.getJobState("c") == "unknown"
        assert await queue.getJobState("p") == "unknown"


async def test_a_parent_does_not_wait_for_a_child_that_is_cut_off_as_a_flow_names_it_again(
    server: EmbeddedServer, name: str
) -> None:
    async with two_doors(server, name) as (proxy, queue, slow):
        await _add_flow(queue)
        child = await slow.getJob("c")
        assert child is not None
        proxy.hold_message(f"HPUB jbq.bull.{name}.patch".encode())
        cutting = asyncio.ensure_future(child.removeChildDependency())
        await proxy.holding.wait()
        await _add_flow(queue)
        proxy.let_go()
        assert await cutting
        running = Running(queue)
        await running.done(2)
        assert sorted(running.ran) == ["child", "parent"]
        await running.worker.close()


async def test_a_parent_waits_for_a_child_that_a_flow_adds_anew_while_the_old_one_is_removed(
    server: EmbeddedServer, name: str
) -> None:
    async with two_doors(server, name) as (proxy, queue, slow):
        await _add_flow(queue)
        await slow.waitUntilReady()
        proxy.hold_message(f'"filter": "jb.bull.{name}.wait.-.c"'.encode())
        removal = asyncio.ensure_future(slow.remove("c"))
        await proxy.holding.wait()
        await _add_flow(queue)
        proxy.let_go()
        assert await removal == 1
        parent = await queue.getJob("p")
        assert parent is not None
        assert (await parent.getDependencies())["unprocessed"] == [f"bull:{name}:c"]
        running = Running(queue)
        await running.done(2)
        assert running.ran == ["child", "parent"]
        await running.worker.close()


async def test_a_parent_does_not_wait_for_a_removed_child_whose_id_another_parent_gets_meanwhile(
    server: EmbeddedServer, name: str
) -> None:
    async with two_doors(server, name) as (proxy, queue, slow):
        await _add_flow(queue)
        await slow.waitUntilReady()
        proxy.hold_message(f'"filter": "jb.bull.{name}.wait.-.c"'.encode())
        removal = asyncio.ensure_future(slow.remove("c"))
        await proxy.holding.wait()
        await _add_flow(queue, "another")
        proxy.let_go()
        assert await removal == 1
        assert await queue.getJobState("p") == "waiting"
        assert await queue.getJobState("another") == "waiting-children"
