"""Whether a worker or a listener is ready, which others wait for."""

from __future__ import annotations

import asyncio


class Ready:
    """Not yet, ready, or never: then whoever waits gets the error that tells why."""

    def __init__(self) -> None:
        self.event = asyncio.Event()  # set as well when it never will be
        self._fault: Exception | None = None

    def set(self) -> None:
        """It is ready from now on."""
        self.event.set()

    def never(self, error: Exception) -> None:
        """Whoever waits does so in vain, and gets `error`; nothing happens if it is ready."""
        if not self.event.is_set():
            self._fault = error
            self.event.set()

    def begin_again(self) -> None:
        """What went wrong is tried once more; nothing happens if nothing did."""
        if self._fault is not None:
            self._fault = None
            self.event.clear()

    async def wait(self) -> None:
        """Returns when it is ready; raises why it will never be."""
        await self.event.wait()
        if self._fault is not None:
            raise self._fault


__all__ = ["Ready"]
