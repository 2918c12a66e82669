"""Code to be tested: it takes an order and lets a worker send it."""

from __future__ import annotations

from jetbull import Job, Queue


async def take_order(queue: Queue, item: str, count: int) -> Job:
    """Refuses nonsense, otherwise stores the order as a job."""
    if count < 1:
        raise ValueError(f"count is {count}: order at least one.")
    return await queue.add("order", {"item": item, "count": count}, {"attempts": 3})


async def send_order(job: Job, token: str) -> str:
    """The worker's half."""
    return f"{job.data['count']} x {job.data['item']} sent"
