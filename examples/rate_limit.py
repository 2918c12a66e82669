"""Start no more than so many jobs in a time, over all workers; and wait when a service asks."""

from __future__ import annotations

import asyncio
import time

from jetbull import Job, Queue, QueueEvents, Worker

NAME = "example-rate-limit"
starts: list[float] = []
asked_to_wait = False


async def call(job: Job, token: str) -> None:
    starts.append(time.monotonic())


async def main() -> None:
    async with Queue(NAME) as queue, QueueEvents(NAME) as events:
        drained = asyncio.Event()
        events.on("drained", lambda event_id: drained.set())

        # Five starts in half a second, for all workers together.
        await queue.addBulk([{"name": "call", "data": {}} for _ in range(11)])
        options = {"concurrency": 10, "limiter": {"max": 5, "duration": 500}}
        async with Worker(NAME, call, options), Worker(NAME, call, options):
            await drained.wait()
        print("11 jobs in three windows:", starts[-1] - starts[0] >= 1.0)

        # The service says how long it wants to be left alone: the job goes back to the head of
        # the line and no attempt is spent.
        async def call_politely(job: Job, token: str) -> str:
            global asked_to_wait
            if not asked_to_wait:
                asked_to_wait = True
                await worker.rateLimit(300)
                raise Worker.RateLimitError()
            return f"served, attempts made before: {job.attemptsMade}"

        async with Worker(
            NAME, call_politely, {"limiter": {"max": 100, "duration": 1000}}
        ) as worker:
            begun = time.monotonic()
            job = await queue.add("call", {})
            print(await job.waitUntilFinished(events, 10_000))
            print("after the pause:", time.monotonic() - begun >= 0.3)

        # Or for every worker of the queue, whatever its own options are.
        await queue.setGlobalRateLimit(2, 60_000)
        print("limit of the queue:", await queue.getGlobalRateLimit())
        await queue.obliterate()


if __name__ == "__main__":
    asyncio.run(main())
