"""Stop a whole queue, or one worker, for a while: jobs wait, nothing is lost."""

from __future__ import annotations

import asyncio

from jetbull import Job, Queue, QueueEvents, Worker

NAME = "example-pausing"


async def work(job: Job, token: str) -> str:
    return f"{job.name} done"


async def main() -> None:
    async with (
        Queue(NAME) as queue,
        QueueEvents(NAME) as events,
        Worker(NAME, work) as worker,
    ):
        # The queue: no worker starts anything, running jobs finish, adding goes on.
        await queue.pause()
        job = await queue.add("while the queue is paused", {})
        print("paused:", await queue.isPaused(), "and the job is", await job.getState())
        await queue.resume()
        print(await job.waitUntilFinished(events, 10_000))

        # One worker: returns when its running jobs are done. Others go on.
        await worker.pause()
        job = await queue.add("while the worker is paused", {})
        print("worker paused:", worker.isPaused(), "and the job is", await job.getState())
        worker.resume()
        print(await job.waitUntilFinished(events, 10_000))
        await queue.obliterate()


if __name__ == "__main__":
    asyncio.run(main())
