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
from jetbull import Queue
from jetbull.ledger.adding import NewJob, add_many
from jetbull.ledger.clock import now_ms
from jetbull.ledger.placing import DONE, WAITING_CHILDREN, Place, active, delayed, waiting
from jetbull.ledger.record import Record
from jetbull.server import EmbeddedServer

__all__ = ["run"]

_BATCH = 1000
_HOUR_MS = 3_600_000


async def run(count: int) -> None:
    """Fills one state after the other with `count` jobs and measures in between."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        server = EmbeddedServer(Path(folder))
        server.start()
        try:
            await _waiting(server, count)
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
        begun = time.monotonic()
        for start in range(0, count, _BATCH):
            await _add(queue, start, _BATCH)
        rate = count / (time.monotonic() - begun)
        memory = psutil.Process(server.pid).memory_info().rss / 1e6
        print(f"{count:,} waiting: added {rate:,.0f}/s, server {memory:.0f} MB", flush=True)
        begun = time.monotonic()
        for start in range(0, 20_000, _BATCH):
            await _add(queue, count + start, _BATCH)
        print(f"  20,000 more: {20_000 / (time.monotonic() - begun):,.0f}/s", flush=True)
        await _read(queue, "waiting", count)
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    server.kill()
    begun = time.monotonic()
    server.start()
    async with Queue("bench", {"connection": server.url}) as queue:
        counts = await queue.getJobCounts("waiting")
        took = time.monotonic() - begun
        print(f"  back {took:.1f} s after kill -9, with {counts['waiting']:,} jobs", flush=True)


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
        await _read(queue, state, count)


async def _read(queue: Queue, state: str, count: int) -> None:
    middle, last = count // 2, count - 100

    async def page(start: int) -> Any:
        return await queue.getJobs([state], start, start + 99, True)

    await _timed("getJobCounts, first", lambda: queue.getJobCounts())
    await _timed("getJobCounts", lambda: queue.getJobCounts())
    for name, start in (("first", 0), ("middle", middle), ("last", last)):
        await _timed(f"page of 100, {name}", lambda at=start: page(at))  # type: ignore[misc]


async def _timed(what: str, call: Callable[[], Awaitable[Any]]) -> None:
    took = []
    for _ in range(1 if what.endswith("counts, first") else 5):
        await asyncio.sleep(0)
        begun = time.monotonic()
        answer = await call()
        took.append(time.monotonic() - begun)
    size = f", {len(answer)} jobs" if isinstance(answer, list) else ""
    print(f"  {what}: {sorted(took)[len(took) // 2] * 1000:.1f} ms{size}", flush=True)
