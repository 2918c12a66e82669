"""From one server to three, with the jobs that are there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.faults.servers import Servers

from jetbull import Job, Queue, QueueEvents, Worker
from jetbull.diagnosis import diagnose
from jetbull.ledger.streams import streams


@pytest.mark.timeout(180)
async def test_streams_with_jobs_get_replicas_and_lose_a_server(tmp_path: Path) -> None:
    async with Servers(tmp_path, 3) as servers:
        async with Queue("q", {"connection": {"url": servers.url, "replicas": 1}}) as queue:
            jobs = [await queue.add("n", {}, {"delay": 2_000 * (n % 2)}) for n in range(10)]
        connection = {"url": servers.url, "replicas": 3}
        async with Queue("q", {"connection": connection}) as queue:
            assert "has 1 replicas, and JETBULL_REPLICAS" in await _durability(queue)
            wire, space = (await queue.ledger()).wire, (await queue.ledger()).names.space
            for config in streams.configurations(space, 3):
                await wire.api(f"STREAM.UPDATE.{config['name']}", config)
            assert await _durability(queue) == "Jobs are kept by 3 servers."
            clusters = [await _moved(queue, c["name"]) for c in streams.configurations(space, 3)]
            leader = clusters[0]["leader"]
            await servers.kill(servers.node_named(leader))
            async with (
                QueueEvents("q", {"connection": connection}) as events,
                Worker("q", _done, {"connection": connection}),
            ):
                for added in jobs:
                    job = await queue.getJob(str(added.id))
                    assert job is not None
                    assert await job.waitUntilFinished(events, 60_000) == job.id


async def _durability(queue: Queue) -> str:
    return next(f.detail for f in await diagnose(queue) if f.name == "durability")


async def _moved(queue: Queue, stream: str) -> dict[str, str]:
    """The cluster of a stream, once its move is over and every replica has all of it."""
    store = await queue.ledger()
    while True:
        info = await store.wire.api(f"STREAM.INFO.{stream}")
        cluster: dict[str, str] = info["cluster"]
        copies = info["cluster"].get("replicas", [])
        if "desired" not in cluster and [copy["current"] for copy in copies] == [True, True]:
            return cluster
        await asyncio.sleep(0.1)


async def _done(job: Job) -> str:
    return str(job.id)
