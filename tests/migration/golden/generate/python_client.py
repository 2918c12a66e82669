"""Fills Redis with what BullMQ for Python 3.4.4 leaves behind: `python python_client.py`."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime
from typing import Any

from bullmq import FlowProducer, Job, Queue, Worker

CONNECTION = {"host": "127.0.0.1", "port": int(os.environ.get("REDIS_PORT", "6379"))}
FAR_MS = int(datetime(2037, 1, 1, tzinfo=UTC).timestamp() * 1000)

PAYLOADS: dict[str, Any] = {
    "plain": {"title": "The Wind", "page": 1},
    "order": {"zebra": 1, "apple": 2, "mango": {"y": 1, "x": 2}},
    "unicode": {"text": "Straße, naïve, 日本語, العربية, 🎧", "lone": "\ud83d"},
    "numbers": {"big": 9007199254740993, "tiny": 1e-7, "huge": 1e21, "negative": -0.5},
    "empty": {},
    "list": [],
    "nothing": None,
    "text": 'just a string with "quotes" and\nlines',
}


def until_far() -> int:
    return FAR_MS - int(time.time() * 1000)


def open_queue(name: str) -> Queue:
    return Queue(name, {"connection": CONNECTION})


async def until(check: Any, what: str) -> None:
    for _ in range(500):
        if await check():
            return
        await asyncio.sleep(0.02)
    raise TimeoutError(f"gave up waiting for {what}")


async def finished(queue: Queue) -> None:
    async def speak(job: Job, token: str) -> Any:
        await job.log("started")
        await job.updateProgress({"percent": 50})
        await job.log("half way")
        if "fail" in job.data:
            raise ValueError(f"cannot speak: {job.data['fail']}")
        return (
            None if job.name == "silent" else {"file": f"{job.data['page']}.mp3", "seconds": 12.5}
        )

    await queue.add("speak", {"page": 1})
    await queue.add("speak", {"page": 2, "fail": "no voice"}, {"attempts": 2})
    await queue.add("silent", {"page": 3})
    await queue.add(
        "speak", {"page": 4, "fail": "later"}, {"attempts": 3, "backoff": 86_400_000_000}
    )
    worker = Worker("audio", speak, {"connection": CONNECTION, "metrics": {"maxDataPoints": 10}})

    async def settled() -> bool:
        counts = await queue.getJobCounts("completed", "failed", "delayed")
        return bool(counts == {"completed": 2, "failed": 1, "delayed": 1})

    await until(settled, "finished jobs")
    await worker.close()


async def active(queue: Queue) -> None:
    await queue.add("speak", {"page": 5}, {"jobId": "held-without-lock"})
    short = Worker("audio", None, {"connection": CONNECTION, "lockDuration": 100, "autorun": False})
    await short.getNextJob("short")
    await asyncio.sleep(0.3)
    await queue.add("speak", {"page": 6}, {"jobId": "held-with-lock"})
    long = Worker(
        "audio", None, {"connection": CONNECTION, "lockDuration": 3_600_000, "autorun": False}
    )
    await long.getNextJob("long")


async def pending(queue: Queue) -> None:
    for name, data in PAYLOADS.items():
        await queue.add("speak", data, {"jobId": f"payload-{name}"})
    await queue.add("speak", {"page": 20}, {"lifo": True})
    for page, priority in ((21, 5), (22, 1), (23, 5), (24, 2_097_151)):
        await queue.add("speak", {"page": page}, {"priority": priority})
    await queue.add("speak", {"page": 25}, {"delay": until_far(), "removeOnComplete": {"count": 5}})
    same = {"timestamp": FAR_MS - 1000, "delay": 1000}
    await queue.add("speak", {"page": 26}, {**same, "jobId": "tie-b"})
    await queue.add("speak", {"page": 27}, {**same, "jobId": "tie-a"})
    await queue.add(
        "speak", {"page": 28}, {"priority": 3, "delay": until_far(), "jobId": "delayed-priority"}
    )
    await queue.add("speak", {"page": 30}, {"deduplication": {"id": "once"}})
    await queue.add("speak", {"page": 31}, {"deduplication": {"id": "a while", "ttl": 86_400_000}})
    template_opts = {"attempts": 3, "keepLogs": 7}
    data = {"to": ["a", "b"]}
    await queue.upsertJobScheduler(
        "report", {"pattern": "0 0 5 1 1 *", "tz": "Asia/Tokyo"}, "mail", data, template_opts
    )
    await queue.upsertJobScheduler("daily", {"every": 86_400_000, "limit": 30}, "mail", data)


async def flows() -> None:
    policies: dict[str, dict[str, Any]] = {
        "plain": {},
        "fail": {"failParentOnFailure": True},
        "remove": {"removeDependencyOnFailure": True},
        "ignore": {"ignoreDependencyOnFailure": True},
        "continue": {"continueParentOnFailure": True},
    }
    flow = FlowProducer(CONNECTION)
    for policy, opts in policies.items():
        children = [
            {
                "name": kind,
                "queueName": "pages",
                "data": {"kind": kind},
                "opts": {**opts, "jobId": f"{policy}-{kind}", **more},
            }
            for kind, more in (("done", {}), ("broken", {}), ("idle", {"delay": until_far()}))
        ]
        await flow.add(
            {
                "name": "book",
                "queueName": "books",
                "data": {"policy": policy},
                "opts": {"jobId": f"book-{policy}"},
                "children": children,
            }
        )

    async def page(job: Job, token: str) -> Any:
        if job.name == "broken":
            raise ValueError("torn page")
        return {"pages": [1, 2, 3]}

    pages = open_queue("pages")
    worker = Worker("pages", page, {"connection": CONNECTION})

    async def settled() -> bool:
        counts = await pages.getJobCounts("completed", "failed")
        return bool(counts == {"completed": 5, "failed": 5})

    await until(settled, "children")
    await worker.close()


async def paused() -> None:
    queue = open_queue("resting place")
    await queue.add("rest", {"n": 1})
    await queue.pause()
    await queue.add("rest", {"n": 2})
    await queue.add("rest", {"n": 3}, {"lifo": True})
    await queue.setGlobalConcurrency(3)
    await queue.setGlobalRateLimit(10, 60_000)


async def main() -> None:
    queue = open_queue("audio")
    await finished(queue)
    await active(queue)
    await pending(queue)
    await flows()
    await paused()


if __name__ == "__main__":
    asyncio.run(main())
    os._exit(0)  # the libraries keep connections open on purpose: locks must outlive the program
