"""Deduplication ids of what old programs add after a run; the target's own stay as they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import bullmq
import pytest

from bull2jet.commands.run import run
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict
from bull2jet.source.handover import Handover
from bull2jet.source.listing import Holder
from jetbull import Job, Worker

from .conftest import RedisServer
from .working import queue_of, worker_on

ONCE: dict[str, Any] = {"deduplication": {"id": "once"}}
LAST: dict[str, Any] = {"deduplication": {"id": "once", "keepLastIfActive": True}}


@pytest.fixture
async def producer(redis_server: RedisServer) -> AsyncIterator[bullmq.Queue]:
    """The queue `q` of the real BullMQ."""
    queue = bullmq.Queue("q", {"connection": {"host": "127.0.0.1", "port": redis_server.port}})
    yield queue
    await queue.close()


async def _fetch_a_late_job(producer: bullmq.Queue, options: Options) -> None:
    await producer.add("work", {}, {"jobId": "late"})
    assert (await run(options, Silent())).summary == "1 job carried, 0 left in Redis."


async def test_an_id_that_a_new_job_has_taken_since_is_not_given_back_to_the_carried_one(
    producer: bullmq.Queue, options: Options
) -> None:
    await producer.add("work", {}, {"jobId": "carried", **ONCE})
    await run(options, Silent())
    async with worker_on(options, "q") as shift:
        await shift.until("carried")
    async with queue_of(options, "q") as target:
        await target.add("work", {}, {"jobId": "new", **ONCE})
        await _fetch_a_late_job(producer, options)
        assert await target.getDeduplicationJobId("once") == "new"
        again = await target.add("work", {}, ONCE)
        assert again.id == "new"


async def test_an_add_that_the_target_remembers_survives_the_fetching_of_late_jobs(
    producer: bullmq.Queue, options: Options
) -> None:
    await producer.add("work", {}, {"jobId": "carried", **LAST})
    await run(options, Silent())
    began: asyncio.Queue[str] = asyncio.Queue()
    go_on = asyncio.Event()

    async def process(job: Job, token: str) -> None:
        began.put_nowait(str(job.id))
        await go_on.wait()

    worker = Worker("q", process, {"connection": options.to})
    async with queue_of(options, "q") as target, asyncio.timeout(30):
        assert await began.get() == "carried"
        await target.add("work", {}, {"jobId": "remembered", **LAST})
        await _fetch_a_late_job(producer, options)
        go_on.set()
        assert {await began.get(), await began.get()} == {"late", "remembered"}
        await worker.close()


async def test_the_id_of_a_late_job_is_held_though_the_run_is_killed_before_it_notes_the_job(
    producer: bullmq.Queue, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    await producer.add("work", {})
    await run(options, Silent())
    await producer.add("work", {}, {"jobId": "owner", **ONCE})
    settle = Handover.settle

    async def killed(self: Handover, holder: Holder, ids: Sequence[str]) -> list[str]:
        await settle(self, holder, ids)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Handover, "settle", killed)
        with pytest.raises(KeyboardInterrupt):
            await run(options, Silent())
    assert (await run(options, Silent())).verdict is Verdict.FINE
    async with queue_of(options, "q") as target:
        assert (await target.add("work", {}, ONCE)).id == "owner"
