"""A parent that may not survive a child, in the moment between the child's end and the parent's."""

from __future__ import annotations

import asyncio

import pytest

from jetbull import FlowProducer, Job, Queue, Worker
from jetbull.ledger.parents import bookkeeping, parentage
from jetbull.server import EmbeddedServer

from .doors import two_doors


async def test_a_parent_does_not_run_whose_last_two_children_end_together_and_one_fails_it(
    shared_url: str, queue: Queue
) -> None:
    url, name = {"connection": shared_url}, queue.name
    flow = FlowProducer(url)
    names = ("good", "bad")
    children = [{"name": n, "queueName": name, "opts": {"jobId": n}} for n in names]
    children[1]["opts"] = {"jobId": "bad", "failParentOnFailure": True, "delay": 60_000}
    opts = {"jobId": "parent"}
    await flow.add({"name": "parent", "queueName": name, "opts": opts, "children": children})
    await flow.close()
    store = await queue.ledger()
    bad = parentage.Parent(store, "parent", f"{queue.qualifiedName}:bad")
    # Who runs the bad one has come so far, and not to telling the parent.
    assert await bookkeeping.book(bad, bookkeeping.UNSUCCESSFUL, '"told to fail"')
    ran: list[str] = []
    failed: asyncio.Queue[str] = asyncio.Queue()

    async def process(job: Job, token: str) -> None:
        ran.append(str(job.id))

    worker = Worker(name, process, url)
    worker.on("failed", lambda job, error, *_: failed.put_nowait(f"{job.id}: {error}"))
    async with asyncio.timeout(30):
        assert await failed.get() == f"parent: child {queue.qualifiedName}:bad failed"
    await worker.close()
    assert ran == ["good"]


@pytest.mark.parametrize("option", ["failParentOnFailure", "continueParentOnFailure"])
async def test_a_parent_has_nothing_to_do_with_the_failure_of_a_child_that_was_cut_off_before(
    server: EmbeddedServer, name: str, option: str
) -> None:
    async with (
        two_doors(server, name) as (proxy, queue, slow),
        FlowProducer({"connection": server.url}) as flow,
        Worker(name, None, {"connection": server.url}) as worker,
    ):
        bad = {"name": "bad", "queueName": name, "opts": {"jobId": "bad", option: True}}
        other = {"name": "other", "queueName": name, "opts": {"delay": 3_600_000}}
        parent = {"name": "parent", "queueName": name, "opts": {"jobId": "parent"}}
        await flow.add({**parent, "children": [bad, other]})
        taken = await worker.getNextJob("token")
        child = await slow.getJob("bad")
        assert taken is not None and child is not None
        proxy.hold_message(f"HPUB jb.bull.{name}.active".encode())  # that it is an orphan
        cutting = asyncio.ensure_future(child.removeChildDependency())
        await proxy.holding.wait()
        await taken.moveToFailed(ValueError("told to fail"), "token", False)
        proxy.let_go()
        assert await cutting
        found = await queue.getJob("parent")
        assert found is not None
        assert await found.getState() == "waiting-children"
        assert found.deferredFailure is None
