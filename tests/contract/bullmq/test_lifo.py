"""lifo: jobs that go to the head of the waiting ones."""

from __future__ import annotations

import time
from typing import Any

from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done
from tests.contract.bullmq.signals import Heard, Story
from tests.contract.bullmq.situations import run_order


async def test_the_last_lifo_job_runs_first(make: Makers, queue: Any) -> None:
    for name in ("a", "b", "c"):
        await queue.add(name, {}, {"lifo": True})
    assert await run_order(make, queue, 3) == ["c", "b", "a"]


async def test_a_lifo_job_overtakes_the_waiting_ones(make: Makers, queue: Any) -> None:
    await queue.add("a", {})
    await queue.add("b", {})
    await queue.add("urgent", {}, {"lifo": True})
    assert await run_order(make, queue, 3) == ["urgent", "a", "b"]


async def test_lifo_jobs_are_listed_at_the_front(queue: Any) -> None:
    await queue.add("a", {})
    await queue.add("urgent", {}, {"lifo": True})
    assert [job.name for job in await queue.getWaiting()] == ["urgent", "a"]


async def test_lifo_holds_within_a_bulk(make: Makers, queue: Any) -> None:
    await queue.addBulk([{"name": n, "data": {}, "opts": {"lifo": True}} for n in "abc"])
    assert await run_order(make, queue, 3) == ["c", "b", "a"]


async def test_lifo_means_nothing_for_a_prioritized_job(make: Makers, queue: Any) -> None:
    await queue.add("a", {}, {"priority": 1})
    await queue.add("b", {}, {"priority": 1, "lifo": True})
    assert await run_order(make, queue, 2) == ["a", "b"]


async def test_lifo_means_nothing_for_a_job_that_falls_due(queue: Any) -> None:
    job = await queue.add("late", {}, {"delay": 60_000, "lifo": True})
    await queue.add("waiting", {})
    await job.promote()
    assert [waiting.name for waiting in await queue.getWaiting()] == ["waiting", "late"]


async def test_lifo_means_nothing_for_a_job_that_was_due_before_its_add(
    make: Makers, queue: Any
) -> None:
    await queue.add("a", {})
    past = round(time.time() * 1000) - 1000
    await queue.add("late", {}, {"timestamp": past, "delay": 100, "lifo": True})
    await queue.add("b", {}, {"lifo": True})
    assert await run_order(make, queue, 3) == ["b", "a", "late"]


async def test_a_lifo_job_that_was_due_before_its_add_is_told_as_due(
    make: Makers, queue: Any
) -> None:
    story = Story(make.events(queue))
    past = round(time.time() * 1000) - 1000
    job = await queue.add("late", {}, {"timestamp": past, "delay": 100, "lifo": True})
    make.worker(queue, done)
    assert await story.until("delayed") == {"jobId": job.id, "delay": str(past + 100)}
    assert await story.until("waiting") == {"jobId": job.id, "prev": "delayed"}


async def test_an_immediate_retry_of_a_lifo_job_goes_to_the_head(make: Makers, queue: Any) -> None:
    order: list[str] = []

    async def process(job: Any, token: str) -> None:
        order.append(job.name)
        if len(order) == 1:
            raise ValueError("again")

    await queue.add("b", {})
    await queue.add("a", {}, {"lifo": True, "attempts": 2})
    await Heard(make.worker(queue, process), "completed").times(2)
    assert order == ["a", "a", "b"]


async def test_an_immediate_retry_of_a_plain_job_goes_to_the_tail(make: Makers, queue: Any) -> None:
    order: list[str] = []

    async def process(job: Any, token: str) -> None:
        order.append(job.name)
        if len(order) == 1:
            raise ValueError("again")

    await queue.add("a", {}, {"attempts": 2})
    await queue.add("b", {})
    await Heard(make.worker(queue, process), "completed").times(2)
    assert order == ["a", "b", "a"]
