"""Decide yourself how long to wait before the next try, from the error or the attempt."""

from __future__ import annotations

import asyncio

from jetbull import JetbullError, Job, Queue, QueueEvents, Worker


class TooManyRequestsError(Exception):
    """What an API says when it wants to be left alone for a while."""

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__(f"too many requests, come back in {retry_after_ms} ms")
        self.retry_after_ms = retry_after_ms


def when_again(attempts_made: int, kind: str, error: Exception, job: Job) -> int:
    """Milliseconds until the next try; 0 is at once and -1 is never."""
    if isinstance(error, TooManyRequestsError):
        return error.retry_after_ms
    if isinstance(error, PermissionError):
        return -1
    return 50 * attempts_made


async def call_api(job: Job, token: str) -> str:
    if job.name == "forbidden":
        raise PermissionError("not yours")
    if job.attemptsStarted == 1:
        raise TooManyRequestsError(200)
    if job.attemptsStarted == 2:
        raise TimeoutError("no answer")
    return "accepted"


async def main() -> None:
    async with (
        Queue("example-custom-backoff") as queue,
        QueueEvents("example-custom-backoff") as events,
        Worker(
            "example-custom-backoff", call_api, {"settings": {"backoffStrategy": when_again}}
        ) as worker,
    ):
        worker.on("failed", lambda job, error: print(f"{job.name}: {error}"))
        options = {"attempts": 5, "backoff": {"type": "as the API says"}}
        job = await queue.add("report", {}, options)
        print(await job.waitUntilFinished(events, 10_000))

        forbidden = await queue.add("forbidden", {}, options)
        try:
            await forbidden.waitUntilFinished(events, 10_000)
        except JetbullError:
            stored = await queue.getJob(forbidden.id)
            print("gave up after", stored and stored.attemptsMade, "try of 5")
        await queue.obliterate()


if __name__ == "__main__":
    asyncio.run(main())
