"""A callback every so many seconds (BullMQ: bullmq.timer)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from jetbull.tasks import background


class Timer:
    """Runs until `stop`; an error of the callback is emitted as `error` and ends it."""

    def __init__(
        self,
        interval: float,
        callback: Callable[..., Awaitable[Any]],
        emit_callback: Callable[..., Any],
        *args: Any,
        **kwargs: Any,
    ) -> None:
        self.interval = interval
        self._callback = callback
        self._emit = emit_callback
        self._args, self._kwargs = args, kwargs
        self._task = background(self._run())

    async def _run(self) -> None:
        try:
            while True:
                await asyncio.sleep(self.interval)
                await self._callback(*self._args, **self._kwargs)
        except Exception as error:
            self._emit("error", error)

    def stop(self) -> None:
        """Ends the timer."""
        self._task.cancel()


__all__ = ["Timer"]
