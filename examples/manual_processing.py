"""Fetch and finish jobs by hand, without a processor: for loops of your own."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from jetbull import Queue, Worker

NAME = "example-manual"


async def main() -> None:
    async with Queue(NAME) as queue, Worker(NAME, None, {"lockDuration": 10_000}) as worker:
        await queue.addBulk([{"name": "row", "data": {"n": n}} for n in (1, 2, 3)])

        # The token is what proves that the job is ours.
        token = uuid4().hex
        job = await worker.getNextJob(token, {"block": False})
        assert job is not None
        print("took", job.data, "which is", await job.getState())

        # Nobody renews a lock for us: whoever needs longer says so.
        print("lock kept:", await job.extendLock(token, 30_000) == 1)
        await job.moveToCompleted({"ok": True}, token)
        print("now it is", await job.getState())

        failing = await worker.getNextJob(token, {"block": False})
        assert failing is not None
        await failing.moveToFailed(ValueError("a bad row"), token)
        print("failed because of", failing.failedReason)

        postponed = await worker.getNextJob(token, {"block": False})
        assert postponed is not None
        in_an_hour = postponed.timestamp + 60 * 60 * 1000
        await postponed.moveToDelayed(in_an_hour, token)
        print("and the third is", await postponed.getState())

        print("nothing is left:", await worker.getNextJob(token, {"block": False}))
        await queue.obliterate()


if __name__ == "__main__":
    asyncio.run(main())
