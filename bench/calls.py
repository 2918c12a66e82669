"""The calls of the interface, beside BullMQ for Python: one after the other, and twenty at once."""

from __future__ import annotations

import asyncio
import importlib
import statistics
import time
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from bench import servers

__all__ = ["run"]

_AT_ONCE = 20
_WARM_UP = 20
_PEERS = {"bullmq": "redis", "jetbull": "nats"}

Call = Callable[[], Awaitable[Any]]


def run(times: int) -> None:
    """Measures each call `times` times by either peer, in turns, and prints a table."""
    figures = {peer: asyncio.run(_measure(peer, times)) for peer in _PEERS}
    print("\n| call | BullMQ for Python: ms, 20 at once /s | jetbull: ms, 20 at once /s |")
    print("|---|---:|---:|")
    for name, (ms, rate) in figures["jetbull"].items():
        old_ms, old_rate = figures["bullmq"][name]
        print(
            f"| {name} | {old_ms:.2f}, {old_rate:,.0f} "
            f"| {ms:.2f} ({old_ms / ms:.1f}x), {rate:,.0f} ({rate / old_rate:.1f}x) |"
        )


async def _measure(peer: str, times: int) -> dict[str, tuple[float, float]]:
    """Call -> median milliseconds alone, and calls a second with twenty at once."""
    with servers.served(_PEERS[peer]) as server:
        calls = _Calls(importlib.import_module(peer), server.url)
        figures = {}
        for name, call in calls.all().items():
            for _ in range(_WARM_UP):
                await call()
            figures[name] = await _alone(call, times), await _together(call, times * 4)
        await calls.close()
    return figures


async def _alone(call: Call, times: int) -> float:
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        await call()
        took.append(time.perf_counter() - begun)
    return statistics.median(took) * 1000


async def _together(call: Call, times: int) -> float:
    left = iter(range(times))

    async def lane() -> None:
        for _ in left:
            await call()

    begun = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(_AT_ONCE)))
    return times / (time.perf_counter() - begun)


class _Calls:
    """The same calls, whichever of the two packages makes them."""

    def __init__(self, package: Any, url: str) -> None:
        self._queue = package.Queue("calls", {"connection": url})
        self._flows = package.FlowProducer(url)
        self._numbers = count(1)

    def all(self) -> dict[str, Call]:
        """What the table calls each, and how it is made."""
        return {
            "add": lambda: self._queue.add("job", {"n": 1}, {}),
            "add, under a new deduplication id": lambda: self._add_once(next(self._numbers)),
            "add, a duplicate": lambda: self._add_once(0),
            "addBulk of 10": lambda: self._add_bulk(10),
            "addBulk of 50": lambda: self._add_bulk(50),
            "flow of a parent and 3 children": lambda: self._add_flow(3),
            "flow of a parent and 30 children": lambda: self._add_flow(30),
            "add and getJob": self._add_and_get,
            "add and getState": self._add_and_ask,
            "add and updateData": self._add_and_change,
            "add and remove": self._add_and_remove,
            "add, delayed, and promote": self._add_and_promote,
            "add and log": self._add_and_log,
            "upsertJobScheduler, the same one": self._upsert,
            "getJobCounts": lambda: self._queue.getJobCounts(),
            "page of 20": lambda: self._queue.getWaiting(0, 19),
            "getDelayed of none": lambda: self._queue.getDelayed(0, 19),
            "isPaused": lambda: self._queue.isPaused(),
            "get_workers of none": lambda: self._queue.get_workers(),
        }

    async def close(self) -> None:
        await self._queue.close()
        await self._flows.close()

    async def _add_once(self, number: int) -> None:
        await self._queue.add("job", {"n": 1}, {"deduplication": {"id": f"id {number}"}})

    async def _add_and_promote(self) -> None:
        job = await self._queue.add("job", {"n": 1}, {"delay": 3_600_000})
        await job.promote()

    async def _add_and_log(self) -> None:
        job = await self._queue.add("job", {"n": 1}, {})
        await job.log("a row")

    async def _upsert(self) -> None:
        await self._queue.upsertJobScheduler("scheduler", {"every": 3_600_000}, "job", {"n": 1})

    async def _add_bulk(self, jobs: int) -> None:
        await self._queue.addBulk([{"name": "job", "data": {"n": n}} for n in range(jobs)])

    async def _add_flow(self, children: int) -> None:
        leaf = {"name": "child", "queueName": "called", "data": {"n": 1}}
        parent = {"name": "parent", "queueName": "calls", "data": {"n": 1}}
        await self._flows.add({**parent, "children": [leaf] * children})

    async def _add_and_get(self) -> None:
        job = await self._queue.add("job", {"n": 1}, {})
        await self._queue.getJob(job.id)

    async def _add_and_ask(self) -> None:
        job = await self._queue.add("job", {"n": 1}, {})
        await self._queue.getJobState(job.id)

    async def _add_and_change(self) -> None:
        job = await self._queue.add("job", {"n": 1}, {})
        await job.updateData({"n": 2})

    async def _add_and_remove(self) -> None:
        job = await self._queue.add("job", {"n": 1}, {})
        await self._queue.remove(job.id)
