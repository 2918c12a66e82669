"""For tests of lost answers: a queue whose server can be made to fall silent, and its worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from jetbull import Queue

from .noted import Running
from .proxy import Proxy

_FIRST = 20
#: Of the jobs that have run the last one is left, and no trace of the others.
KEEP = {"removeOnComplete": {"count": 1}}


@dataclass(frozen=True, slots=True)
class Far:
    """`queue` adds by way of `proxy`, `near` without it; `running` runs what is added."""

    near: Queue
    queue: Queue
    proxy: Proxy
    running: Running

    async def trimmed(self, jobs: int) -> None:
        """Returns when so many jobs, and another one behind them, ran: they are gone then."""
        await self.running.done(jobs)
        await self.near.add("next", 0, KEEP)
        await self.running.done(1)

    async def heard(self, under_way: asyncio.Future[Any]) -> list[str]:
        """Heals the connection; what ran behind the first jobs when what was under way is over."""
        self.proxy.heal()
        await under_way
        await self.near.add("last", 0, KEEP)
        await self.running.done(1)
        return self.running.ran[_FIRST:]


@asynccontextmanager
async def far_from(queue: Queue) -> AsyncIterator[Far]:
    """A second door to the queue, for which numbers are reserved: it needs to ask for none."""
    running = Running(queue)
    async with Proxy(int(urlsplit(queue.opts["connection"]).port or 0)) as proxy:
        far = Queue(queue.name, {"connection": proxy.url})
        for _ in range(_FIRST):
            await far.add("first", 0, KEEP)
        await running.done(_FIRST)
        yield Far(queue, far, proxy, running)
        await far.close()
    await running.worker.close()
