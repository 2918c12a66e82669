"""The lazy way from a queue, worker or listener to its place in the ledger."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from jetbull.connection import target_of
from jetbull.errors import ConnectionClosedError
from jetbull.ledger.hub import Hold, Target, acquire
from jetbull.ledger.store.store import QueueStore

log = logging.getLogger("jetbull.connection")

_FLUSH_SECONDS = 5.0  # whoever closes waits no longer for events to be stored


class Link:
    """A queue's lazy way to the ledger: connects on first use, in the loop that uses it."""

    def __init__(self, prefix: str, name: str, connection: Any) -> None:
        self.prefix = prefix
        self.name = name
        self._target = target_of(connection)
        self._hold: Hold | None = None
        self._store: QueueStore | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._opening: asyncio.Lock | None = None

    @property
    def target(self) -> Target:
        """Where it leads."""
        return self._target

    async def store(self) -> QueueStore:
        """The queue's ledger. ConnectionClosedError after `close`."""
        loop = asyncio.get_running_loop()
        if self._store is not None and self._loop is loop:
            return self._store
        self._check_open()
        if self._loop is not loop:
            self._loop, self._opening, self._hold, self._store = loop, asyncio.Lock(), None, None
        assert self._opening is not None
        async with self._opening:
            if self._store is None:
                if self._hold is None:
                    self._hold = await self._acquired()
                store = await self._hold.queue(self.prefix, self.name)
                self._check_open()
                self._store = store
        return self._store

    def _check_open(self) -> None:
        if self._closed:
            raise ConnectionClosedError("Connection is closed")

    async def _acquired(self) -> Hold:
        """A hold, unless this was closed meanwhile: nobody would let go of it."""
        self._check_open()
        hold = await acquire(self._target)
        if self._closed:
            await hold.release()
        self._check_open()
        return hold

    async def close(self) -> None:
        """Waits until pending events are stored, then lets go of the connection. Repeatable.

        Cancelling it ends the writing, and the connection is let go of all the same.
        """
        self._closed = True
        hold, self._hold, store, self._store = self._hold, None, self._store, None
        if hold is None or self._loop is not asyncio.get_running_loop():
            return
        try:
            if store is not None and hold.wire.is_connected:
                await self._flush(store)
        finally:
            await hold.release()

    async def _flush(self, store: QueueStore) -> None:
        try:
            async with asyncio.timeout(_FLUSH_SECONDS):
                await store.event_log.flush()
        except TimeoutError:
            log.warning("closing %s with events that are not stored yet", self.name)


__all__ = ["Link"]
