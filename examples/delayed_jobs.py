"""Run a job later: after a delay, at a moment, or sooner after all."""

from __future__ import annotations

import asyncio
import time

from jetbull import Job, Queue, QueueEvents, Worker


async def remind(job: Job, token: str) -> int:
    """How many ms after its creation the job ran."""
    return int(time.time() * 1000) - int(job.timestamp)


async def main() -> None:
    async with (
        Queue("example-delays") as queue,
        QueueEvents("example-delays") as events,
        Worker("example-delays", remind),
    ):
        job = await queue.add("in half a second", {}, {"delay": 500})
        print("now it is", await job.getState())
        late = await job.waitUntilFinished(events, 10_000)
        print("never early:", late >= 500)

        # A moment is the delay until then.
        moment = time.time() + 0.3
        at = await queue.add("at a moment", {}, {"delay": round((moment - time.time()) * 1000)})
        await at.waitUntilFinished(events, 10_000)
        print("not before the moment:", time.time() >= moment)

        tomorrow = await queue.add("tomorrow", {}, {"delay": 24 * 60 * 60 * 1000})
        await tomorrow.changeDelay(60 * 60 * 1000)  # in an hour from now
        await tomorrow.promote()  # no: at once
        await tomorrow.waitUntilFinished(events, 10_000)
        print("promoted:", await tomorrow.getState())
        await queue.obliterate()


if __name__ == "__main__":
    asyncio.run(main())
