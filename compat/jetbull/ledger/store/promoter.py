"""Precision for near due times: this process promotes on the millisecond what the server would
promote up to 250 ms late. If the process is gone, the server's schedule does it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from heapq import heappop, heappush

from jetbull.errors import JetbullError
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.placing import HORIZON_MS
from jetbull.tasks import background

log = logging.getLogger("jetbull.promoter")

_MAX_ARMED = 10_000
_AT_ONCE = 50

Promote = Callable[[Sequence[tuple[str, int]]], Awaitable[None]]
"""Promotes jobs, each an id and when it is due."""


class Promoter:
    """One timer loop per queue; jobs further away than the horizon are left to the server."""

    def __init__(self, promote: Promote) -> None:
        self._promote = promote
        self._heap: list[tuple[int, int, str]] = []
        self._armed = 0
        self._told: dict[tuple[str, int], None] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def arm(self, job_id: str, due_ms: int) -> None:
        """Promotes the job at `due_ms`, if that is near."""
        if due_ms - now_ms() > HORIZON_MS or len(self._heap) >= _MAX_ARMED:
            return
        self._armed += 1  # jobs of one millisecond keep the order they were added in
        heappush(self._heap, (due_ms, self._armed, job_id))
        self._wake.set()
        if self._task is None or self._task.done():
            self._task = background(self._run())

    @property
    def is_armed(self) -> bool:
        """Whether jobs are to be promoted soon, or are just now."""
        return self._task is not None and not self._task.done()

    def tell(self, job_id: str, due_ms: int) -> None:
        """Notes that this process promoted the job that was due then, and told of it."""
        self._told[job_id, due_ms] = None
        if len(self._told) > _MAX_ARMED:
            del self._told[next(iter(self._told))]

    def has_told(self, job_id: str, due_ms: int) -> bool:
        """Whether `tell` noted it lately: the server's schedule may fire all the same (`late`)."""
        return (job_id, due_ms) in self._told

    async def close(self) -> None:
        """Ends the loop; what was armed is left to the server."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while self._heap:
            wait = (self._heap[0][0] - now_ms()) / 1000
            if wait > 0:
                self._wake.clear()
                try:
                    async with asyncio.timeout(wait):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                continue
            try:
                await self._promote(self._due())
            except JetbullError as error:
                log.debug("jobs are left to the server's schedule: %s", error)

    def _due(self) -> list[tuple[str, int]]:
        """Takes out the jobs that are due, some at a time."""
        now, some = now_ms(), list[tuple[str, int]]()
        while self._heap and self._heap[0][0] <= now and len(some) < _AT_ONCE:
            due_ms, _, job_id = heappop(self._heap)
            some.append((job_id, due_ms))
        return some


__all__ = ["Promoter"]
