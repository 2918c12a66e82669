"""A worker looks for the new data of waiting jobs as long as there may be any, and no longer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jetbull import Job, Queue, Worker
from jetbull.ledger.job import patches
from jetbull.ledger.job.patches import forget_patches
from jetbull.ledger.store.behind import put_and_look
from jetbull.ledger.store.store import QueueStore
from jetbull.server import EmbeddedServer


class Gate:
    """A worker with one slot whose jobs end when they are let; `data` is what they were given."""

    def __init__(self, url: str, name: str) -> None:
        self.data: asyncio.Queue[Any] = asyncio.Queue()
        self.let = asyncio.Semaphore(0)
        self.worker = Worker(name, self._process, {"connection": url})

    async def _process(self, job: Job[Any, Any], token: str) -> None:
        self.data.put_nowait(job.data)
        await self.let.acquire()


def looks(store: QueueStore) -> bool:
    """Whether its workers ask for new data before each job."""
    return store.may_be_patched


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hints of a moment ago are long ago."""
    monkeypatch.setattr(patches, "QUIET_S", 0.0)


@pytest.mark.usefixtures("patient")
async def test_a_worker_looks_for_new_data_until_no_waiting_job_has_any(
    server: EmbeddedServer, name: str
) -> None:
    async with (
        Queue(name, {"connection": {"url": server.url, "name": "other"}}) as queue,
        asyncio.timeout(30),
    ):
        gate = Gate(server.url, name)
        await queue.add("first", "first")
        assert await gate.data.get() == "first"
        store = await gate.worker.ledger()
        later = await queue.add("later", "old")
        await later.updateData("new")
        assert looks(store)
        await forget_patches(store)
        assert looks(store)
        gate.let.release()
        assert await gate.data.get() == "new"
        await forget_patches(store)
        assert not looks(store)
        gate.let.release()
        await gate.worker.close()


async def test_what_was_told_lately_is_not_forgotten(server: EmbeddedServer, name: str) -> None:
    async with Queue(name, {"connection": server.url}) as queue:
        store = await queue.ledger()
        await store.mark("patched")
        await forget_patches(store)
        assert store.patched


@pytest.mark.usefixtures("patient")
async def test_data_that_arrive_after_a_worker_forgot_that_there_are_any_reach_the_processor(
    server: EmbeddedServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived, go = asyncio.Event(), asyncio.Event()

    async def late(*patch: Any) -> int | None:
        arrived.set()
        await go.wait()
        return await put_and_look(*patch)

    async with (
        Queue(name, {"connection": {"url": server.url, "name": "other"}}) as queue,
        asyncio.timeout(30),
    ):
        gate = Gate(server.url, name)
        await queue.add("first", "first")
        assert await gate.data.get() == "first"
        store = await gate.worker.ledger()
        job = await queue.add("later", "old")
        monkeypatch.setattr(patches, "put_and_look", late)
        update = asyncio.ensure_future(job.updateData("new"))
        await arrived.wait()
        while not looks(store):
            await asyncio.sleep(0.01)
        await forget_patches(store)
        assert not looks(store)
        go.set()
        await update
        gate.let.release()
        assert await gate.data.get() == "new"
        gate.let.release()
        await gate.worker.close()
