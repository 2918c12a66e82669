"""Queue.drain: everything that has not begun."""

from __future__ import annotations

from typing import Any

from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.situations import added, one_in_every_state, waiting_for_children


async def test_drain_removes_waiting_and_prioritized_jobs(queue: Any) -> None:
    await added(queue, 3)
    await added(queue, 2, priority=1)
    await queue.drain()
    assert await queue.getJobCountByTypes() == 0
    assert await queue.getJob("1") is None


async def test_drain_leaves_every_other_state_alone(make: Makers, queue: Any) -> None:
    await one_in_every_state(make, queue)
    await queue.drain()
    assert await queue.getJobCounts() == {
        "active": 1,
        "completed": 1,
        "delayed": 1,
        "failed": 1,
        "prioritized": 0,
        "waiting": 0,
        "waiting-children": 1,
    }


async def test_drain_removes_delayed_jobs_when_asked_to(queue: Any) -> None:
    await added(queue, 2)
    await added(queue, 2, delay=60_000)
    await queue.drain(True)
    assert await queue.getJobCountByTypes() == 0


async def test_drain_works_on_a_paused_queue(queue: Any) -> None:
    await queue.pause()
    await added(queue, 2)
    await queue.drain()
    assert await queue.getWaitingCount() == 0
    assert await queue.isPaused()


async def test_draining_an_empty_queue_is_fine(queue: Any) -> None:
    await queue.drain()
    assert await queue.getJobCountByTypes() == 0


async def test_drained_jobs_free_their_deduplication_ids(queue: Any) -> None:
    await queue.add("job", {}, {"deduplication": {"id": "d"}})
    await queue.drain()
    assert await queue.getDeduplicationJobId("d") is None


async def test_a_drained_queue_keeps_counting_its_ids(queue: Any) -> None:
    await added(queue, 2)
    await queue.drain()
    assert (await queue.add("job", {})).id == "3"


async def test_draining_the_last_child_releases_its_parent(make: Makers) -> None:
    parents, children = make.queue(), make.queue()
    [parent] = await waiting_for_children(make, parents, children, 1)
    await children.drain()
    assert await parent.getState() == "waiting"


async def test_draining_some_children_leaves_the_parent_to_the_others(make: Makers) -> None:
    parents, drained, kept = make.queue(), make.queue(), make.queue()
    flow = await make.flow_producer().add(
        {
            "name": "parent",
            "queueName": parents.name,
            "children": [
                {"name": "a", "queueName": drained.name},
                {"name": "b", "queueName": kept.name},
            ],
        }
    )
    await drained.drain()
    assert await flow["job"].getState() == "waiting-children"
