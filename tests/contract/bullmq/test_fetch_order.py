"""Which job is taken next."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import fail
from tests.contract.bullmq.signals import Heard


async def taken(make: Makers, queue: Any, count: int) -> list[str]:
    """The names of the next `count` jobs, each taken by hand and completed."""
    worker = make.worker(queue)
    names = []
    for n in range(count):
        job = await worker.getNextJob(f"t{n}")
        await job.moveToCompleted("done", f"t{n}")
        names.append(job.name)
    return names


async def test_plain_jobs_are_taken_in_the_order_added(make: Makers, queue: Any) -> None:
    for name in "abcde":
        await queue.add(name, {})
    assert await taken(make, queue, 5) == list("abcde")


async def test_lifo_then_plain_then_priorities(make: Makers, queue: Any) -> None:
    await queue.add("low", {}, {"priority": 9})
    await queue.add("high", {}, {"priority": 1})
    await queue.add("plain", {})
    await queue.add("lifo", {}, {"lifo": True})
    await queue.add("plain too", {})
    order = await taken(make, queue, 5)
    assert order == ["lifo", "plain", "plain too", "high", "low"]


async def test_due_jobs_queue_behind_those_that_wait_already(make: Makers, queue: Any) -> None:
    await queue.add("due", {}, {"delay": 200})
    await queue.add("plain", {})
    await asyncio.sleep(0.21)  # until the first job is due; nobody tells while nobody fetches
    assert await taken(make, queue, 2) == ["plain", "due"]


async def test_promoted_and_retried_jobs_queue_at_the_tail(make: Makers, queue: Any) -> None:
    retried = await queue.add("retried", {})
    worker = make.worker(queue, fail)
    await Heard(worker, "failed").once()
    await worker.close()
    promoted = await queue.add("promoted", {}, {"delay": 60_000})
    await queue.add("plain", {})
    await promoted.promote()
    await retried.retry()
    assert await taken(make, queue, 3) == ["plain", "promoted", "retried"]


async def test_a_released_parent_goes_to_the_head(make: Makers, queue: Any) -> None:
    children = make.queue()
    child = {"name": "child", "queueName": children.name}
    await make.flow_producer().add({"name": "parent", "queueName": queue.name, "children": [child]})
    await queue.add("plain", {})
    await taken(make, children, 1)
    assert await taken(make, queue, 2) == ["parent", "plain"]


async def test_a_job_that_is_due_is_taken_although_others_are_not(make: Makers, queue: Any) -> None:
    await queue.add("later", {}, {"delay": 60_000})
    await queue.add("due", {}, {"delay": 1})
    await asyncio.sleep(0.01)  # until the second job is due; nobody tells while nobody fetches
    assert await taken(make, queue, 1) == ["due"]
    assert await queue.getDelayedCount() == 1
