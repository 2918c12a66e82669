"""A worker tells that its queue is drained whenever it is, not only the first time it looks."""

from __future__ import annotations

import asyncio

from jetbull import Job, Worker


async def nothing(job: Job, token: str) -> None:
    return None


async def test_a_worker_that_is_idle_again_while_it_looks_looks_once_more(
    shared_url: str, name: str
) -> None:
    told: list[str] = []
    async with Worker(name, nothing, {"connection": shared_url}) as worker:
        worker.on("drained", lambda: told.append("drained"))
        await worker.waitUntilReady()
        serving = worker._serving
        assert serving is not None
        worker.on_idle()
        await asyncio.sleep(0)  # the look has begun
        worker.on_idle()
        assert serving._idle_check is not None
        await serving._idle_check
        assert told == ["drained", "drained"]


async def test_a_worker_that_begins_with_a_ticket_of_the_past_while_it_looks_looks_once_more(
    shared_url: str, name: str
) -> None:
    drained = asyncio.Event()
    async with Worker(name, nothing, {"connection": shared_url}) as worker:
        worker.on("drained", drained.set)
        await worker.waitUntilReady()
        serving = worker._serving
        assert serving is not None
        supply = serving.slots._supply
        worker.on_idle()
        await asyncio.sleep(0)  # the look has begun
        supply._begin()
        assert serving._idle_check is not None
        await serving._idle_check
        assert not drained.is_set()
        supply.end()  # the job was done already
        worker._look_again()
        await asyncio.wait_for(drained.wait(), 10)
