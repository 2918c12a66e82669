"""The lazy way from a queue, worker or listener to its place in the ledger."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

from jetbull.connection import target_of
from jetbull.errors import ConnectionClosedError
from jetbull.ledger.hub import Hold, Target, acquire
from jetbull.ledger.store.store import QueueStore

log = logging.getLogger("jetbull.connection")

_FLUSH_SECONDS = 5.0  # whoever closes waits no longer for events to be stored


@dataclass(slots=True)
class _Open:
    """What a link holds in one event loop."""

    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    hold: Hold | None = None
    store: QueueStore | None = None


class Link:
    """A queue's lazy way to the ledger: connects on first use, in the loop that uses it.

    After `close` it connects again when it is used, as in BullMQ for Python: what a program still
    asks a job of a closed worker or flow is answered. Another `close` lets go of that.
    """

    def __init__(self, prefix: str, name: str, connection: Any) -> None:
        self.prefix = prefix
        self.name = name
        self._target = target_of(connection)
        # A queue of a module may be used by several threads at once, each with a loop of its own.
        self._open: dict[asyncio.AbstractEventLoop, _Open] = {}
        self._closings = 0

    @property
    def target(self) -> Target:
        """Where it leads."""
        return self._target

    async def store(self) -> QueueStore:
        """The queue's ledger. ConnectionClosedError when this is closed meanwhile."""
        loop = asyncio.get_running_loop()
        here = self._open.get(loop)
        if here is not None and here.store is not None:
            return here.store
        closings = self._closings
        if here is None:
            for other in [other for other in list(self._open) if other.is_closed()]:
                self._open.pop(other, None)
            here = self._open[loop] = _Open()
        async with here.opening:
            if here.store is None:
                self._check_open(closings)
                if here.hold is None:
                    here.hold = await self._acquired(closings)
                store = await here.hold.queue(self.prefix, self.name)
                self._check_open(closings)
                here.store = store
        return here.store

    def _check_open(self, closings: int) -> None:
        if self._closings != closings:
            raise ConnectionClosedError("Connection is closed")

    async def _acquired(self, closings: int) -> Hold:
        """A hold, unless this was closed meanwhile: nobody would let go of it."""
        hold = await acquire(self._target)
        if self._closings != closings:
            await hold.release()
        self._check_open(closings)
        return hold

    async def close(self) -> None:
        """Waits until pending events are stored, then lets go of the connection. Repeatable.

        Cancelling it ends the writing, and the connection is let go of all the same.
        """
        self._closings += 1
        opened, self._open = self._open, {}
        here = opened.get(asyncio.get_running_loop())
        if here is None or here.hold is None:
            return
        try:
            if here.store is not None and here.hold.wire.is_connected:
                await self._flush(here.store)
        finally:
            await here.hold.release()

    async def _flush(self, store: QueueStore) -> None:
        try:
            async with asyncio.timeout(_FLUSH_SECONDS):
                await store.event_log.flush()
        except TimeoutError:
            log.warning("closing %s with events that are not stored yet", self.name)


__all__ = ["Link"]
