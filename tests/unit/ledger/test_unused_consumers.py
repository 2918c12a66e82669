"""Consumers of queues on which nobody works any more go, and come back with the next worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from jetbull import Job, Queue, QueueEvents, Worker
from jetbull.ledger.queue import consumers
from jetbull.ledger.wire import Wire

_DELETED = "$JS.EVENT.ADVISORY.CONSUMER.DELETED.JB_bull."
_PATIENCE = 60.0


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "_UNUSED_S", 0.2)


@asynccontextmanager
async def _deleted(url: str, name: str) -> AsyncIterator[asyncio.Event]:
    """Set when the server has removed that consumer."""
    wire, heard = await Wire.open([url]), asyncio.Event()
    await wire.subscribe(_DELETED + name, lambda *_: heard.set())
    await wire._client.flush()
    yield heard
    await wire.close()


async def _run(job: Job, token: str) -> str:
    return "done"


async def test_the_server_removes_what_no_worker_asks_and_the_next_worker_makes_it_anew(
    jetbull_url: str,
) -> None:
    async with (
        asyncio.timeout(_PATIENCE),
        Queue("tenant") as queue,
        QueueEvents("tenant") as events,
        _deleted(jetbull_url, "w-tenant") as line,
        _deleted(jetbull_url, "r-tenant") as repair,
        _deleted(jetbull_url, "p3-tenant") as level,
    ):
        first = await queue.add("job", {}, {"priority": 3})
        async with Worker("tenant", _run):
            assert await first.waitUntilFinished(events) == "done"
        for gone in (line, repair, level):
            await gone.wait()
        assert await queue.getJobCounts("waiting", "prioritized", "completed") == {
            "waiting": 0,
            "prioritized": 0,
            "completed": 1,
        }
        jobs = [await queue.add("job", {}, {"priority": priority}) for priority in (0, 3)]
        async with Worker("tenant", _run):
            for job in jobs:
                assert await job.waitUntilFinished(events) == "done"


async def test_a_worker_of_a_queue_that_was_paused_for_long_works_on(jetbull_url: str) -> None:
    async with (
        asyncio.timeout(_PATIENCE),
        Queue("tenant") as queue,
        QueueEvents("tenant") as events,
        _deleted(jetbull_url, "w-tenant") as gone,
        Worker("tenant", _run) as worker,
    ):
        await worker.waitUntilReady()
        await queue.pause()
        job = await queue.add("job", {})
        await gone.wait()
        await queue.resume()
        assert await job.waitUntilFinished(events) == "done"
