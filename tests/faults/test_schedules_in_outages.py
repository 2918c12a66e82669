"""A scheduler whose job starts in the moment in which the server goes away."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jetbull import Job, Queue, Worker
from jetbull.server import EmbeddedServer

from .proxy import Proxy

HOUR = 3_600_000


async def test_the_next_job_is_made_however_long_the_server_is_away(
    server: EmbeddedServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jetbull.ledger.wire.wire.READ_PATIENCE", 0.1)
    ran, gave_up = asyncio.Event(), asyncio.Event()

    async def process(job: Job, token: str) -> None:
        ran.set()

    async with (
        Proxy(server.port) as proxy,
        Queue(name, {"connection": server.url}) as queue,
        asyncio.timeout(30),
    ):

        def an_hour_later(millis: int, opts: dict[str, Any]) -> int:
            if not gave_up.is_set():
                proxy.refuse()
            return millis + HOUR

        worker = Worker(
            name,
            process,
            {
                "connection": proxy.url,
                "lockDuration": 300_000,
                "settings": {"repeatStrategy": an_hour_later},
                "autorun": False,
                "runRetryDelay": 100,
            },
        )
        worker.on("error", lambda error: gave_up.set() if "next iteration" in str(error) else None)
        await queue.upsertJobScheduler("hourly", {"pattern": "0 * * * *", "immediately": True})
        running = asyncio.ensure_future(worker.run())
        await gave_up.wait()
        proxy.heal()
        await ran.wait()
        assert await queue.getDelayedCount() == 1
        assert await queue.getJobScheduler("hourly") is not None
        await worker.close()
        await running
