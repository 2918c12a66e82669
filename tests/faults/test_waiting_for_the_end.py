"""Waiting for the end of a job while the server goes away."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jetbull import AckTimeout, Queue, QueueEvents
from jetbull.commands import waiting
from jetbull.job_body import JobBody
from jetbull.ledger.wire import wire
from jetbull.server import EmbeddedServer


@pytest.mark.parametrize("ttl", [None, 60_000])
async def test_a_server_that_stays_away_is_not_taken_for_the_end_of_the_time_to_wait(
    server: EmbeddedServer, name: str, monkeypatch: pytest.MonkeyPatch, ttl: int | None
) -> None:
    monkeypatch.setattr(wire, "READ_PATIENCE", 0.1)
    monkeypatch.setattr(waiting, "_LOOK_SECONDS", 0.01)
    told = waiting._told

    async def told_by_nobody(job: JobBody, finished: asyncio.Future[tuple[str, Any]]) -> Any:
        await asyncio.to_thread(server.kill)
        return await told(job, finished)

    monkeypatch.setattr(waiting, "_told", told_by_nobody)
    opts = {"connection": server.url}
    async with Queue(name, opts) as queue, QueueEvents(name, opts) as events:
        job = await queue.add("job", {})
        with pytest.raises(AckTimeout, match="did not answer in time"):
            await job.waitUntilFinished(events, ttl)
