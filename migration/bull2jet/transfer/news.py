"""Hearing that something was added to a queue in Redis."""

from __future__ import annotations

import anyio

from bull2jet.source.discovery import QueueFound
from bull2jet.source.door import Door
from bull2jet.source.generation import Library
from bull2jet.source.keys import QueueKeys, glob_escaped

_IDLE_SECONDS = 1.0  # `wait` returns at least this often, whatever the library tells
_BLOCK_MS = 5000


class News:
    """Hears from the library that something was added: BullMQ's event stream, Bull's channels."""

    def __init__(self, door: Door, found: QueueFound) -> None:
        self._door = door
        self._keys = QueueKeys(found.queue)
        self._bull = found.generation.library is Library.BULL
        self._event = anyio.Event()
        self.ready = anyio.Event()

    async def wait(self) -> None:
        """Returns when there is news, or after a second without."""
        with anyio.move_on_after(_IDLE_SECONDS):
            await self._event.wait()
        self._event = anyio.Event()

    async def listen(self) -> None:
        """Listens until cancelled."""
        if self._bull and not self._door.can_listen:
            self.ready.set()
            return  # the sweep once a second finds what is new
        if self._bull:
            pattern = f"{glob_escaped(self._keys.queue.key)}:*"
            async with self._door.published(pattern) as channels:
                self.ready.set()
                async for _ in channels:
                    self._event.set()
        stream, last = self._keys("events"), await self._newest()
        self.ready.set()
        while True:
            newest = await self._door.added(stream, last, _BLOCK_MS)
            if newest != last:
                last = newest
                self._event.set()

    async def _newest(self) -> str:
        answer = await self._door.call("XREVRANGE", self._keys("events"), "+", "-", "COUNT", 1)
        first = answer[0][0] if answer else b"0-0"
        return first.decode() if isinstance(first, bytes) else str(first)


__all__ = ["News"]
