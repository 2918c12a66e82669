"""Jobs that come again: every so often, or by a cron pattern with a time zone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from jetbull import Job, Queue, Worker

ticks: asyncio.Queue[str] = asyncio.Queue()


async def tick(job: Job, token: str) -> None:
    ticks.put_nowait(f"{job.name}, number {job.opts['repeat']['count']}")


async def main() -> None:
    async with Queue("example-schedulers") as queue, Worker("example-schedulers", tick):
        # Any number of processes may do this at start: there is one scheduler of an id.
        await queue.upsertJobScheduler(
            "heartbeat", {"every": 400, "limit": 3}, "beat", {"from": "example"}
        )
        for _ in range(3):
            print(await ticks.get())

        # Seconds may be given as a sixth field in front; UTC unless `tz` says otherwise.
        await queue.upsertJobScheduler(
            "report", {"pattern": "0 30 9 * * MON-FRI", "tz": "Europe/Berlin"}, "daily report"
        )
        report = await queue.getJobScheduler("report")
        assert report is not None
        next_run = datetime.fromtimestamp(report["next"] / 1000, UTC)
        print("the report comes at half past of an hour:", next_run.minute == 30)
        print("its job waits already:", [job.name for job in await queue.getDelayed()])

        # The same id again changes the scheduler; removing it removes its pending job as well.
        await queue.upsertJobScheduler("report", {"pattern": "0 0 8 * * *"}, "daily report")
        print("schedulers:", await queue.getJobSchedulersCount())
        await queue.removeJobScheduler("report")
        print("pending jobs:", await queue.getDelayedCount())
        await queue.obliterate()


if __name__ == "__main__":
    asyncio.run(main())
