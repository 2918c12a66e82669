"""What operators and their machines do to a running queue."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from tests.faults.apart import closed

from jetbull import Job, Queue, QueueEvents, Worker
from jetbull.errors import JetbullError, StoreError
from jetbull.health import check_readiness
from jetbull.ledger.queue import listening
from jetbull.server import EmbeddedServer

_HEALS_WITHIN = 10.0


async def consumes_again(queue: Queue, runs: asyncio.Queue[Any], within: float) -> None:
    """Adds a job and waits for its run, without touching the worker."""
    async with asyncio.timeout(within):
        while True:
            try:
                job = await queue.add("probe", {})
                break
            except JetbullError:
                await asyncio.sleep(0.2)
        while await runs.get() != job.id:
            pass


def recording(runs: asyncio.Queue[Any]) -> Any:
    """A processor that tells the id of each job it runs."""

    async def process(job: Job, token: str) -> None:
        runs.put_nowait(job.id)

    return process


@pytest.mark.parametrize("what", ["JB_bull", "JBE_bull", "JBC_bull", "all"])
async def test_streams_deleted_under_load_are_made_anew_and_work_goes_on(
    server: EmbeddedServer, name: str, what: str
) -> None:
    runs: asyncio.Queue[Any] = asyncio.Queue()
    queue = Queue(name, {"connection": server.url})
    worker = Worker(name, recording(runs), {"connection": server.url})
    await consumes_again(queue, runs, _HEALS_WITHIN)
    wire = (await queue.ledger()).wire
    streams = ["JB_bull", "JBE_bull", "JBC_bull", "JBL_bull", "JBO_bull"]
    for stream in streams if what == "all" else [what]:
        await wire.api(f"STREAM.DELETE.{stream}")
    await consumes_again(queue, runs, _HEALS_WITHIN)
    await closed(worker, queue)


async def test_who_listens_hears_every_event_of_a_stream_that_was_made_anew(
    server: EmbeddedServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_HEARTBEAT_S", 1)
    added: asyncio.Queue[str] = asyncio.Queue()
    async with Queue(name, {"connection": server.url}) as queue:
        events = QueueEvents(name, {"connection": server.url})
        events.on("added", lambda args, _: added.put_nowait(args["name"]))
        await events.waitUntilReady()
        async with asyncio.timeout(30):
            for number in range(5):
                await queue.add(f"before {number}", {})
                assert await added.get() == f"before {number}"
            await (await queue.ledger()).wire.api("STREAM.DELETE.JBE_bull")
            names = [f"after {number}" for number in range(8)]
            for job in names:
                await queue.add(job, {})
            assert [await added.get() for _ in names] == names
        await events.close()


async def test_a_stream_purged_under_load_loses_its_jobs_and_nothing_else(
    server: EmbeddedServer, name: str
) -> None:
    runs: asyncio.Queue[Any] = asyncio.Queue()
    queue = Queue(name, {"connection": server.url})
    worker = Worker(name, recording(runs), {"connection": server.url, "concurrency": 2})
    await queue.add("first", {}, {"priority": 5})
    await runs.get()
    await (await queue.ledger()).wire.api("STREAM.PURGE.JB_bull", {})
    await consumes_again(queue, runs, _HEALS_WITHIN)
    job = await queue.add("urgent", {}, {"priority": 5})
    async with asyncio.timeout(_HEALS_WITHIN):
        assert await runs.get() == job.id
    other = Worker(name, recording(runs), {"connection": server.url})
    await worker.close()
    late = await queue.add("urgent", {}, {"priority": 5})  # its level was purged with the rest
    async with asyncio.timeout(_HEALS_WITHIN):
        assert await runs.get() == late.id
    await closed(other, queue)


async def test_revoked_credentials_are_told_and_work_goes_on_when_they_are_back(
    tmp_path: Path, name: str
) -> None:
    login = {"user": "u", "password": "pass-word"}
    with EmbeddedServer(tmp_path / "node", extra={"authorization": login}) as server:
        url = server.url.replace("://", "://u:pass-word@")
        runs: asyncio.Queue[Any] = asyncio.Queue()
        queue = Queue(name, {"connection": url})
        worker = Worker(name, recording(runs), {"connection": url})
        await consumes_again(queue, runs, _HEALS_WITHIN)
        _authorize(server, {**login, "password": "another"})
        async with asyncio.timeout(_HEALS_WITHIN):
            while (await check_readiness(queue))[-1].ok:
                await asyncio.sleep(0.1)
        assert not worker.is_consuming or await _stops_consuming(worker)
        _authorize(server, login)
        await consumes_again(queue, runs, _HEALS_WITHIN)
        assert (await check_readiness(queue))[-1].ok
        await closed(worker, queue)


def _authorize(server: EmbeddedServer, login: dict[str, str]) -> None:
    config = server.data / "nats.conf"
    config.write_text(json.dumps({**json.loads(config.read_text()), "authorization": login}))
    assert server.pid is not None
    os.kill(server.pid, signal.SIGHUP)


async def _stops_consuming(worker: Worker) -> bool:
    async with asyncio.timeout(15):
        while worker.is_consuming:
            await asyncio.sleep(0.2)
    return True


async def test_a_full_account_refuses_adds_clearly_and_recovers_by_itself(
    tmp_path: Path, name: str
) -> None:
    extra = {"jetstream": {"store_dir": str(tmp_path / "store"), "max_file_store": 3_000_000}}
    with EmbeddedServer(tmp_path / "node", extra=extra) as server:
        runs: asyncio.Queue[Any] = asyncio.Queue()
        queue = Queue(name, {"connection": server.url})
        worker = Worker(name, recording(runs), {"connection": server.url})
        for _ in range(10):
            await queue.add("big", {"text": "x" * 100_000})
        done = [await asyncio.wait_for(runs.get(), 30) for _ in range(10)]
        await worker.pause()
        with pytest.raises(StoreError, match=r"insufficient|exceeded|resource"):
            await _fill(queue)
        waiting = await queue.getWaitingCount()
        assert waiting > 5
        assert sorted(await queue.clean(0, 0, "completed")) == sorted(done)  # needs no room
        worker.resume()
        for _ in range(waiting):
            await asyncio.wait_for(runs.get(), 30)
        await consumes_again(queue, runs, 2 * _HEALS_WITHIN)
        await closed(worker, queue)


async def _fill(queue: Queue) -> None:
    for _ in range(100):
        await queue.add("big", {"text": "x" * 100_000})


async def test_a_blocked_listener_misses_no_event(server: EmbeddedServer, name: str) -> None:
    queue = Queue(name, {"connection": {"url": server.url, "name": "producer"}})
    events = QueueEvents(name, {"connection": {"url": server.url, "name": "listener"}})
    told: list[str] = []
    events.on("added", lambda args, _: told.append(args["jobId"]))
    await events.waitUntilReady()
    ids: list[str] = []
    for _ in range(3):
        jobs = await queue.addBulk([{"name": "job", "data": "y" * 500}] * 500)
        ids += [str(job.id) for job in jobs]
        time.sleep(1)  # noqa: ASYNC251 - the fault itself
    async with asyncio.timeout(30):
        while len(told) < len(ids):
            await asyncio.sleep(0.05)
    assert told == ids
    await closed(events, queue)


async def test_an_outcome_that_comes_after_the_lease_is_refused_and_told(
    server: EmbeddedServer, name: str
) -> None:
    queue = Queue(name, {"connection": {"url": server.url, "name": "producer"}})
    told: list[str] = []
    outcomes: list[str] = []

    async def block(job: Job, token: str) -> str:
        if job.stalledCounter:
            outcomes.append("second run")
            return "second"
        time.sleep(2.5)  # noqa: ASYNC251 - the fault itself
        return "first"

    job = await queue.add("job", {})
    worker = Worker(
        name, block, {"connection": server.url, "lockDuration": 1000, "maxStalledCount": 2}
    )
    worker.on("error", lambda error, *_: told.append(str(error)))
    async with asyncio.timeout(30):
        while not await job.isCompleted():
            await asyncio.sleep(0.1)
    stored = await queue.getJob(job.id)
    assert stored is not None
    if outcomes:
        assert stored.returnvalue == "second"
        assert any("Missing lock" in text or "not in the active state" in text for text in told)
    else:
        assert stored.returnvalue == "first"
    await closed(worker, queue)


async def test_fields_of_a_newer_version_pass_through_unharmed(
    server: EmbeddedServer, name: str
) -> None:
    queue = Queue(name, {"connection": server.url})
    store = await queue.ledger()
    head = {"fromTheFuture": {"deep": [1, 2]}}
    fixed = {"v": 2, "name": "job", "timestamp": 1, "opts": {}, "alsoNew": "yes"}
    payload = "\n".join(map(json.dumps, (head, fixed, {"n": 1}))).encode()
    await store.put(store.names.job("wait", "new"), payload, {"X-New": "1"})
    runs: asyncio.Queue[Any] = asyncio.Queue()
    worker = Worker(name, recording(runs), {"connection": server.url})
    async with asyncio.timeout(20):
        assert await runs.get() == "new"
        while (found := await store.newest("new")) is None or ".completed." not in found.subject:
            await asyncio.sleep(0.05)
    lines = [json.loads(line) for line in found.data.split(b"\n")]
    assert lines[0]["fromTheFuture"] == {"deep": [1, 2]}
    assert lines[1] == fixed
    await closed(worker, queue)


async def test_what_is_no_job_is_left_alone_and_the_others_run(
    server: EmbeddedServer, name: str
) -> None:
    queue = Queue(name, {"connection": server.url})
    store = await queue.ledger()
    await store.put(store.names.job("wait", "nonsense"), b"\xff not a job", {})
    runs: asyncio.Queue[Any] = asyncio.Queue()
    worker = Worker(name, recording(runs), {"connection": server.url})
    await consumes_again(queue, runs, _HEALS_WITHIN)
    await closed(worker, queue)
