"""Waiting jobs that are removed in the moment in which somebody takes or removes them."""

from __future__ import annotations

import asyncio

from jetbull import Job, Queue, QueueEvents, Worker
from jetbull.server import EmbeddedServer

from .proxy import Proxy


async def test_a_job_that_a_worker_takes_just_before_keeps_all_it_has_and_runs_once(
    server: EmbeddedServer, name: str
) -> None:
    runs: list[str] = []
    finish = asyncio.Event()

    async def process(job: Job, token: str) -> None:
        runs.append(job.id)
        await finish.wait()

    async with (
        Proxy(server.port) as proxy,
        Queue(name, {"connection": server.url}) as queue,
        Queue(name, {"connection": proxy.url}) as slow,
        asyncio.timeout(30),
    ):
        data = {"text": "x" * 2_000_000}  # stored beside the job, as its log is
        job = await queue.add("job", data)
        await job.log("added")
        await slow.waitUntilReady()
        proxy.hold_message(f"HPUB jb.bull.{name}.gone".encode())
        removal = asyncio.ensure_future(slow.remove(job.id))
        await proxy.holding.wait()
        worker = Worker(name, process, {"connection": server.url})
        while not await job.isActive():
            await asyncio.sleep(0.01)
        proxy.let_go()
        assert await removal == 0
        found = await queue.getJob(job.id)
        assert found is not None and found.data == data
        assert (await queue.getJobLogs(job.id))["logs"] == ["added"]
        finish.set()
        while not await job.isCompleted():
            await asyncio.sleep(0.01)
        assert runs == [job.id]
        await worker.close()


async def test_a_job_that_two_remove_at_once_is_told_as_removed_once(
    server: EmbeddedServer, name: str
) -> None:
    told: list[str] = []
    async with (
        Queue(name, {"connection": {"url": server.url, "name": "other"}}) as other,
        Queue(name, {"connection": server.url}) as queue,
        QueueEvents(name, {"connection": server.url}) as events,
        asyncio.timeout(60),
    ):
        drained = asyncio.Event()
        events.on("removed", lambda args, event_id: told.append(args["jobId"]))
        events.on("paused", lambda args, event_id: drained.set())
        await events.waitUntilReady()
        jobs = [await queue.add("job", {}) for _ in range(50)]
        for job in jobs:
            await asyncio.gather(queue.remove(job.id), other.remove(job.id))
        assert await queue.getJobCountByTypes("waiting") == 0
        for each in (queue, other):
            await (await each.ledger()).event_log.flush()
        await queue.pause()
        await drained.wait()
        assert sorted(told, key=int) == [job.id for job in jobs]
