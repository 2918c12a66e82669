"""One process of a peer: `python -m bench.child CONFIG`, spoken to in lines of JSON.

A producer answers each `{"op": …}` line; a worker says `{"n", "seconds", …}` once it has handled
as many jobs as it was told to, and works on until it is ended.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
import time
from typing import Any

import psutil

from bench.payload import jobs, payload

__all__ = ["main"]

_BULK = 1000


class _Producing:
    def __init__(self, producer: Any, pad: int) -> None:
        self._producer = producer
        self._pad = pad
        self._next = 0

    async def one(self, count: int) -> dict[str, Any]:
        """Adds one by one."""
        begun, cpu = time.monotonic(), time.process_time()
        for number in range(count):
            await self._producer.add(payload(self._next + number, self._pad))
        return self._done(count, begun, cpu)

    async def bulk(self, count: int) -> dict[str, Any]:
        """Adds by the thousand."""
        begun, cpu = time.monotonic(), time.process_time()
        for start in range(0, count, _BULK):
            size = min(_BULK, count - start)
            await self._producer.add_bulk(jobs(self._next + start, size, self._pad))
        return self._done(count, begun, cpu)

    async def paced(self, count: int, gap: float) -> dict[str, Any]:
        """Adds one every `gap` s, each with the time of its adding."""
        begun, cpu = time.monotonic(), time.process_time()
        for number in range(count):
            await self._producer.add(payload(number, self._pad, t=time.monotonic_ns()))
            await asyncio.sleep(gap)
        return self._done(count, begun, cpu)

    def _done(self, count: int, begun: float, cpu: float) -> dict[str, Any]:
        self._next += count
        return {
            "n": count,
            "begun": begun,
            "seconds": time.monotonic() - begun,
            "cpu": time.process_time() - cpu,
        }


async def _produce(peer: Any, config: dict[str, Any]) -> None:
    producer = peer.Producer(config["url"], config.get("options", {}))
    await producer.open()
    producing = _Producing(producer, config.get("pad", 100))
    _say({"ready": True})
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        _say(await getattr(producing, order.pop("op"))(**order))
    await producer.close()


class _Handling:
    """Counts jobs, and tells when it has seen enough."""

    def __init__(self, goal: int, burn: float) -> None:
        self._goal = goal
        self._burn = burn
        self._count = 0
        self._first = 0.0
        self._cpu = 0.0
        self._late: list[float] = []

    def __call__(self, data: Any) -> None:
        self._count += 1
        if self._count == 1:
            self._first, self._cpu = time.monotonic(), time.process_time()
        if self._burn:
            end = time.monotonic() + self._burn
            while time.monotonic() < end:
                pass
        if "t" in data:
            self._late.append((time.monotonic_ns() - data["t"]) / 1e6)
        if self._count == self._goal:
            self._tell()

    def _tell(self) -> None:
        late = sorted(self._late)
        now = time.monotonic()
        _say(
            {
                "n": self._count,
                "seconds": now - self._first,
                "ended": now,
                "cpu": time.process_time() - self._cpu,
                "rss": psutil.Process().memory_info().rss,
                "p50": late[len(late) // 2] if late else None,
                "p99": late[len(late) * 99 // 100] if late else None,
            }
        )


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Runs one role until standard input ends (producer) or for ever (worker)."""
    config = json.loads(sys.argv[1])
    peer = importlib.import_module(f"bench.peers.{config['peer']}")
    if config.get("uvloop"):
        import uvloop

        uvloop.install()
    if config["role"] == "producer":
        asyncio.run(_produce(peer, config))
    else:
        handling = _Handling(config["goal"], config.get("burn", 0.0))
        asyncio.run(peer.work(config["url"], config["concurrency"], handling, config.get("sleep")))
    os._exit(0)


if __name__ == "__main__":
    main()
