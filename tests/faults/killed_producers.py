"""Processes that are killed while they add many jobs in one call."""

from __future__ import annotations

import asyncio
from multiprocessing.connection import Connection

from tests.faults.forking import FORKSERVER

from jetbull import Queue

__all__ = ["kill_producer"]


async def kill_producer(url: str, queue: str, pause: float, rules: str, many: int) -> None:
    """Lets a process add so many jobs, and kills it a moment after it began."""
    ours, theirs = FORKSERVER.Pipe(duplex=False)
    with ours, theirs:
        producer = FORKSERVER.Process(
            target=_run, args=(url, queue, many, rules, theirs), daemon=True
        )
        producer.start()
        assert await asyncio.to_thread(ours.recv) == "ready"
        await asyncio.sleep(pause)  # the moment of the kill is the fault itself
        producer.kill()
        producer.join()
        producer.close()


def _run(url: str, queue: str, many: int, rules: str, ready: Connection) -> None:
    asyncio.run(_produce(Queue(queue, {"connection": {"url": url}}), many, rules, ready))


async def _produce(queue: Queue, many: int, rules: str, ready: Connection) -> None:
    await queue.waitUntilReady()
    ready.send("ready")
    opts = {"deduplication": {"id": "d"}} if rules else {}
    await queue.addBulk(
        [{"name": "job", "data": n, "opts": {} if n else opts} for n in range(many)]
    )
    await asyncio.sleep(60)
