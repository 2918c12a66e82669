"""Work that blocks: plain functions run in threads; CPU-bound work goes to other processes."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from concurrent.futures import ProcessPoolExecutor

from jetbull import Job, Queue, QueueEvents, Worker

running: set[str] = set()
most = 0


def call_old_library(job: Job, token: str) -> str:
    """A plain function: it may block, the worker runs it in a thread and keeps its lock."""
    global most
    running.add(job.id)
    time.sleep(0.3)
    most = max(most, len(running))
    running.discard(job.id)
    return f"{job.name} done"


def stretch(password: str) -> str:
    """Uses a whole core for a while. Runs in another process, so it takes and gives plain data."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), b"salt", 200_000).hex()[:8]


async def main() -> None:
    async with (
        Queue("example-blocking") as queue,
        QueueEvents("example-blocking") as events,
        Worker("example-blocking", call_old_library, {"concurrency": 4}),
    ):
        jobs = [await queue.add(f"call {n}", {}) for n in range(4)]
        for job in jobs:
            print(await job.waitUntilFinished(events, 10_000))
        print("side by side:", most)
        await queue.obliterate()

    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:

        async def compute(job: Job, token: str) -> str:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(pool, stretch, job.data["password"])

        async with (
            Queue("example-cpu") as queue,
            QueueEvents("example-cpu") as events,
            Worker("example-cpu", compute, {"concurrency": os.cpu_count() or 1}),
        ):
            job = await queue.add("stretch", {"password": "correct horse"})
            print("computed:", await job.waitUntilFinished(events, 10_000))
            await queue.obliterate()


if __name__ == "__main__":
    asyncio.run(main())
