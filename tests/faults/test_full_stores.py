"""Schedules that fall due while the store is full."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from jetbull import FlowProducer, Job, Queue, Worker
from jetbull.commands import completing, pipelining
from jetbull.errors import StoreError
from jetbull.ledger.messages.names import ACTIVE, DELAYED, STALLED, WAIT, state_of
from jetbull.ledger.store import batch
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire.pace import Pace
from jetbull.server import EmbeddedServer
from jetbull.workers.upkeep import Upkeep

from .noted import left_notes

_BYTES = 1_000_000


@pytest_asyncio.fixture
async def small(tmp_path: Path, name: str) -> AsyncIterator[Queue]:
    """A queue on a server with little room."""
    extra = {"jetstream": {"store_dir": str(tmp_path / "store"), "max_file_store": _BYTES}}
    with EmbeddedServer(tmp_path / "node", extra=extra) as server:
        async with Queue(name, {"connection": server.url}) as queue:
            yield queue


async def _fill(store: QueueStore) -> str:
    """Leaves no room; the subject of what takes it."""
    subject = store.names.aux("meta", "filling")
    for size in (50_000, 100):
        try:
            for number in range(_BYTES):
                await store.put(f"{subject}{number}", b"x" * size, {})
        except StoreError:
            continue
    return store.names.all_aux("meta")


async def _state(store: QueueStore, job_id: str) -> str:
    newest = await store.newest(job_id)
    assert newest is not None
    return state_of(newest.subject)


async def _refused(upkeep: Upkeep, caplog: pytest.LogCaptureFixture) -> None:
    """Returns when there was something to do, and no room for it."""
    with caplog.at_level(logging.INFO, "jetbull.workers.upkeep"):
        while "looked in vain" not in caplog.text:
            await upkeep.look()


@pytest.mark.parametrize("state", [DELAYED, ACTIVE])
async def test_what_fell_due_while_the_store_was_full_goes_on_when_there_is_room(
    small: Queue, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = await small.ledger()
    opts = {"delay": 1500} if state == DELAYED else {}
    job_id = str((await small.add("job", {}, opts)).id)
    worker = Worker(
        small.name, None, {"connection": small.opts["connection"], "lockDuration": 1500}
    )
    if state == ACTIVE:
        assert await worker.getNextJob("token") is not None
    await store.promoter.close()  # as if this process had ended
    filling = await _fill(store)
    upkeep = Upkeep(store, old_enough_ms=500)
    async with asyncio.timeout(20):
        await _refused(upkeep, caplog)  # its time is over, and there is no room to say so
        assert await _state(store, job_id) == state
        await store.purge(filling)
        while await _state(store, job_id) == state:
            await upkeep.look()
    assert await _state(store, job_id) == (WAIT if state == DELAYED else STALLED)
    await worker.close()


async def test_a_scheduler_goes_on_whose_job_began_while_the_store_was_full(small: Queue) -> None:
    store, filling = await small.ledger(), ""
    refused, ran = asyncio.Event(), asyncio.Event()

    async def an_hour_later(millis: int, opts: dict[str, Any], name: str) -> int:
        nonlocal filling
        filling = filling or await _fill(store)
        return millis + 3_600_000

    async def process(job: Job, token: str) -> None:
        ran.set()

    await small.upsertJobScheduler("hourly", {"pattern": "0 * * * *", "immediately": True})
    (first,) = await small.getJobs()
    await first.promote() if await first.isDelayed() else None
    worker = Worker(
        small.name,
        process,
        {
            "connection": small.opts["connection"],
            "settings": {"repeatStrategy": an_hour_later},
            "runRetryDelay": 100,
        },
    )
    worker.on("error", lambda error: refused.set() if "next iteration" in str(error) else None)
    async with asyncio.timeout(30):
        await refused.wait()
        await store.purge(filling)
        await ran.wait()
        assert await small.getDelayedCount() == 1
        await worker.close()


async def test_a_bulk_that_does_not_fit_is_not_stored_in_part_and_the_silence_is_understood(
    small: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "_COMMIT_SECONDS", 3600.0)
    data = "x" * 10_000  # of 150, more than a note holds, half would fit
    with pytest.raises(StoreError, match=r"insufficient resources .* remove finished jobs"):
        async with asyncio.timeout(60):
            await small.addBulk([{"name": "job", "data": data} for _ in range(150)])
    assert await small.getJobCountByTypes() == 0
    await small.add("job", {})
    assert await small.getJobCountByTypes() == 1


@pytest.mark.parametrize("room", [700_000, 300_000])
async def test_a_bulk_in_one_go_that_does_not_fit_is_not_stored_in_part(
    small: Queue, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: True)
    store = await small.ledger()
    filling = store.names.aux("meta", "filling")
    for number in range((_BYTES - room) // 50_000):
        await store.put(f"{filling}{number}", b"x" * 50_000, {})
    with pytest.raises(StoreError, match="insufficient resources"):
        await small.addBulk([{"name": "job", "data": "x" * 500} for _ in range(700)])
    assert await small.getJobCountByTypes() == 0
    await small.add("job", {})
    assert await small.getJobCountByTypes() == 1


@pytest.mark.parametrize("jobs", [700, 90])
async def test_a_bulk_of_which_a_worker_has_one_when_the_store_is_full_is_stored_when_there_is_room(
    small: Queue, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: True)
    data = "x" * (250_000 // jobs)
    store, take_back = await small.ledger(), completing.take_back
    filling = store.names.aux("meta", "filling")
    for number in range(12):
        await store.put(f"{filling}{number}", b"x" * 50_000, {})
    worker = Worker(small.name, None, {"connection": small.opts["connection"]})

    async def taken(*args: Any) -> Any:
        await store.purge(store.names.all_aux("meta"))
        assert await worker.getNextJob("token") is not None
        return await take_back(*args)

    monkeypatch.setattr(pipelining, "take_back", taken)
    added = await small.addBulk([{"name": "job", "data": data} for _ in range(jobs)])
    assert await small.getJobCounts("waiting", "active") == {"waiting": jobs - 1, "active": 1}
    assert {job.id for job in await small.getJobs()} == {job.id for job in added}
    assert await left_notes(store) == []
    await worker.close()


async def test_of_a_flow_whose_note_is_refused_nothing_is_stored(
    small: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: True)
    store = await small.ledger()
    config = (await store.wire.api("STREAM.INFO.JB_bull"))["config"]
    await store.wire.api("STREAM.UPDATE.JB_bull", {**config, "max_msg_size": 4000})
    producer = FlowProducer(small.opts["connection"])
    children = [{"name": "child", "queueName": small.name, "data": "x" * 500}] * 20
    with pytest.raises(StoreError, match="exceeds maximum"):
        await producer.add({"name": "parent", "queueName": small.name, "children": children})
    await producer.close()
    assert await small.getJobCountByTypes() == 0
    assert await left_notes(store) == []


async def test_a_worker_tells_that_the_store_is_full_and_works_when_there_is_room(
    small: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    told, worked = asyncio.Event(), asyncio.Event()
    errors: list[Exception] = []

    async def process(job: Job) -> None:
        worked.set()

    def hear(error: Exception) -> None:
        errors.append(error)
        if len(errors) == 2:
            told.set()

    await small.add("job", {})
    store = await small.ledger()
    filling = await _fill(store)
    worker = Worker(small.name, process, {"connection": small.opts["connection"]})
    worker.on("error", hear)
    async with asyncio.timeout(30):
        await told.wait()
        await store.purge(filling)
        await worked.wait()
    await worker.close()
    assert all("Its store has no room left" in str(error) for error in errors)
    assert "no room left" not in caplog.text
