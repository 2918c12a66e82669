"""Jobs whose lock is old already when their slot comes to them."""

from __future__ import annotations

import asyncio

import pytest

from jetbull import Job, Queue, Worker
from jetbull.ledger.finishing import finishing
from jetbull.ledger.finishing.retention import KEEP_ALL
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import STALLED, state_of
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking import taking
from jetbull.ledger.taking.front import first_of
from jetbull.ledger.taking.taking import Claim
from jetbull.schedulers import following
from jetbull.server import EmbeddedServer

from .proxy import Proxy


async def _claim(store: QueueStore, job_id: str, lock_ms: int) -> Claim:
    """The claim of the one job, sent behind an outcome whose answer is awaited first."""
    ticket = await first_of(store, 0)
    assert ticket is not None
    claim = Claim(job_id, ticket, "token", lock_ms, None, None)
    claim.send(store)
    return claim


async def test_a_job_does_not_begin_whose_lock_is_over_by_then(queue: Queue) -> None:
    job, store = await queue.add("job", {}), await queue.ledger()
    claim = await _claim(store, job.id, 300)
    async with asyncio.timeout(30):
        while (newest := await store.newest(job.id)) and state_of(newest.subject) != STALLED:
            await asyncio.sleep(0.01)
    assert await claim.lease(store) is None


async def test_a_lock_of_which_much_is_over_is_renewed_before_the_job_begins(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, store = await queue.add("job", {}), await queue.ledger()
    claim = await _claim(store, job.id, 60_000)
    while await job.getState() != "active":
        await asyncio.sleep(0.01)
    claimed = await store.newest(job.id)
    monkeypatch.setattr(taking, "now_ms", lambda: now_ms() + 20_000)
    assert await claim.lease(store) is not None
    renewed = await store.newest(job.id)
    assert claimed is not None and renewed is not None
    assert renewed.seq > claimed.seq


async def test_a_scheduled_job_that_another_got_while_the_next_one_was_made_does_not_begin(
    shared_url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stalled, ran = asyncio.Event(), asyncio.Queue[int]()
    follow = following.follow

    async def slowly(worker: Worker, job: Job) -> None:
        await follow(worker, job)
        if job.stalledCounter == 0:
            await stalled.wait()

    async def process(job: Job, token: str) -> None:
        ran.put_nowait(job.stalledCounter)

    monkeypatch.setattr("jetbull.worker.follow", slowly)
    opts = {"connection": shared_url, "lockDuration": 1000, "skipLockRenewal": True}
    async with Queue(name, {"connection": shared_url}) as queue, asyncio.timeout(30):
        worker = Worker(name, process, {**opts, "concurrency": 1, "maxStalledCount": 3})
        worker.on("stalled", lambda *_: stalled.set())
        lost = asyncio.Queue[Exception]()
        worker.on("error", lambda error, *_: lost.put_nowait(error))
        await queue.upsertJobScheduler("yearly", {"every": 31_536_000_000}, job_data="now")
        assert await ran.get() > 0
        assert "before it could begin" in str(await lost.get())
        assert ran.empty()
        await worker.close()


async def test_a_lock_is_not_called_lost_whose_job_ended_while_its_renewal_waited(
    server: EmbeddedServer, name: str
) -> None:
    async with (
        Proxy(server.port) as proxy,
        Queue(name, {"connection": proxy.url}) as queue,
        asyncio.timeout(30),
    ):
        job, store = await queue.add("job", {}), await queue.ledger()
        lease = await (await _claim(store, job.id, 60_000)).lease(store)
        assert lease is not None
        proxy.hold_message(b"HPUB jb.bull")
        ending = asyncio.ensure_future(finishing.complete(lease, 1, KEEP_ALL))
        await proxy.holding.wait()
        renewal = asyncio.ensure_future(lease.update())
        proxy.let_go()
        await ending
        await renewal
        assert await job.isCompleted()
