"""Queues and workers of one process that have connections of their own, as those of several."""

from __future__ import annotations

import asyncio
from typing import Any

from jetbull import Queue


def apart(url: str, number: int) -> dict[str, Any]:
    """Options with a connection of its own, as another process has."""
    return {"connection": {"url": url, "name": f"client{number}"}}


async def closed(*things: Any) -> None:
    for thing in things:
        await thing.close()


async def until_no_job_is_left(queue: Queue, *states: str) -> None:
    """Waits until none is in these states."""
    async with asyncio.timeout(60):
        while any((await queue.getJobCounts(*states)).values()):
            await asyncio.sleep(0.05)
