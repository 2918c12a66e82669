"""Add a job and run it in a worker: the smallest whole program."""

from __future__ import annotations

import asyncio

from jetbull import Job, Queue, QueueEvents, Worker


async def send(job: Job, token: str) -> str:
    """What a worker does with one job; what it returns is kept with the job."""
    print(f"sending {job.name} to {job.data['to']}")
    return "sent"


async def main() -> None:
    async with (
        Queue("example-emails") as queue,
        QueueEvents("example-emails") as events,
        Worker("example-emails", send),
    ):
        job = await queue.add("welcome", {"to": "ada@example.org"})
        result = await job.waitUntilFinished(events, 10_000)
        print(f"job {job.name} is {await job.getState()}: {result}")
        await queue.obliterate()


if __name__ == "__main__":
    asyncio.run(main())
