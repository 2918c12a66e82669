"""A child has ended, its parent has not been told yet, and somebody does something with the child.

So it is for milliseconds after each child's end, and for seconds when its worker died in them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jetbull import FlowProducer, Job, Queue, Worker
from jetbull.ledger.job import reading
from jetbull.ledger.job.moving import move
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.placing import active, unsettled
from jetbull.ledger.parents import parents
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.streams.events import decode

Act = Callable[[Job], Awaitable[Any]]

REMOVALS = {
    "removed": lambda child: child.remove(),
    "removed by id": lambda child: child.queue.remove(child.id),
    "cleaned": lambda child: child.queue.clean(0, 0, "completed"),
}


async def ended(store: QueueStore, job_id: str, state: str, **head: Any) -> None:
    """The job as its worker leaves it that dies behind the outcome, before it tells the parent."""
    found = await reading.find(store, job_id)
    assert found is not None
    lease = await move(store, job_id, found, found.record, active(now_ms() + 60_000))
    record = lease.record.with_head({**lease.record.head, **head, "finishedOn": now_ms()})
    record.head["attemptsMade"] = 1
    await move(store, job_id, lease, record, unsettled(state, now_ms() + 60_000))


async def family(queue: Queue, **opts: Any) -> tuple[Job, Job]:
    """A parent and its only child."""
    async with FlowProducer(queue.opts["connection"]) as flows:
        child = {"name": "child", "queueName": queue.name, "opts": opts}
        tree = await flows.add({"name": "parent", "queueName": queue.name, "children": [child]})
    assert tree is not None
    parent = await queue.getJob(str(tree["job"].id))
    child_job = await queue.getJob(str(tree["children"][0]["job"].id))
    assert parent is not None
    assert child_job is not None
    return parent, child_job


async def told(store: QueueStore, job_id: str) -> list[str]:
    """The events of a job."""
    await store.event_log.flush()
    query = {"next_by_subj": store.names.events, "seq": 1, "batch": 500}
    found = await store.wire.get_batch(store.names.space.events, query)
    events = [event for message in found for event in decode(message.data)]
    return [event["event"] for event in events if event.get("jobId") == job_id]


@pytest.mark.parametrize("way", REMOVALS)
async def test_a_parent_gets_what_a_child_returned_that_is_removed_right_after_its_end(
    queue: Queue, way: str
) -> None:
    parent, child = await family(queue)
    store = await queue.ledger()
    await ended(store, str(child.id), "completed", returnvalue=7)
    await REMOVALS[way](child)
    assert await child.getState() == "unknown"
    assert list((await parent.getChildrenValues()).values()) == [7]
    assert await parent.getState() == "waiting"
    assert "completed" in await told(store, str(child.id))


async def test_a_parent_elsewhere_gets_what_a_child_returned_whose_queue_is_obliterated_right_after(
    queue: Queue, name: str
) -> None:
    async with (
        Queue(f"{name}-parents", queue.opts) as parents_queue,
        FlowProducer(queue.opts["connection"]) as flows,
    ):
        child = {"name": "child", "queueName": name, "opts": {"jobId": "child"}}
        tree = await flows.add(
            {"name": "parent", "queueName": parents_queue.name, "children": [child]}
        )
        assert tree is not None
        await ended(await queue.ledger(), "child", "completed", returnvalue=7)
        await queue.obliterate()
        parent = await parents_queue.getJob(str(tree["job"].id))
        assert parent is not None
        assert list((await parent.getChildrenValues()).values()) == [7]
        assert await parent.getState() == "waiting"


async def test_a_child_that_has_ended_cannot_be_cut_from_its_parent(queue: Queue) -> None:
    parent, child = await family(queue)
    await ended(await queue.ledger(), str(child.id), "completed", returnvalue=7)
    assert not await child.removeChildDependency()
    assert list((await parent.getChildrenValues()).values()) == [7]


async def test_a_parent_fails_with_a_child_that_is_removed_right_after_its_failure(
    queue: Queue,
) -> None:
    parent, child = await family(queue, failParentOnFailure=True)
    store = await queue.ledger()
    await ended(store, str(child.id), "failed", failedReason="it broke", stacktrace=[])
    await child.remove()
    ran, failed = list[str](), asyncio.Event()

    async def process(job: Job, token: str) -> None:
        ran.append(str(job.id))

    worker = Worker(queue.name, process, {"connection": queue.opts["connection"]})
    worker.on("failed", lambda *_: failed.set())
    worker.on("completed", lambda *_: failed.set())
    async with asyncio.timeout(30):
        await failed.wait()
    await worker.close()
    assert ran == []
    assert await parent.getState() == "failed"


async def test_a_child_that_has_ended_is_none_of_the_unprocessed_ones(queue: Queue) -> None:
    parent, child = await family(queue)
    await ended(await queue.ledger(), str(child.id), "completed", returnvalue=7)
    await parent.removeUnprocessedChildren()
    assert await child.getState() == "completed"


@pytest.mark.parametrize("way", ["one", "all"])
async def test_the_end_of_a_child_that_is_retried_right_after_it_is_told(
    queue: Queue, way: str
) -> None:
    _, child = await family(queue, removeDependencyOnFailure=True)
    store = await queue.ledger()
    await ended(store, str(child.id), "failed", failedReason="it broke", stacktrace=[])
    if way == "one":
        await child.retry()
    else:
        await queue.retryJobs({"state": "failed"})
    assert await child.getState() == "waiting"
    events = await told(store, str(child.id))
    assert events.index("failed") < len(events) - events[::-1].index("waiting") - 1


@pytest.mark.parametrize("change", ["progress", "data"])
async def test_the_end_of_a_child_that_is_changed_right_after_it_is_told_at_once(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    parent, child = await family(queue)
    store = await queue.ledger()
    done = asyncio.Queue[str]()
    tell = parents.tell_completed

    async def changed(*args: Any) -> None:
        await tell(*args)
        monkeypatch.setattr(parents, "tell_completed", tell)
        await (child.updateProgress(50) if change == "progress" else child.updateData(9))

    monkeypatch.setattr(parents, "tell_completed", changed)

    async def process(job: Job, token: str) -> int:
        return 7

    worker = Worker(queue.name, process, {"connection": queue.opts["connection"]})
    worker.on("completed", lambda job, _: done.put_nowait(job.id))
    async with asyncio.timeout(30):
        assert [await done.get(), await done.get()] == [child.id, parent.id]
    await worker.close()
    found = await reading.find(store, str(child.id))
    assert found is not None
    assert found.subject == store.names.job("completed", str(child.id))
    assert "completed" in await told(store, str(child.id))
    stored = await queue.getJob(str(child.id))
    assert stored is not None
    assert (stored.progress, stored.data) in [(50, child.data), (0, 9)]
