"""What is measured of each peer: rates, latencies, memory and CPU per job."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.family import Peer, process
from bench.servers import Served, served

__all__ = ["SCENARIOS", "Figure", "Size"]

_WARM_UP = 200


@dataclass(frozen=True, slots=True)
class Size:
    """How many jobs; `full` is for figures to publish."""

    process: int
    single: int
    one: int
    bulk: int
    paced: int

    @classmethod
    def of(cls, quick: bool) -> Size:
        """Small sizes take seconds per figure."""
        return (
            cls(8000, 1000, 3000, 20_000, 100) if quick else cls(30_000, 4000, 15_000, 100_000, 500)
        )


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value and what it cost."""

    value: float
    client_us: float | None = None  # CPU of the measured process per job
    server_us: float | None = None
    more: str = ""


def add_one(peer: Peer, size: Size) -> Figure:
    """Adds a second, each awaited before the next."""
    return _adding(peer, "one", size.one)


def add_bulk(peer: Peer, size: Size) -> Figure:
    """Adds a second, a thousand per call."""
    return _adding(peer, "bulk", size.bulk)


def process_100(peer: Peer, size: Size) -> Figure:
    """Jobs a second at concurrency 100, all waiting before the worker starts."""
    return _processing(peer, 100, size.process)


def process_1(peer: Peer, size: Size) -> Figure:
    """Jobs a second at concurrency 1."""
    return _processing(peer, 1, size.single)


def large(peer: Peer, size: Size) -> Figure:
    """Jobs a second at concurrency 100 with 100 KB of data each, adding included."""
    count = size.process // 10
    with served(peer.server, peer.sync) as server, _producer(peer, server, pad=100_000) as adding:
        added = adding.ask("bulk", count=count)
        with _worker(peer, server, 100, count) as worker:
            done = worker.hear()
    return Figure(count / (added["seconds"] + done["seconds"]))


def prioritized(peer: Peer, size: Size) -> Figure:
    """Jobs a second at concurrency 100 out of ten priorities."""
    return _processing(peer, 100, size.process, levels=10)


def sustained(peer: Peer, size: Size) -> Figure:
    """Jobs a second while one process adds and another works."""
    with (
        served(peer.server, peer.sync) as server,
        _producer(peer, server) as adding,
        _worker(peer, server, 100, size.process + _WARM_UP) as worker,
    ):
        adding.ask("bulk", count=_WARM_UP)
        time.sleep(1)
        added = adding.ask("bulk", count=size.process)
        done = worker.hear()
    return Figure(size.process / (done["ended"] - added["begun"]))


def latency_p50(peer: Peer, size: Size) -> Figure:
    """Milliseconds from `add` to the running processor on an idle queue: the median, and p99."""
    with (
        served(peer.server, peer.sync) as server,
        _producer(peer, server) as adding,
        _worker(peer, server, 100, _WARM_UP + size.paced) as worker,
    ):
        adding.ask("bulk", count=_WARM_UP)
        time.sleep(1)
        adding.ask("paced", count=size.paced, gap=0.01)
        done = worker.hear()
    return Figure(done["p50"], more=f"p99 {done['p99']:.1f} ms")


def worker_memory(peer: Peer, size: Size) -> Figure:
    """Megabytes of the worker process after its run at concurrency 100."""
    with served(peer.server, peer.sync) as server, _producer(peer, server) as adding:
        adding.ask("bulk", count=size.process)
        with _worker(peer, server, 100, size.process) as worker:
            return Figure(worker.hear()["rss"] / 1e6)


def _adding(peer: Peer, op: str, count: int) -> Figure:
    with served(peer.server, peer.sync) as server, _producer(peer, server) as adding:
        adding.ask(op, count=_WARM_UP)
        before = server.cpu()
        added = adding.ask(op, count=count)
        used = server.cpu() - before
    return Figure(count / added["seconds"], added["cpu"] / count * 1e6, used / count * 1e6)


def _processing(peer: Peer, concurrency: int, count: int, **options: Any) -> Figure:
    with served(peer.server, peer.sync) as server, _producer(peer, server, options) as adding:
        adding.ask("bulk", count=count)
        before = server.cpu()
        with _worker(peer, server, concurrency, count) as worker:
            done = worker.hear()
        used = server.cpu() - before
    rate = count / done["seconds"]
    return Figure(rate, done["cpu"] / count * 1e6, used / count * 1e6)


def _producer(
    peer: Peer, server: Served, options: dict[str, Any] | None = None, pad: int = 100
) -> Any:
    return process(peer, "producer", server.url, options=options or {}, pad=pad)


def _worker(peer: Peer, server: Served, concurrency: int, goal: int) -> Any:
    return process(peer, "worker", server.url, concurrency=concurrency, goal=goal)


SCENARIOS: dict[str, tuple[str, Callable[[Peer, Size], Figure]]] = {
    "process100": ("process, concurrency 100 /s", process_100),
    "process1": ("process, concurrency 1 /s", process_1),
    "sustained": ("producer and worker together /s", sustained),
    "one": ("add one by one /s", add_one),
    "bulk": ("add in bulk /s", add_bulk),
    "latency": ("add -> processor, idle, p50 ms", latency_p50),
    "memory": ("worker memory MB", worker_memory),
    "large": ("100 KB of data: add and process /s", large),
    "prioritized": ("process, 10 priorities /s", prioritized),
}
"""Name -> what the table calls it, and how it is measured."""
