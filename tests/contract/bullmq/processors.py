"""Processors that do nothing but end, well or badly, or when they are let."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.contract.bullmq.signals import PATIENCE


async def done(job: Any, token: str) -> str:
    return "done"


async def fail(job: Any, token: str) -> None:
    raise ValueError("no")


async def by_name(job: Any, token: str) -> str:
    if job.name.startswith("bad"):
        raise ValueError(f"{job.name} is bad")
    return f"value of {job.name}"


class Gate:
    """A processor that counts how many jobs are inside and lets them out when opened."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.cancelled = False
        self._entered = asyncio.Event()
        self._open = asyncio.Event()

    async def process(self, job: Any, token: str) -> str:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self._entered.set()
        try:
            await asyncio.wait_for(self._open.wait(), PATIENCE)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        self.inside -= 1
        return "done"

    async def holds(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.inside < count:
                self._entered.clear()
                await self._entered.wait()

    def open(self) -> None:
        self._open.set()
