"""Schedulers that another process changes in the midst of a call."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from jetbull import Job, Worker
from jetbull.ledger.wire.pace import Pace
from jetbull.server import EmbeddedServer

from .doors import two_doors

YEARLY = {"pattern": "0 0 1 1 *"}


async def nothing(job: Job, token: str) -> None:
    """Is done at once."""


async def test_removing_a_scheduler_takes_the_job_along_that_a_worker_just_made(
    server: EmbeddedServer, name: str
) -> None:
    async with two_doors(server, name) as (proxy, queue, slow):
        first = await queue.upsertJobScheduler("hourly", {"every": 3_600_000})
        assert first is not None
        await slow.waitUntilReady()
        proxy.hold_message(b"HPUB jbq.")
        removal = asyncio.ensure_future(slow.removeJobScheduler("hourly"))
        await proxy.holding.wait()
        worker = Worker(name, nothing, {"connection": server.url})
        while not await first.isCompleted():
            await asyncio.sleep(0.01)
        assert await queue.getDelayedCount() == 1
        proxy.let_go()
        assert await removal == 0
        assert await queue.getJobSchedulersCount() == 0
        assert await queue.getDelayedCount() == 0
        await worker.close()


async def test_an_upsert_that_another_overtakes_replaces_what_that_one_stored(
    server: EmbeddedServer, name: str
) -> None:
    async with two_doors(server, name) as (proxy, queue, slow):
        await slow.waitUntilReady()
        proxy.hold_message(b'"multi_last"')
        later = asyncio.ensure_future(slow.upsertJobScheduler("yearly", YEARLY, job_data="later"))
        await proxy.holding.wait()
        await queue.upsertJobScheduler("yearly", YEARLY, job_data="first")
        proxy.let_go()
        assert await later is not None
        (pending,) = await queue.getDelayed()
        assert pending.data == "later"


@pytest.mark.parametrize("repeat", [YEARLY, {"every": 3_600_000}], ids=["pattern", "interval"])
async def test_a_scheduler_that_is_stored_while_it_is_removed_goes_with_its_one_job(
    server: EmbeddedServer, name: str, repeat: dict[str, Any]
) -> None:
    async with two_doors(server, name) as (proxy, queue, slow):
        tomorrow = {"startDate": int(time.time() * 1000) + 86_400_000}
        await queue.upsertJobScheduler("mine", {**repeat, **tomorrow}, job_data="old")
        await slow.waitUntilReady()
        proxy.hold_message(b'"multi_last"')
        removal = asyncio.ensure_future(slow.removeJobScheduler("mine"))
        await proxy.holding.wait()
        await queue.upsertJobScheduler("mine", {**repeat, **tomorrow}, job_data="new")
        proxy.let_go()
        assert await removal == 0
        assert await queue.getJobScheduler("mine") is None
        assert await queue.getDelayed() == []


async def test_who_dies_while_removing_a_scheduler_leaves_it_with_its_job(
    server: EmbeddedServer, name: str
) -> None:
    async with two_doors(server, name) as (proxy, queue, slow):
        await queue.upsertJobScheduler("mine", YEARLY)
        await slow.waitUntilReady()
        proxy.hold_message(b"HPUB jb.")
        removal = asyncio.ensure_future(slow.removeJobScheduler("mine"))
        await proxy.holding.wait()
        proxy.refuse()
        removal.cancel()
        await asyncio.gather(removal, return_exceptions=True)
        assert await queue.getJobSchedulersCount() == await queue.getDelayedCount() == 1
        assert await queue.removeJobScheduler("mine") == 0
        assert await queue.getJobSchedulersCount() == await queue.getDelayedCount() == 0


async def test_an_upsert_whose_job_comes_behind_another_upsert_leaves_one_pending_job(
    server: EmbeddedServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: True)
    async with two_doors(server, name) as (proxy, queue, slow):
        await queue.upsertJobScheduler("mine", {"every": 3_600_000})
        await slow.waitUntilReady()
        proxy.hold_message(f"HPUB jb.bull.{name}.wait".encode())
        first = asyncio.ensure_future(slow.upsertJobScheduler("mine", {"every": 3_600_000}))
        await proxy.holding.wait()
        await queue.upsertJobScheduler("mine", {"every": 7_200_000})
        proxy.let_go()
        last = await first
        assert last is not None
        pending = await queue.getJobs(["waiting", "delayed"])
        assert [job.id for job in pending] == [last.id]
        scheduler = await queue.getJobScheduler("mine")
        assert scheduler is not None and scheduler["every"] == 3_600_000
