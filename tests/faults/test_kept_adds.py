"""Adds that `keepLastIfActive` keeps until the job before them has finished."""

from __future__ import annotations

import asyncio

import pytest
from tests.faults.doors import two_doors
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


@pytest.mark.parametrize("in_bulk", [False, True], ids=["add", "addBulk"])
async def test_a_kept_add_starts_though_another_comes_between_its_owners_end_and_its_start(
    server: EmbeddedServer, name: str, in_bulk: bool
) -> None:
    opts = {"deduplication": {"id": "d", "keepLastIfActive": True}}
    async with (
        two_doors(server, name) as (proxy, queue, _),
        Worker(name, None, {"connection": proxy.url}) as worker,
    ):
        await queue.add("job", "first", opts)
        first = await worker.getNextJob("token")
        assert first is not None
        await queue.add("job", "kept", {**opts, "jobId": "kept"})
        proxy.hold_message(f'"jbq.bull.{name}.dedup.d"'.encode())
        ending = asyncio.ensure_future(first.moveToCompleted(1, "token", False))
        await proxy.holding.wait()
        again = {"deduplication": {"id": "d"}}
        if in_bulk:
            (added,) = await queue.addBulk([{"name": "job", "data": "later", "opts": again}])
        else:
            added = await queue.add("job", "later", again)
        assert added.id == "kept"
        proxy.let_go()
        await ending
        assert [job.data for job in await queue.getWaiting()] == ["kept"]
        assert await queue.getDeduplicationJobId("d") == "kept"


async def test_an_add_that_is_to_hold_its_owners_id_for_longer_is_stored_if_that_ends_before(
    server: EmbeddedServer, name: str
) -> None:
    longer = {"deduplication": {"id": "d", "ttl": 60_000, "extend": True}, "jobId": "later"}
    async with (
        two_doors(server, name) as (proxy, queue, slow),
        Worker(name, None, {"connection": server.url}) as worker,
    ):
        await queue.add("job", "first", {"deduplication": {"id": "d"}})
        first = await worker.getNextJob("token")
        assert first is not None
        assert (await slow.add("job", "second", {"deduplication": {"id": "d"}})).id == first.id
        proxy.hold_message(f"HPUB jbq.bull.{name}.dedup".encode())
        adding = asyncio.ensure_future(slow.add("job", "later", longer))
        await proxy.holding.wait()
        await first.moveToCompleted(1, "token", False)
        proxy.let_go()
        assert (await adding).id == "later"
        assert await queue.getDeduplicationJobId("d") == "later"
        assert [job.data for job in await queue.getWaiting()] == ["later"]


@pytest.mark.parametrize("by_hand", [True, False], ids=["removeDeduplicationKey", "remove"])
async def test_an_id_that_is_freed_is_free_though_an_add_just_held_it_for_longer(
    server: EmbeddedServer, name: str, by_hand: bool
) -> None:
    longer = {"deduplication": {"id": "d", "ttl": 60_000, "extend": True}}
    async with two_doors(server, name) as (proxy, queue, slow):
        first = await queue.add("job", "first", longer)
        await slow.waitUntilReady()
        proxy.hold_message(f'"filter": "jbq.bull.{name}.dedup.d"'.encode())
        freeing = asyncio.ensure_future(
            slow.removeDeduplicationKey("d") if by_hand else slow.remove(first.id)
        )
        await proxy.holding.wait()
        assert (await queue.add("job", "second", longer)).id == first.id
        proxy.let_go()
        assert await freeing == 1
        third = await queue.add("job", "third", longer)
        assert third.id != first.id
        assert await third.getState() == "waiting"


async def test_a_kept_add_starts_that_was_kept_in_the_moment_in_which_its_owners_id_is_freed(
    server: EmbeddedServer, name: str
) -> None:
    opts = {"deduplication": {"id": "d", "keepLastIfActive": True}}
    async with (
        Proxy(server.port) as far,
        two_doors(server, name) as (proxy, queue, slow),
        Worker(name, None, {"connection": far.url}) as worker,
    ):
        await queue.add("job", "first", opts)
        first = await worker.getNextJob("token")
        assert first is not None
        assert (await slow.add("job", "second", {"deduplication": {"id": "d"}})).id == first.id
        proxy.hold_message(f"HPUB jbq.bull.{name}.dedup".encode())
        keeping = asyncio.ensure_future(slow.add("job", "kept", opts))
        await proxy.holding.wait()
        far.hold_message(f'"filter": "jbq.bull.{name}.dedup.d"'.encode())
        ending = asyncio.ensure_future(first.moveToCompleted(1, "token", False))
        await far.holding.wait()
        proxy.let_go()
        await keeping
        far.let_go()
        await ending
        assert [job.data for job in await queue.getWaiting()] == ["kept"]


async def test_an_add_that_is_kept_while_its_owners_id_is_freed_by_hand_starts_behind_the_owner(
    server: EmbeddedServer, name: str
) -> None:
    opts = {"deduplication": {"id": "d", "keepLastIfActive": True}}
    async with (
        two_doors(server, name) as (proxy, queue, slow),
        Worker(name, None, {"connection": server.url}) as worker,
    ):
        await queue.add("job", "first", opts)
        first = await worker.getNextJob("token")
        assert first is not None
        await slow.waitUntilReady()
        proxy.hold_message(f'"filter": "jbq.bull.{name}.dedup.d"'.encode())
        freeing = asyncio.ensure_future(slow.removeDeduplicationKey("d"))
        await proxy.holding.wait()
        assert (await queue.add("job", "kept", opts)).id == first.id
        proxy.let_go()
        assert await freeing == 1
        assert await queue.getDeduplicationJobId("d") is None
        await first.moveToCompleted(1, "token", False)
        assert [job.data for job in await queue.getWaiting()] == ["kept"]
