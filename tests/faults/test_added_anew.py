"""Jobs that are added anew, under the same id, in the moment in which the one before them goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jetbull import Job, Queue, Worker
from jetbull.ledger.belongings import blobs
from jetbull.ledger.finishing import retention
from jetbull.ledger.store.store import QueueStore
from jetbull.server import EmbeddedServer
from jetbull.workers.upkeep import Upkeep

from .doors import two_doors

_LARGE = 100_000  # characters: stored beside the job


async def _nothing(job: Job) -> None:
    pass


async def _complete(queue: Queue, jobs: int = 1) -> None:
    done = asyncio.Semaphore(0)
    async with Worker(queue.name, _nothing, {"connection": queue.opts["connection"]}) as worker:
        worker.on("completed", lambda job, result: done.release())
        for _ in range(jobs):
            await done.acquire()


async def _trim(queue: Queue) -> None:
    await queue.add("later", {}, {"removeOnComplete": 1})
    await _complete(queue, 2)


async def _clean(queue: Queue) -> None:
    await queue.clean(0, 0, "wait")


async def _remove(queue: Queue) -> None:
    await queue.remove("x")


_WAYS = pytest.mark.parametrize(
    ("go", "opts"),
    [
        (_complete, {"removeOnComplete": True}),
        (_trim, {}),
        (_clean, {}),
        (_clean, {"deduplication": {"id": "tied"}}),
        (_remove, {}),
        (_remove, {"delay": 60_000}),
    ],
)


@_WAYS
async def test_what_belongs_to_the_new_job_does_not_go_with_the_old_one(
    server: EmbeddedServer,
    name: str,
    go: Callable[[Queue], Awaitable[None]],
    opts: dict[str, Any],
) -> None:
    async with two_doors(server, name) as (proxy, queue, slow):
        old = await queue.add("job", {"text": "old" * _LARGE}, {"jobId": "x", **opts})
        await old.log("old")
        await slow.waitUntilReady()
        proxy.hold_message(b"$JS.API.STREAM.PURGE.JBO_")
        going = asyncio.ensure_future(go(slow))
        await proxy.holding.wait()
        while await queue.getJob("x"):
            await asyncio.sleep(0.01)
        data = {"text": "new" * _LARGE}
        new = await queue.add("job", data, {"jobId": "x", "delay": 60_000})
        await new.log("new")
        proxy.let_go()
        await going
        found = await queue.getJob("x")
        assert found is not None and found.data == data
        assert (await queue.getJobLogs("x"))["logs"] == ["new"]


@_WAYS
async def test_what_was_put_beside_a_new_job_does_not_go_with_the_old_one(
    server: EmbeddedServer,
    name: str,
    go: Callable[[Queue], Awaitable[None]],
    opts: dict[str, Any],
) -> None:
    async with two_doors(server, name) as (proxy, queue, slow):
        await queue.add("job", {}, {"jobId": "x", **opts})
        await slow.waitUntilReady()
        data = {"text": "new" * _LARGE}
        proxy.hold_message(f"HPUB jb.bull.{name}.delayed".encode())
        adding = asyncio.ensure_future(slow.add("job", data, {"jobId": "x", "delay": 60_000}))
        await proxy.holding.wait()
        await go(queue)
        proxy.let_go()
        await adding
        await Upkeep(await queue.ledger(), old_enough_ms=0).look()
        found = await queue.getJob("x")
        assert found is not None and found.data == data


async def test_a_job_that_is_retried_while_it_is_trimmed_keeps_what_it_has(
    server: EmbeddedServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = retention._remove_finished
    async with Queue(name, {"connection": server.url}) as queue, asyncio.timeout(30):
        data = {"text": "x" * _LARGE}
        job = await queue.add("job", data, {"jobId": "x", "attempts": 1})
        await job.log("row")

        async def late(store: QueueStore, jobs: retention.Old) -> None:
            await queue.pause()
            await job.retry("completed")
            await remove(store, jobs)

        monkeypatch.setattr(retention, "_remove_finished", late)
        await _trim(queue)
        found = await queue.getJob("x")
        assert found is not None and found.data == data
        assert (await queue.getJobLogs("x"))["logs"] == ["row"]


@pytest.mark.parametrize("again", [False, True], ids=["gone", "added anew"])
async def test_a_job_that_goes_while_its_large_data_are_read_is_not_an_error(
    server: EmbeddedServer, name: str, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    read = blobs.read
    async with Queue(name, {"connection": server.url}) as queue:

        async def late(store: QueueStore, job_id: str, reference: str) -> bytes:
            monkeypatch.setattr(blobs, "read", read)
            await queue.remove("x")
            if again:
                await queue.add("job", "new" * _LARGE, {"jobId": "x"})
            return await read(store, job_id, reference)

        for listed in (False, True):
            await queue.remove("x")
            await queue.add("job", "old" * _LARGE, {"jobId": "x"})
            monkeypatch.setattr(blobs, "read", late)
            found = await queue.getWaiting() if listed else [await queue.getJob("x")]
            assert [job.data for job in found if job] == (["new" * _LARGE] if again else [])
