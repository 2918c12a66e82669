"""Run at most so many jobs at once, over all workers of a queue on all machines."""

from __future__ import annotations

import asyncio

from jetbull import Job, Queue, QueueEvents, Worker

NAME = "example-global-concurrency"
running = 0
most = 0


async def use_the_licence(job: Job, token: str) -> None:
    """Counts how many run at the same time."""
    global running, most
    running += 1
    most = max(most, running)
    await asyncio.sleep(0.02)
    running -= 1


async def main() -> None:
    async with Queue(NAME) as queue, QueueEvents(NAME) as events:
        await queue.setGlobalConcurrency(2)
        await queue.addBulk([{"name": "render", "data": {}} for _ in range(12)])
        drained = asyncio.Event()
        events.on("drained", lambda event_id: drained.set())
        options = {"concurrency": 5}  # of each worker
        async with Worker(NAME, use_the_licence, options), Worker(NAME, use_the_licence, options):
            await drained.wait()
        print("at once:", most)
        print("limit:", await queue.getGlobalConcurrency())
        await queue.removeGlobalConcurrency()
        print("limit:", await queue.getGlobalConcurrency())
        await queue.obliterate()


if __name__ == "__main__":
    asyncio.run(main())
