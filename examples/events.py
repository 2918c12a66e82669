"""Hear what happens to the jobs of a queue, in any process, and miss nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from jetbull import Job, Queue, QueueEvents, QueueEventsProducer, Worker


async def double(job: Job, token: str) -> int:
    return int(job.data["number"]) * 2


async def main() -> None:
    seen: list[str] = []
    async with (
        Queue("example-events") as queue,
        # Ready when the block begins: no event from here on is missed.
        QueueEvents("example-events") as events,
        Worker("example-events", double),
    ):
        events.on("active", lambda args, event_id: seen.append(f"active {args['jobId']}"))
        events.on("completed", lambda args, event_id: seen.append(f"got {args['returnvalue']}"))
        drained = asyncio.Event()
        events.on("drained", lambda event_id: drained.set())

        job = await queue.add("double", {"number": 21}, {"jobId": "twice"})
        print("result:", await job.waitUntilFinished(events, 10_000))
        await drained.wait()
        print(seen)

        # Your own events travel the same way.
        told: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        events.on("halfway", lambda args, event_id: told.set_result(args))
        producer = QueueEventsProducer("example-events")
        await producer.publishEvent({"eventName": "halfway", "jobId": "twice", "page": 12})
        print(await told)
        await producer.close()

    # Who comes later can begin with the history ("0"), or behind the last id it has seen.
    names: list[str] = []
    done = asyncio.Event()
    history = QueueEvents("example-events", {"lastEventId": "0", "autorun": False})
    for name in ("added", "waiting", "active", "completed"):
        history.on(name, lambda args, event_id, name=name: names.append(name))
    history.on("halfway", lambda args, event_id: done.set())
    listening = asyncio.create_task(history.run())
    await done.wait()
    print(names)
    await history.close()
    await asyncio.gather(listening, return_exceptions=True)
    async with Queue("example-events") as queue:
        await queue.obliterate()


if __name__ == "__main__":
    asyncio.run(main())
