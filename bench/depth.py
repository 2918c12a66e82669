"""What many jobs cost: counts, pages, adding and memory with so many in each state."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil

from bench.payload import jobs
from jetbull import Job, Queue, Worker
from jetbull.ledger.adding.adding import NewJob, add_many
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.placing import DONE, WAITING_CHILDREN, Place, active, delayed, waiting
from jetbull.ledger.messages.record import Record
from jetbull.server import EmbeddedServer

__all__ = ["run"]

_BATCH = 1000
_MORE = 20_000  # jobs added and processed to measure the rate
_ALONE = 3000  # of them one at a time
_HOUR_MS = 3_600_000


async def run(count: int, waiting_count: int) -> None:
    """Fills one state after the other with `count` jobs and measures; of waiting another number."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        server = EmbeddedServer(Path(folder))
        server.start()
        try:
            await _waiting(server, waiting_count)
        finally:
            server.kill()
    for state, place in _PLACES.items():
        with EmbeddedServer() as server:
            await _state(server, state, place, count)


_PLACES: dict[str, Callable[[int], Place]] = {
    "active": lambda n: active(now_ms() + _HOUR_MS),
    "completed": lambda n: DONE["completed"],
    "failed": lambda n: DONE["failed"],
    "delayed": lambda n: delayed(now_ms() + _HOUR_MS + n),
    "prioritized": lambda n: waiting(1 + n % 10),
    "waiting-children": lambda n: WAITING_CHILDREN,
}


async def _waiting(server: EmbeddedServer, count: int) -> None:
    async with Queue("bench", {"connection": server.url}) as queue:
        await _fill(queue, 0, _BATCH)
        await _rates(server, queue, _BATCH)
        begun = time.monotonic()
        await _fill(queue, _BATCH, count)
        rate = (count - _BATCH) / (time.monotonic() - begun)
        memory = psutil.Process(server.pid).memory_info().rss / 1e6
        print(f"{count:,} waiting: added {rate:,.0f}/s, server {memory:.0f} MB", flush=True)
        await _rates(server, queue, count)
        await _read(queue, "waiting")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    server.kill()
    begun = time.monotonic()
    server.start()
    async with Queue("bench", {"connection": server.url}) as queue:
        counts = await queue.getJobCounts("waiting")
        took = time.monotonic() - begun
        print(f"  back {took:.1f} s after kill -9, with {counts['waiting']:,} jobs", flush=True)


async def _rates(server: EmbeddedServer, queue: Queue, depth: int) -> None:
    """Adding in bulk and processing on top of what waits."""
    begun = time.monotonic()
    await _fill(queue, depth, depth + _MORE)
    added = _MORE / (time.monotonic() - begun)
    worked = await _process(server, _MORE - _ALONE, 100)
    alone = await _process(server, _ALONE, 1)
    print(
        f"with {depth:,}: bulk {added:,.0f}/s, process {worked:,.0f}/s, "
        f"at concurrency 1 {alone:,.0f}/s",
        flush=True,
    )


async def _process(server: EmbeddedServer, count: int, concurrency: int) -> float:
    """Jobs per second of one worker in this process, from the first job to the last."""
    times: list[float] = []
    done = asyncio.Event()

    async def process(job: Job, token: str) -> None:
        times.append(time.monotonic())
        if len(times) >= count:
            done.set()

    worker = Worker("bench", process, {"connection": server.url, "concurrency": concurrency})
    await done.wait()
    await worker.close()
    return (count - 1) / (times[count - 1] - times[0])


async def _fill(queue: Queue, first: int, end: int) -> None:
    for start in range(first, end, _BATCH):
        await _add(queue, start, _BATCH)


async def _add(queue: Queue, first: int, count: int) -> None:
    await queue.addBulk([{"name": "job", "data": data} for data in jobs(first, count)])


async def _state(
    server: EmbeddedServer, state: str, place: Callable[[int], Place], count: int
) -> None:
    async with Queue("bench", {"connection": server.url}) as queue:
        store = await queue.ledger()
        fixed = {"name": "job", "timestamp": now_ms(), "opts": {}}
        begun = time.monotonic()
        for start in range(0, count, _BATCH):
            rows = [
                NewJob(
                    str(start + n + 1),
                    Record.new(fixed, b'{"i":1}', {"finishedOn": now_ms()}),
                    place(start + n),
                    False,
                )
                for n in range(_BATCH)
            ]
            await add_many(store, rows)
        rate = count / (time.monotonic() - begun)
        memory = psutil.Process(server.pid).memory_info().rss / 1e6
        print(f"{count:,} {state}: stored {rate:,.0f}/s, server {memory:.0f} MB", flush=True)
        for number in range(1, count, max(1, count // 50)):  # no stream in use is without holes
            await queue.remove(str(number))
        await _read(queue, state)


async def _read(queue: Queue, state: str) -> None:
    async def page(start: int) -> Any:
        return await queue.getJobs([state], start, start + 99, True)

    await _timed("getJobCounts, first", lambda: queue.getJobCounts(), 1)
    await _timed("getJobCounts", lambda: queue.getJobCounts())
    count = (await queue.getJobCounts())[state]
    if state == "delayed":
        await _timed("page of 100, first of all", lambda: page(0), 1)
    for name, start in (("first", 0), ("middle", count // 2), ("last", count - 100)):
        await _timed(f"page of 100, {name}", lambda at=start: page(at))  # type: ignore[misc]


async def _timed(what: str, call: Callable[[], Awaitable[Any]], times: int = 5) -> None:
    took = []
    for _ in range(times):
        await asyncio.sleep(0)
        begun = time.monotonic()
        answer = await call()
        took.append(time.monotonic() - begun)
    size = f", {len(answer)} jobs" if isinstance(answer, list) else ""
    print(f"  {what}: {sorted(took)[len(took) // 2] * 1000:.1f} ms{size}", flush=True)
