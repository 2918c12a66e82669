"""What a worker sees to beside its jobs: one task of each kind at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from jetbull.errors import JetbullError
from jetbull.tasks import background

log = logging.getLogger("jetbull.worker")


class Background:
    """Tasks about the limits of one queue; what fails is left to the next time."""

    def __init__(self, queue: str) -> None:
        self._queue = queue
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def begin(self, kind: str, work: Callable[[], Awaitable[None]]) -> None:
        """Does it in a task, unless one of this kind is under way."""
        if kind not in self._tasks or self._tasks[kind].done():
            self._tasks[kind] = background(self.quietly(work))

    async def quietly(self, work: Callable[[], Awaitable[None]]) -> None:
        """Does it now."""
        try:
            await work()
        except JetbullError as error:
            log.debug("the limits of %s are seen to later: %s", self._queue, error)

    async def close(self) -> None:
        """Ends what is under way."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


__all__ = ["Background"]
