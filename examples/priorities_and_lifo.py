"""Who runs first: plain jobs, then priority 1, then 2; `lifo` goes to the head of the line."""

from __future__ import annotations

import asyncio

from jetbull import Job, Queue, QueueEvents, Worker


async def note(job: Job, token: str) -> None:
    print(job.name)


async def main() -> None:
    async with Queue("example-priorities") as queue, QueueEvents("example-priorities") as events:
        await queue.addBulk(
            [
                {"name": "priority 10, first", "data": {}, "opts": {"priority": 10}},
                {"name": "priority 10, second", "data": {}, "opts": {"priority": 10}},
                {"name": "priority 1", "data": {}, "opts": {"priority": 1}},
                {"name": "no priority, first", "data": {}},
                {"name": "no priority, second", "data": {}},
            ]
        )
        await queue.add("lifo", {}, {"lifo": True})
        last = await queue.add("was 500, now 5", {}, {"priority": 500})
        await last.changePriority({"priority": 5})

        drained = asyncio.Event()
        events.on("drained", lambda event_id: drained.set())
        async with Worker("example-priorities", note):
            await drained.wait()
        await queue.obliterate()


if __name__ == "__main__":
    asyncio.run(main())
