"""Half an hour of jobs, failures, retries and delays: memory and everything countable stay flat."""

from __future__ import annotations

import asyncio
import gc
import random
import time
from dataclasses import dataclass

import psutil

from bench.payload import payload
from jetbull import Job, Queue, QueueEvents, Worker
from jetbull.ledger.hub import open_connections
from jetbull.server import EmbeddedServer

__all__ = ["run"]

_RATE = 200  # jobs a second
_SAMPLES = 20
_WARM = 0.25  # the part of the run that is not judged
_KEEP = {"count": 1000}


@dataclass(frozen=True, slots=True)
class Sample:
    """What is counted: megabytes of both sides, and what could leak."""

    client_mb: float
    server_mb: float
    subjects: int
    consumers: int
    subscriptions: int
    tasks: int
    objects: int


async def run(minutes: float) -> None:
    """Prints samples; SystemExit when something grew."""
    with EmbeddedServer() as server:
        async with Queue("soak", {"connection": server.url}) as queue:
            events = QueueEvents("soak", {"connection": server.url})
            options = {
                "connection": server.url,
                "concurrency": 50,
                "removeOnComplete": _KEEP,
                "removeOnFail": _KEEP,
            }
            worker = Worker("soak", _process, options)
            adding = asyncio.ensure_future(_add(queue, minutes * 60))
            samples: list[Sample] = []
            while not adding.done():
                await asyncio.wait([adding], timeout=minutes * 60 / _SAMPLES)
                samples.append(await _sample(queue, server))
                print(samples[-1], flush=True)
            print(f"{await adding:,} jobs added", flush=True)
            await worker.close()
            await events.close()
    _judge(samples)


async def _process(job: Job, token: str) -> int:
    kind = int(job.data["i"]) % 20
    if kind == 0 and job.attemptsMade == 0:
        raise ValueError("the first try fails")
    if kind == 1:
        await job.updateProgress(50)
    if kind == 2:
        await asyncio.sleep(random.uniform(0, 0.05))
    return kind


async def _add(queue: Queue, seconds: float) -> int:
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        rows = []
        for _ in range(_RATE // 10):
            opts = {"attempts": 2, "delay": 300 if number % 10 == 3 else 0}
            if number % 10 == 4:
                opts["priority"] = 1 + number % 5
            rows.append({"name": "job", "data": payload(number), "opts": opts})
            number += 1
        await queue.addBulk(rows)
        await asyncio.sleep(0.1)
    return number


async def _sample(queue: Queue, server: EmbeddedServer) -> Sample:
    store = await queue.ledger()
    info = await store.wire.api(f"STREAM.INFO.{store.names.space.jobs}")
    gc.collect()
    return Sample(
        round(psutil.Process().memory_info().rss / 1e6, 1),
        round(psutil.Process(server.pid).memory_info().rss / 1e6, 1),
        int(info["state"]["num_subjects"]),
        int(info["state"]["consumer_count"]),
        sum(number for _, number in open_connections().values()),
        len(asyncio.all_tasks()),
        len(gc.get_objects()),
    )


def _judge(samples: list[Sample]) -> None:
    steady = samples[int(len(samples) * _WARM) :]
    half = len(steady) // 2
    grown = []
    for name, slack in _SLACK.items():
        early = max(getattr(s, name) for s in steady[:half])
        late = min(getattr(s, name) for s in steady[half:])
        if late > early * slack:
            grown.append(f"{name}: at most {early} early, at least {late} late")
    if grown:
        raise SystemExit("Something grew. " + "; ".join(grown))
    print("Nothing grew.")


_SLACK = {
    "client_mb": 1.1,
    "server_mb": 1.3,  # the server fills its caches for a while
    "subjects": 1.2,
    "consumers": 1.0,
    "subscriptions": 1.0,
    "tasks": 1.2,
    "objects": 1.1,
}
