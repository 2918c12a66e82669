"""Two doors to one queue: what comes by one of them can be held up on its way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from jetbull import Queue
from jetbull.server import EmbeddedServer

from .proxy import Proxy


@asynccontextmanager
async def two_doors(server: EmbeddedServer, name: str) -> AsyncIterator[tuple[Proxy, Queue, Queue]]:
    """A proxy, the queue without it, and the same queue by way of it; for half a minute."""
    async with (
        Proxy(server.port) as proxy,
        Queue(name, {"connection": server.url}) as queue,
        Queue(name, {"connection": proxy.url}) as slow,
        asyncio.timeout(30),
    ):
        yield proxy, queue, slow
