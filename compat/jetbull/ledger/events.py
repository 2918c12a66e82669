"""The event log of a prefix: written in batches, in order, after the transition is stored.

`emit` only appends; one writer task publishes what has gathered and awaits the server's ack, so
the next batch is whatever arrived meanwhile: no timer, no added latency when idle. A batch that
was not acknowledged is repeated under the same message id, so it is stored once.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any
from uuid import uuid4

from jetbull.errors import AckTimeout, ConnectionClosedError, StoreError
from jetbull.ledger.names import Space
from jetbull.ledger.record import dumps, to_bytes
from jetbull.ledger.streams import ensure_streams
from jetbull.ledger.wire import Wire

log = logging.getLogger("jetbull.events")

Event = dict[str, Any]
_MAX_BATCH = 256 * 1024  # bytes of one message
_MAX_BACKLOG = 50_000  # events kept while the server is away


class EventLog:
    """Writer of one prefix's events over one connection."""

    def __init__(self, wire: Wire, space: Space) -> None:
        self._wire = wire
        self._space = space
        self._waiting: list[tuple[str, str]] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None

    def emit(self, subject: str, event: Event) -> None:
        """Queues one event; `event` holds `event` (its name) and BullMQ's arguments."""
        if len(self._waiting) >= _MAX_BACKLOG:
            log.warning("event backlog full, oldest event dropped: %s", self._waiting.pop(0)[0])
        self._waiting.append((subject, dumps(event)))
        self._idle.clear()
        self._wake.set()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._write())

    async def flush(self) -> None:
        """Returns when every event emitted so far is stored."""
        await self._idle.wait()

    async def close(self, timeout: float = 2.0) -> None:
        """Writes what is left, then ends the writer."""
        if self._task is None:
            return
        try:
            async with asyncio.timeout(timeout):
                await self._idle.wait()
        except TimeoutError:
            log.warning("%d events were not written before closing", len(self._waiting))
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch, self._waiting = self._waiting, []
                for subject, payload in _messages(batch):
                    if not await self._store(subject, payload):
                        return
            self._idle.set()

    async def _store(self, subject: str, payload: bytes) -> bool:
        """True when stored; False when the connection is closed for good."""
        headers = {"Nats-Msg-Id": uuid4().hex}
        while True:
            try:
                await (await self._wire.post(subject, payload, headers))
                return True
            except ConnectionClosedError:
                return False
            except (AckTimeout, StoreError) as error:
                log.debug("event batch not stored yet: %s", error)
                await self._wire.connected()
                if isinstance(error, StoreError):
                    await ensure_streams(self._wire, self._space)
                await asyncio.sleep(0.05)


def _messages(batch: list[tuple[str, str]]) -> list[tuple[str, bytes]]:
    """Groups consecutive events per subject into payloads of one JSON array each."""
    grouped: dict[str, list[str]] = {}
    sizes: dict[str, int] = {}
    done: list[tuple[str, bytes]] = []
    for subject, text in batch:
        rows = grouped.setdefault(subject, [])
        if rows and sizes[subject] + len(text) > _MAX_BATCH:
            done.append((subject, _array(rows)))
            rows.clear()
            sizes[subject] = 0
        rows.append(text)
        sizes[subject] = sizes.get(subject, 0) + len(text)
    done += [(subject, _array(rows)) for subject, rows in grouped.items() if rows]
    return done


def _array(rows: list[str]) -> bytes:
    return to_bytes("[" + ",".join(rows) + "]")


def decode(payload: bytes) -> list[Event]:
    """The events of one stored message, in order."""
    events: list[Event] = json.loads(payload)
    return events
