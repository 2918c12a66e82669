"""A child that two callers want to run again, of whom one is slow or dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from jetbull import FlowProducer, Job, Queue, Worker
from jetbull.commands import retrying
from jetbull.errors import Conflict, JobError
from jetbull.ledger.job import reading
from jetbull.ledger.messages.placing import waiting
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.parents import bookkeeping, parentage, parents
from jetbull.ledger.store.store import QueueStore
from jetbull.server import EmbeddedServer
from jetbull.workers.upkeep import Upkeep

from .doors import two_doors


class Family:
    """A parent whose one child has failed, and maybe completed then; the other has yet to run."""

    def __init__(self, queue: Queue, store: QueueStore, seen: Stored) -> None:
        self.queue = queue
        self.store = store
        self.seen = seen  # the child when it had failed

    async def goes_on(self) -> None:
        """Returns when the parent does not wait any more, once the other child is gone."""
        other = await self.queue.getJob("other")
        assert other is not None
        await other.remove()
        assert await self.queue.getJobState("parent") == "waiting"


@asynccontextmanager
async def _family(shared_url: str, name: str, retried: bool) -> AsyncIterator[Family]:
    ended: asyncio.Queue[str] = asyncio.Queue()

    async def process(job: Job, token: str) -> None:
        if job.attemptsMade == 0:
            raise ValueError("not yet")

    options = {"connection": shared_url}
    flows = FlowProducer(options)
    async with Queue(name, options) as queue, asyncio.timeout(30):
        children = [
            {"name": "child", "opts": {"jobId": "child", "ignoreDependencyOnFailure": True}},
            {"name": "other", "opts": {"jobId": "other", "delay": 3_600_000}},
        ]
        await flows.add(
            {
                "name": "parent",
                "queueName": name,
                "opts": {"jobId": "parent"},
                "children": [{**child, "queueName": name} for child in children],
            }
        )
        await flows.close()
        worker = Worker(name, process, options)
        worker.on("failed", lambda *_: ended.put_nowait("failed"))
        worker.on("completed", lambda *_: ended.put_nowait("completed"))
        assert await ended.get() == "failed"
        store = await queue.ledger()
        seen = await reading.find(store, "child")
        assert seen is not None
        if retried:
            await retrying.retry(store, "child", "failed", {})
            assert await ended.get() == "completed"
        await worker.close()
        yield Family(queue, store, seen)


@pytest.fixture
async def family(shared_url: str, name: str) -> AsyncIterator[Family]:
    async with _family(shared_url, name, retried=True) as family:
        yield family


async def test_a_retry_that_comes_too_late_does_not_let_the_parent_wait_for_ever(
    family: Family,
) -> None:
    with pytest.raises(Conflict):
        await retrying.retry_stored(family.store, "child", family.seen, "failed", waiting())
    await family.goes_on()


async def test_a_slow_retry_does_not_take_away_what_the_child_of_a_quicker_one_returned(
    shared_url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    purge = QueueStore.purge
    async with _family(shared_url, name, retried=False) as family:

        async def slow(store: QueueStore, subject: str, **extra: int) -> int:
            monkeypatch.setattr(QueueStore, "purge", purge)
            await retrying.retry_stored(store, "child", family.seen, "failed", waiting())
            done = asyncio.Event()
            async with Worker(name, _value, {"connection": shared_url}) as worker:
                worker.on("completed", lambda *_: done.set())
                await done.wait()
            return await purge(store, subject, **extra)

        monkeypatch.setattr(QueueStore, "purge", slow)
        with pytest.raises(Conflict):
            await retrying.retry_stored(family.store, "child", family.seen, "failed", waiting())
        parent = await family.queue.getJob("parent")
        assert parent is not None
        assert [*(await parent.getChildrenValues()).values()] == ["value"]
        await family.goes_on()


async def _value(job: Job) -> str:
    return "value"


async def test_a_parent_goes_on_when_who_wanted_its_child_to_run_again_died_before_that(
    family: Family,
) -> None:
    assert await parents.wait_again(family.store, family.seen.record, "child")
    family.store.families = True
    await Upkeep(family.store, old_enough_ms=0).look()
    await family.goes_on()


async def test_a_parent_goes_on_when_who_wanted_its_failed_child_to_run_again_died_before_that(
    shared_url: str, name: str
) -> None:
    async with _family(shared_url, name, retried=False) as family:
        assert await parents.wait_again(family.store, family.seen.record, "child")
        family.store.families = True
        await Upkeep(family.store, old_enough_ms=0).look()
        await family.goes_on()


async def test_a_parent_keeps_what_a_child_returned_that_is_removed_as_somebody_retries_it(
    server: EmbeddedServer, name: str
) -> None:
    async with (
        two_doors(server, name) as (proxy, queue, slow),
        FlowProducer({"connection": server.url}) as flows,
        Worker(name, None, {"connection": server.url}) as worker,
    ):
        children = [
            {"name": "child", "queueName": name, "opts": {"jobId": i, **opts}}
            for i, opts in (("child", {}), ("other", {"delay": 3_600_000}))
        ]
        tree = {"name": "parent", "queueName": name, "opts": {"jobId": "parent"}}
        await flows.add({**tree, "children": children})
        taken = await worker.getNextJob("token")
        assert taken is not None
        await taken.moveToCompleted(7, "token", False)
        child = await slow.getJob("child")
        assert child is not None
        proxy.hold_message(f"HPUB jbd.bull.{name}.parent.pend".encode())
        retrying_it = asyncio.ensure_future(child.retry("completed"))
        await proxy.holding.wait()
        assert await queue.remove("child") == 1
        proxy.let_go()
        with pytest.raises(JobError) as refused:
            await retrying_it
        assert refused.value.code == -1
        parent = await queue.getJob("parent")
        assert parent is not None
        assert await parent.getChildrenValues() == {f"bull:{name}:child": 7}
        assert await queue.remove("other") == 1
        assert await parent.getState() == "waiting"


async def test_a_retry_takes_out_of_the_books_what_one_left_there_that_died_on_its_way(
    shared_url: str, queue: Queue
) -> None:
    options = {"connection": shared_url}
    async with FlowProducer(options) as flows, Worker(queue.name, None, options) as worker:
        opts = {"jobId": "child", "failParentOnFailure": True}
        child = {"name": "child", "queueName": queue.name, "opts": opts}
        tree = {"name": "parent", "queueName": queue.name, "opts": {"jobId": "parent"}}
        await flows.add({**tree, "children": [child]})
        taken = await worker.getNextJob("token")
        assert taken is not None
        await taken.moveToFailed(ValueError("at first"), "token", False)
        store = await queue.ledger()
        parent = parentage.Parent(store, "parent", f"{queue.qualifiedName}:child")
        wait = bookkeeping.expectation(parent)
        await store.put(wait.subject, wait.payload, wait.headers)  # so far the other one came
        await taken.retry()
        assert not await bookkeeping.has_unsuccessful(store, "parent")
        assert await bookkeeping.has_pending(store, "parent")
