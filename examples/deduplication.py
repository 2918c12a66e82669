"""Add a job once, however often it is asked for: until it is done, for a time, or the last one."""

from __future__ import annotations

import asyncio

from jetbull import Queue, QueueEvents


async def main() -> None:
    async with (
        Queue("example-deduplication") as queue,
        QueueEvents("example-deduplication") as events,
    ):
        told: asyncio.Queue[str] = asyncio.Queue()
        events.on("deduplicated", lambda args, event_id: told.put_nowait(args["jobId"]))

        # Simple: while the first is not finished, others are the same job.
        once = {"deduplication": {"id": "customer-17"}}
        first = await queue.add("sync", {"customer": 17}, once)
        second = await queue.add("sync", {"customer": 17}, once)
        print("the same job:", first.id == second.id)
        print("listeners know:", await told.get() == first.id)

        # Throttle: nothing more of this id for a second, whatever becomes of the first.
        throttled = {"deduplication": {"id": "search-index", "ttl": 1000}}
        for _ in range(5):
            await queue.add("index", {}, throttled)
        print("jobs for 5 adds:", await queue.getWaitingCount() - 1)

        # Debounce: each add replaces the delayed job and begins the wait again.
        debounced = {
            "delay": 60_000,
            "deduplication": {"id": "draft-5", "ttl": 60_000, "extend": True, "replace": True},
        }
        for text in ("H", "He", "Hello"):
            await queue.add("save", {"text": text}, debounced)
        print("to be saved:", [job.data["text"] for job in await queue.getDelayed()])

        # An id of your own makes a job unique for as long as the job is kept.
        await queue.add("invoice", {"year": 2026}, {"jobId": "invoice-2026-0042"})
        await queue.add("invoice", {"year": 1999}, {"jobId": "invoice-2026-0042"})
        invoice = await queue.getJob("invoice-2026-0042")
        print("the first one stays:", invoice and invoice.data)
        await queue.obliterate()


if __name__ == "__main__":
    asyncio.run(main())
