"""Queues brought into a known state, for tests that read, clean, drain or obliterate them."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done, fail
from tests.contract.bullmq.signals import Heard


async def completed(make: Makers, queue: Any, count: int, **options: Any) -> list[Any]:
    """Add `count` jobs named c0, c1, ... and complete them in this order."""

    async def process(job: Any, token: str) -> Any:
        return job.data

    return await _run(make, queue, count, "c", process, "completed", options)


async def failed(make: Makers, queue: Any, count: int, **options: Any) -> list[Any]:
    """Add `count` jobs named f0, f1, ... and fail them in this order."""
    return await _run(make, queue, count, "f", fail, "failed", options)


async def _run(
    make: Makers,
    queue: Any,
    count: int,
    letter: str,
    process: Any,
    event: str,
    options: dict[str, Any],
) -> list[Any]:
    jobs = await added(queue, count, letter, **options)
    worker = make.worker(queue, process)
    await Heard(worker, event).times(count)
    await worker.close()
    return jobs


async def active(make: Makers, queue: Any, count: int) -> list[Any]:
    """Add `count` jobs named a0, a1, ... and take them; nobody renews their locks (30 s)."""
    await added(queue, count, "a")
    worker = make.worker(queue)
    return [await worker.getNextJob(f"token-{n}") for n in range(count)]


async def waiting_for_children(make: Makers, queue: Any, children: Any, count: int) -> list[Any]:
    """Add `count` parents named p0, p1, ... to `queue`, each with one child in `children`."""
    producer = make.flow_producer()
    flows = []
    for n in range(count):
        await asyncio.sleep(0.002)  # they are listed by the millisecond they came in
        child = {"name": "child", "queueName": children.name, "data": {}}
        flows.append(
            await producer.add(
                {"name": f"p{n}", "queueName": queue.name, "data": {}, "children": [child]}
            )
        )
    return [flow["job"] for flow in flows]


async def added(queue: Any, count: int, letter: str = "w", **options: Any) -> list[Any]:
    """Add `count` jobs named after `letter`: w0, w1, ..."""
    return [await queue.add(f"{letter}{n}", n, options) for n in range(count)]


async def one_in_every_state(make: Makers, queue: Any) -> None:
    """Leave one job in each of the seven states, named c0, f0, a0, p0, d0, r0 and w0."""
    await completed(make, queue, 1)
    await failed(make, queue, 1)
    await active(make, queue, 1)
    await waiting_for_children(make, queue, make.queue(), 1)
    await added(queue, 1, "d", delay=60_000)
    await added(queue, 1, "r", priority=3)
    await added(queue, 1, "w")


EVERY_STATE = {
    "active": "a0",
    "completed": "c0",
    "delayed": "d0",
    "failed": "f0",
    "prioritized": "r0",
    "waiting": "w0",
    "waiting-children": "p0",
}
"""State by state, the name of the job that `one_in_every_state` leaves in it."""


def names(jobs: list[Any]) -> list[str]:
    """The names of `jobs`, in order."""
    return [job.name for job in jobs]


async def run_order(make: Makers, queue: Any, count: int) -> list[str]:
    """The names of the first `count` jobs in the order in which a worker ran them."""
    completed = Heard(make.worker(queue, done), "completed")
    return [job.name for job, _ in await completed.times(count)]
