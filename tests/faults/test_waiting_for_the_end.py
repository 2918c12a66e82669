"""Waiting for the end of a job while the server goes away."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jetbull import AckTimeout, Job, Queue, QueueEvents, Worker
from jetbull.commands import waiting
from jetbull.job_body import JobBody
from jetbull.ledger.job import reading
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import wire
from jetbull.server import EmbeddedServer


@pytest.mark.parametrize("ttl", [None, 60_000])
async def test_who_waits_is_told_the_end_however_long_the_server_was_away(
    server: EmbeddedServer, name: str, monkeypatch: pytest.MonkeyPatch, ttl: int | None
) -> None:
    monkeypatch.setattr(wire, "READ_PATIENCE", 0.1)
    monkeypatch.setattr(waiting, "_LOOK_SECONDS", 0.01)
    waits, in_vain = asyncio.Event(), asyncio.Event()
    told, find = waiting._told, reading.find

    async def noticed(job: JobBody, finished: asyncio.Future[tuple[str, Any]]) -> Any:
        waits.set()
        return await told(job, finished)

    async def found(store: QueueStore, job_id: str) -> Stored | None:
        try:
            return await find(store, job_id)
        except AckTimeout:
            in_vain.set()
            raise

    monkeypatch.setattr(waiting, "_told", noticed)
    monkeypatch.setattr(reading, "find", found)
    opts = {"connection": server.url}
    async with (
        Queue(name, opts) as queue,
        QueueEvents(name, opts) as events,
        asyncio.timeout(60),
    ):
        job = await queue.add("job", {})
        waiter = asyncio.ensure_future(job.waitUntilFinished(events, ttl))
        await waits.wait()
        await asyncio.to_thread(server.kill)
        await in_vain.wait()
        await asyncio.to_thread(server.start)
        worker = Worker(name, _answer, opts)
        assert await waiter == 42
        await worker.close()


async def _answer(job: Job, token: str) -> int:
    return 42
