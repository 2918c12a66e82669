"""Outcomes whose answer is lost, of jobs that are no longer kept when it is asked for again."""

from __future__ import annotations

import asyncio

from jetbull import Job, Queue, QueueEvents, Worker
from jetbull.server import EmbeddedServer

from .proxy import Proxy

_KEEP = {"removeOnComplete": 1}


async def test_a_job_that_another_worker_trims_before_its_own_hears_is_told_as_completed_once(
    server: EmbeddedServer, name: str
) -> None:
    heard: list[str] = []
    errors: list[str] = []
    done = asyncio.Event()

    async def process(job: Job, token: str) -> None:
        if job.name == "first":
            proxy.drop_answers()

    async with (
        Proxy(server.port) as proxy,
        Queue(name, {"connection": server.url}) as queue,
        QueueEvents(name, {"connection": server.url}) as events,
        asyncio.timeout(60),
    ):
        events.on("completed", lambda args, event_id: heard.append(args["jobId"]))
        await events.waitUntilReady()
        first = await queue.add("first", {}, _KEEP)
        cut_off = Worker(name, process, {"connection": proxy.url})
        cut_off.on("completed", lambda job, result: done.set())
        cut_off.on("error", lambda error, *_: errors.append(str(error)))
        while not await first.isCompleted():
            await asyncio.sleep(0.01)
        async with Worker(name, process, {"connection": server.url}):
            second = await queue.add("second", {}, _KEEP)
            while await queue.getJob(first.id):
                await asyncio.sleep(0.01)
        proxy.heal()
        await done.wait()
        await cut_off.close()
        while len(heard) < 2:
            await asyncio.sleep(0.01)
        assert sorted(heard) == [first.id, second.id]
        assert errors == []
