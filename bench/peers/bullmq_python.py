"""BullMQ for Python on Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from bullmq import Job, Queue, Worker

__all__ = ["Producer", "work"]


class Producer:
    """Adds jobs."""

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        self._url = url
        self._options = options

    async def open(self) -> None:
        self.queue = Queue("bench", {"connection": self._url})

    async def add(self, data: Any) -> None:
        await self.queue.add("job", data, dict(self._options))

    async def add_bulk(self, rows: list[Any]) -> None:
        spread = self._options.get("levels")
        opts = {k: v for k, v in self._options.items() if k != "levels"}
        await self.queue.addBulk(
            [
                {
                    "name": "job",
                    "data": data,
                    "opts": {**opts, "priority": 1 + n % spread} if spread else dict(opts),
                }
                for n, data in enumerate(rows)
            ]
        )

    async def close(self) -> None:
        await self.queue.close()


async def work(
    url: str, concurrency: int, handle: Callable[[Any], None], sleep: float | None
) -> None:
    """Handles jobs until cancelled."""

    async def process(job: Job, token: str) -> None:
        handle(job.data)
        if sleep:
            await asyncio.sleep(sleep)

    options = {"connection": url, "concurrency": concurrency, "autorun": False}
    await Worker("bench", process, options).run()
