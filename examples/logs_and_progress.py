"""Tell how far a job is and what it did; read it from anywhere, now or later."""

from __future__ import annotations

import asyncio

from jetbull import Job, Queue, QueueEvents, Worker

NAME = "example-progress"


async def convert(job: Job, token: str) -> str:
    for page in range(1, 5):
        await job.log(f"page {page} converted")
        await job.updateProgress({"page": page, "of": 4})  # a number or any JSON
    return "converted"


async def main() -> None:
    async with (
        Queue(NAME) as queue,
        QueueEvents(NAME) as events,
        Worker(NAME, convert),
    ):
        heard: list[str] = []
        events.on("progress", lambda args, event_id: heard.append(f"{args['data']['page']}/4"))
        job = await queue.add("convert", {}, {"keepLogs": 3})  # of the rows, the last three
        await job.waitUntilFinished(events, 10_000)
        print("progress heard:", heard)

        stored = await queue.getJob(job.id)
        print("progress stored:", stored and stored.progress)
        log = await queue.getJobLogs(job.id)
        print(log["count"], "rows:", log["logs"])
        newest = await queue.getJobLogs(job.id, 0, 0, asc=False)
        print("the newest:", newest["logs"])
        await queue.obliterate()


if __name__ == "__main__":
    asyncio.run(main())
