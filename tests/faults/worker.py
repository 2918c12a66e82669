"""A worker process of a fault run.

Every run is written to a file outside NATS. What a processor does stands in the job's data:
`act` says how it ends (`_act` knows the words), `ms` how long it takes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.faults import points
from tests.faults.books import Book

from jetbull import Worker
from jetbull.ledger.messages import clock
from jetbull.ledger.wire import wire


@dataclass(frozen=True, slots=True)
class Orders:
    """What the parent decided for this process."""

    url: str
    queue: str
    name: str
    folder: str
    replicas: int = 1
    concurrency: int = 4
    lock_ms: int = 3000
    stalls: int = 50
    clock_off: float = 0.0
    point: str = ""
    count: int = 1


async def _work(orders: Orders, ready: Connection) -> None:
    book = Book(Path(orders.folder) / f"ran-{orders.name}.jsonl")
    complaints = Book(Path(orders.folder) / f"said-{orders.name}.jsonl")
    if orders.point:
        points.arm(orders.point, orders.count)

    async def process(job: Any, token: str) -> Any:
        entry = {"job": job.id, "worker": orders.name, "token": token}
        book.write(what="begin", **entry)
        points.reached("begun")
        value = await _act(job)
        book.write(what="end", **entry)
        points.reached("done")
        return value

    worker = Worker(
        orders.queue,
        process,
        {
            "connection": {"url": orders.url.split(","), "replicas": orders.replicas},
            "concurrency": orders.concurrency,
            "lockDuration": orders.lock_ms,
            "maxStalledCount": orders.stalls,
            "name": orders.name,
        },
    )
    worker.on("error", lambda error, *_: complaints.write(error=f"{type(error).__name__}: {error}"))
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    await worker.waitUntilReady()
    ready.send("ready")
    await stop.wait()
    loop.remove_signal_handler(signal.SIGTERM)
    loop.add_signal_handler(signal.SIGTERM, lambda: loop.create_task(worker.close(True)))
    await worker.close()


async def _act(job: Any) -> Any:
    data = job.data if isinstance(job.data, dict) else {}
    act = data.get("act", "ok")
    if data.get("ms"):
        if act == "block":
            time.sleep(data["ms"] / 1000)  # noqa: ASYNC251 - the fault itself
        else:
            await asyncio.sleep(data["ms"] / 1000)
    if act == "fail" or (act == "fail once" and job.attemptsMade == 0):
        raise ValueError("told to fail")
    if act in _RAISED:
        raise _RAISED[act]()
    if act == "recurse":
        return _recurse(0)
    if act == "no json":
        return object()
    if act == "huge":
        return "x" * 50_000_000
    if act == "huge error":
        raise ValueError("x" * 50_000_000)
    return data.get("n")


_RAISED: dict[str, type[BaseException]] = {
    "BaseException": BaseException,
    "SystemExit": SystemExit,
    "KeyboardInterrupt": KeyboardInterrupt,
    "CancelledError": asyncio.CancelledError,
    "GeneratorExit": GeneratorExit,
}


def _recurse(depth: int) -> int:
    return _recurse(depth + 1) + 1


def _shift_clock(seconds: float) -> None:
    """This process lives at another time, wherever jetbull reads it."""
    right = time.time

    def wrong() -> float:
        return right() + seconds

    time.time = wrong
    clock.time = wire.time = wrong  # type: ignore[attr-defined]


def run(orders: Orders, log: Path, ready: Connection) -> None:
    """All of the process; what it logs, and what ends it, stands in `log`."""
    with log.open("ab") as errors:
        os.dup2(errors.fileno(), 2)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    if orders.clock_off:
        _shift_clock(orders.clock_off)
    asyncio.run(_work(orders, ready))
