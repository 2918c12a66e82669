"""A jetbull worker on a carried queue, and what it did."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from bull2jet.options import Options
from jetbull import Job, Queue, Worker


@dataclass
class Shift:
    """Ids in the order a worker took them, and when (ms)."""

    queue: Queue
    taken: list[str] = field(default_factory=list)
    at: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    seen: asyncio.Event = field(default_factory=asyncio.Event)

    async def process(self, job: Job, token: str) -> str:
        """Notes the job; one called `broken` fails."""
        self.taken.append(str(job.id))
        self.at[str(job.id)] = time.time() * 1000
        self.seen.set()
        if job.name == "broken" and "broken" in str(job.data):
            raise ValueError("torn page")
        return f"done {job.id}"

    def note_failure(self, job: Job, *_: object) -> None:
        """Notes a job that failed, whether it was taken or not."""
        self.failed.append(str(job.id))
        self.seen.set()

    async def until(self, *ids: str) -> None:
        """Returns when all of these were taken or have failed."""
        async with asyncio.timeout(30):
            while not set(ids) <= {*self.taken, *self.failed}:
                self.seen.clear()
                await self.seen.wait()


@contextlib.asynccontextmanager
async def worker_on(options: Options, name: str, **more: Any) -> AsyncIterator[Shift]:
    """One worker, one job at a time; closed when the last job it took is finished."""
    connection = {"connection": options.to, **more}
    async with queue_of(options, name, **more) as queue:
        shift = Shift(queue)
        worker = Worker(name, shift.process, connection)
        worker.on("failed", shift.note_failure)
        try:
            yield shift
        finally:
            await worker.close()


@contextlib.asynccontextmanager
async def queue_of(options: Options, name: str, **more: Any) -> AsyncIterator[Queue]:
    """The carried queue as callers see it."""
    queue = Queue(name, {"connection": options.to, **more})
    try:
        yield queue
    finally:
        await queue.close()
