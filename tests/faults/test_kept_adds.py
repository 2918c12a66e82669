"""Adds that `keepLastIfActive` keeps until the job before them has finished."""

from __future__ import annotations

import asyncio

from tests.faults.proxy import Proxy

from jetbull import Job, Queue, Worker
from jetbull.ledger.adding import deduplication
from jetbull.server import EmbeddedServer


async def test_the_last_one_starts_that_was_kept_while_the_one_before_it_was_about_to_start(
    server: EmbeddedServer, name: str
) -> None:
    opts = {"deduplication": {"id": "d", "keepLastIfActive": True}}
    ran: asyncio.Queue[str] = asyncio.Queue()
    go = asyncio.Event()

    async def process(job: Job, token: str) -> None:
        ran.put_nowait(job.data)
        await go.wait()

    async with (
        Proxy(server.port) as proxy,
        Queue(name, {"connection": server.url}) as queue,
        Worker(name, process, {"connection": proxy.url}),
    ):
        await queue.add("job", "first", opts)
        assert await ran.get() == "first"
        await queue.add("job", "kept", opts)
        store = await queue.ledger()
        proxy.hold_message(f"HPUB jbq.bull.{name}.note".encode())
        go.set()
        await proxy.holding.wait()
        # As an add stores it that saw the first job at work and was held up.
        key = await deduplication.read(store, "d")
        assert key is not None and key.pending is not None
        late = key.pending | {"record": key.pending["record"].replace('"kept"', '"kept late"')}
        assert await deduplication.write(store, "d", key.owner, 0, key.seq, late)
        proxy.let_go()
        async with asyncio.timeout(10):
            assert await ran.get() == "kept late"
    assert ran.empty()


async def test_an_add_that_was_kept_and_gives_way_takes_nothing_from_a_job_of_its_id(
    server: EmbeddedServer, name: str
) -> None:
    opts = {"deduplication": {"id": "d", "keepLastIfActive": True}}
    large = "x" * 100_000
    options = {"connection": server.url}
    async with Queue(name, options) as queue, Worker(name, None, options) as worker:
        await queue.add("job", "first", opts)
        first = await worker.getNextJob("token")
        assert first is not None
        await queue.add("job", large, {**opts, "jobId": "mine"})
        await queue.add("job", large, {"jobId": "mine"})
        assert await queue.addJobLog("mine", "row") == 1
        await queue.add("job", "last", opts)
        await first.moveToCompleted(1, "token", False)
        mine = await queue.getJob("mine")
        assert mine is not None and mine.data == large
        assert (await queue.getJobLogs("mine"))["logs"] == ["row"]
