"""A job that fails is tried again, after a pause that grows; some errors end it at once."""

from __future__ import annotations

import asyncio
import time

from jetbull import JetbullError, Job, Queue, QueueEvents, UnrecoverableError, Worker


async def call_partner(job: Job, token: str) -> str:
    """Fails twice, as a service does that is just starting."""
    if "account" not in job.data:
        raise UnrecoverableError("an order needs an account")
    if job.attemptsStarted < 3:
        raise ConnectionError("the partner does not answer")
    return f"answered at attempt {job.attemptsStarted}"


async def main() -> None:
    async with (
        Queue("example-retries") as queue,
        QueueEvents("example-retries") as events,
        Worker("example-retries", call_partner) as worker,
    ):
        # `failed` comes after every failed try, also when another one follows.
        worker.on("failed", lambda job, error: print(f"try {job.attemptsMade} failed: {error}"))

        begun = time.monotonic()
        options = {"attempts": 5, "backoff": {"type": "exponential", "delay": 100}}
        job = await queue.add("order", {"account": 7}, options)
        print(await job.waitUntilFinished(events, 10_000))
        print("waited 100 + 200 ms between the tries:", time.monotonic() - begun >= 0.3)

        # An UnrecoverableError fails the job, whatever attempts are left.
        wrong = await queue.add("order", {}, options)
        try:
            await wrong.waitUntilFinished(events, 10_000)
        except JetbullError as error:
            print(f"{await wrong.getState()}: {error}")

        # Once the cause is repaired, a failed job gets another chance.
        await wrong.updateData({"account": 8})
        await wrong.retry("failed", {"resetAttemptsMade": True})
        print(await wrong.waitUntilFinished(events, 10_000))
        await queue.obliterate()


if __name__ == "__main__":
    asyncio.run(main())
