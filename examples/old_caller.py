"""A program written for BullMQ on Redis. It knows nothing of jetbull and is not changed.

jetbull exec -- python examples/old_caller.py
"""

from __future__ import annotations

import asyncio
import os

from bullmq import Job, Queue, Worker
from bullmq.custom_errors import UnrecoverableError


async def process(job: Job, token: str) -> str:
    if job.name == "broken":
        raise UnrecoverableError("this one cannot work")
    return f"hello {job.data['name']}"


async def main() -> None:
    options = {"connection": os.environ.get("REDIS_URL", "redis://localhost:6379")}
    queue = Queue("example-old-caller", options)
    worker = Worker("example-old-caller", process, options)
    ends: asyncio.Queue[str] = asyncio.Queue()
    worker.on("completed", lambda job, result: ends.put_nowait(f"completed: {result}"))
    worker.on("failed", lambda job, error: ends.put_nowait(f"failed: {error}"))

    await queue.add("greet", {"name": "Ada"}, {"removeOnComplete": True})
    print(await ends.get())
    await queue.add("broken", {}, {"attempts": 3, "backoff": 1000})
    print(await ends.get())
    print(await queue.getJobCounts("wait", "completed", "failed"))

    await worker.close()
    await queue.obliterate()
    await queue.close()
    print("ran on", Queue.__module__.split(".")[0])


if __name__ == "__main__":
    asyncio.run(main())
