"""A step that is refused although nothing changed, as a cluster's new leader may do once."""

from __future__ import annotations

import asyncio

import pytest

from jetbull import Job, Queue, Worker
from jetbull.ledger.job import reading
from jetbull.ledger.job.moving import move
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import COMPLETED
from jetbull.ledger.messages.placing import active, unsettled
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage
from jetbull.server import EmbeddedServer

from .proxy import Proxy


@pytest.mark.parametrize("what", ["stalled", "settle"])
async def test_a_job_is_not_lost_with_the_ticket_of_a_repair_that_was_refused(
    server: EmbeddedServer, name: str, what: str
) -> None:
    done = asyncio.Event()

    async def process(job: Job, token: str) -> None:
        return None

    async with (
        Proxy(server.port) as proxy,
        Queue(name, {"connection": server.url}) as queue,
        asyncio.timeout(40),
    ):
        store = await queue.ledger()
        job = await queue.add("job", {})
        found = await reading.find(store, job.id)
        assert found is not None
        place = active(now_ms()) if what == "stalled" else unsettled(COMPLETED, now_ms())
        await move(store, job.id, found, found.record, place)  # as somebody who died then left it
        proxy.spoil(f"HPUB jb.bull.{name}.{'head' if what == 'stalled' else COMPLETED}.".encode())
        worker = Worker(name, process, {"connection": proxy.url})
        worker.on("completed", lambda *_: done.set())
        if what == "stalled":
            await done.wait()
        while not await job.isCompleted() or await store.wire.get_last(
            store.names.space.jobs, store.names.all_in("settle")
        ):
            await asyncio.sleep(0.05)
        await worker.close()
        assert await job.isCompleted()


@pytest.mark.parametrize("way", ["freely", "under a limit", "by hand"])
async def test_a_job_is_not_lost_whose_ticket_the_leader_does_not_know_yet(
    server: EmbeddedServer, name: str, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    done, newest = asyncio.Event(), QueueStore.newest

    async def behind(store: QueueStore, job_id: str) -> StoredMessage | None:
        monkeypatch.setattr(QueueStore, "newest", newest)
        return None

    async def process(job: Job, token: str) -> None:
        return None

    async with (
        Proxy(server.port) as proxy,
        Queue(name, {"connection": server.url}) as queue,
        asyncio.timeout(40),
    ):
        if way == "under a limit":
            await queue.setGlobalConcurrency(1)
        proxy.spoil(f"HPUB jb.bull.{name}.active.".encode())
        worker = Worker(name, process, {"connection": proxy.url, "autorun": way != "by hand"})
        worker.on("completed", lambda *_: done.set())
        await worker.waitUntilReady()
        monkeypatch.setattr(QueueStore, "newest", behind)
        job = await queue.add("job", {})
        if way == "by hand":
            taken = await worker.getNextJob("token")
            assert taken is not None
            await taken.moveToCompleted(None, "token", False)
        else:
            await done.wait()
        await worker.close()
        assert await job.isCompleted()
