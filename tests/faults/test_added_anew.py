"""Jobs that are added anew, under the same id, in the moment in which the one before them goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jetbull import Job, Queue, Worker
from jetbull.server import EmbeddedServer

from .proxy import Proxy

_LARGE = 100_000  # characters: stored beside the job


async def _nothing(job: Job) -> None:
    pass


async def _complete(queue: Queue, jobs: int = 1) -> None:
    done = asyncio.Semaphore(0)
    async with Worker(queue.name, _nothing, {"connection": queue.opts["connection"]}) as worker:
        worker.on("completed", lambda job, result: done.release())
        for _ in range(jobs):
            await done.acquire()


async def _trim(queue: Queue) -> None:
    await queue.add("later", {}, {"removeOnComplete": 1})
    await _complete(queue, 2)


async def _clean(queue: Queue) -> None:
    await queue.clean(0, 0, "wait")


async def _remove(queue: Queue) -> None:
    await queue.remove("x")


@pytest.mark.parametrize(
    ("go", "opts"),
    [
        (_complete, {"removeOnComplete": True}),
        (_trim, {}),
        (_clean, {}),
        (_clean, {"deduplication": {"id": "tied"}}),
        (_remove, {}),
        (_remove, {"delay": 60_000}),
    ],
)
async def test_what_belongs_to_the_new_job_does_not_go_with_the_old_one(
    server: EmbeddedServer,
    name: str,
    go: Callable[[Queue], Awaitable[None]],
    opts: dict[str, Any],
) -> None:
    async with (
        Proxy(server.port) as proxy,
        Queue(name, {"connection": server.url}) as queue,
        Queue(name, {"connection": proxy.url}) as slow,
        asyncio.timeout(30),
    ):
        old = await queue.add("job", {"text": "old" * _LARGE}, {"jobId": "x", **opts})
        await old.log("old")
        await slow.waitUntilReady()
        proxy.hold_message(b"$JS.API.STREAM.PURGE.JBO_")
        going = asyncio.ensure_future(go(slow))
        await proxy.holding.wait()
        while await queue.getJob("x"):
            await asyncio.sleep(0.01)
        data = {"text": "new" * _LARGE}
        new = await queue.add("job", data, {"jobId": "x", "delay": 60_000})
        await new.log("new")
        proxy.let_go()
        await going
        found = await queue.getJob("x")
        assert found is not None and found.data == data
        assert (await queue.getJobLogs("x"))["logs"] == ["new"]
