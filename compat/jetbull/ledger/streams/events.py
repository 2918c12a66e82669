"""The event log of a prefix: written in batches, in order, after the transition is stored.

`emit` only appends; one writer task publishes what has gathered and awaits the server's ack, so
the next batch is whatever arrived meanwhile. The first events after a lull go out at once; while
they keep coming, a message of them leaves every 2 ms, since one per job would cost as much as the
job. A batch that was not acknowledged is repeated under the same message id, so it is stored once.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from time import monotonic
from typing import Any
from uuid import uuid4

from jetbull.errors import AckTimeout, ConnectionClosedError, JetbullError, StoreError
from jetbull.ledger.messages.names import Space
from jetbull.ledger.messages.record import dumps, to_bytes
from jetbull.ledger.streams.event_limits import EventLimits
from jetbull.ledger.streams.streams import ensure_streams
from jetbull.ledger.wire import Wire
from jetbull.tasks import background

log = logging.getLogger("jetbull.events")

Event = dict[str, Any]
PART = "@part"  # name of a piece of an event that is too large for one message
_MAX_BATCH = 256 * 1024  # bytes of one message
_HEADERS = 256  # bytes; they count as the message's
_quote = json.encoder.encode_basestring
_PAUSE = 0.002  # seconds between two messages
_BURST = 4  # messages without a pause between, after a lull: one job's life has about so many
_CROWDED = 20_000  # events that wait before those who cause more are held up
_LAST_SECONDS = 2.0  # who closes waits no longer for events to be written


class EventLog:
    """Writer of one prefix's events over one connection."""

    def __init__(self, wire: Wire, space: Space) -> None:
        self._wire = wire
        self._space = space
        self.limits = EventLimits(wire, space.events)
        self._waiting: dict[str, list[str]] = {}  # events as JSON, by subject
        self._emitted = 0
        self._stored = 0
        self._flushes: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._credit = float(_BURST)  # messages that need no pause after them

    def emit(self, subject: str, event: Event) -> None:
        """Queues one event; `event` holds `event` (its name) and BullMQ's arguments, all text."""
        self.append(subject, _encode(event))

    def append(self, subject: str, text: str) -> None:
        """Queues one event that is JSON already."""
        rows = self._waiting.get(subject)
        if rows is None:
            self._waiting[subject] = [text]
            self._wake.set()
        else:
            rows.append(text)
        self._emitted += 1
        if self._task is None:
            self._task = background(self._write())

    def extend(self, subject: str, texts: list[str]) -> None:
        """As `append`, for several."""
        if texts:
            self.append(subject, texts[0])
            self._waiting[subject] += texts[1:]
            self._emitted += len(texts) - 1

    @property
    def crowded(self) -> bool:
        """Whether those who cause events should wait for `flush` first."""
        return self._emitted - self._stored > _CROWDED

    async def flush(self) -> None:
        """Returns when every event emitted before the call is stored (or the log was closed)."""
        if self._stored < self._emitted:
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._flushes.append((self._emitted, done))
            await done

    async def close(self) -> None:
        """Writes what is left, then ends the writer."""
        task = self._task
        if task is None:
            return
        try:
            async with asyncio.timeout(_LAST_SECONDS):
                await self.flush()
        except TimeoutError:
            log.warning("%d events were not written before closing", self._emitted - self._stored)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _write(self) -> None:
        try:
            while True:
                if not self._wake.is_set():
                    idle_since = monotonic()
                    await self._wake.wait()
                    earned = (monotonic() - idle_since) / _PAUSE
                    self._credit = min(_BURST, self._credit + earned)
                self._wake.clear()
                batch, self._waiting = self._waiting, {}
                number = self._emitted
                for subject, rows in batch.items():
                    payloads = _arrays(rows, self._wire.max_payload - _HEADERS)
                    for payload in payloads:
                        if not await self._store(subject, payload):
                            return
                    await self.limits.stored(subject, len(rows), len(payloads))
                self._stored = number
                self._tell(number)
                if self._credit >= 1:
                    self._credit -= 1
                elif not self._flushes:
                    await asyncio.sleep(_PAUSE)
        finally:
            self._task = None
            self._stored = self._emitted
            self._tell(self._stored)

    def _tell(self, number: int) -> None:
        while self._flushes and self._flushes[0][0] <= number:
            _, done = self._flushes.popleft()
            if not done.done():
                done.set_result(None)

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
                is_missing = isinstance(error, StoreError)
            await self._wait_for_stream(is_missing)

    async def _wait_for_stream(self, is_missing: bool) -> None:
        """Returns when it makes sense to try again, whatever the server says meanwhile."""
        await self._wire.connected()
        if is_missing:
            try:
                await ensure_streams(self._wire, self._space)
            except JetbullError as error:
                log.debug("the stream of events is not there yet: %s", error)
        await asyncio.sleep(0.05)


# These four are told of every job, and made without a dictionary in between.


def added(job_id: str, name: str) -> str:
    """A job was stored."""
    return f'{{"event":"added","jobId":{_quote(job_id)},"name":{_quote(name)}}}'


def waiting(job_id: str) -> str:
    """A new job waits."""
    return f'{{"event":"waiting","jobId":{_quote(job_id)}}}'


def active(job_id: str) -> str:
    """A waiting job was taken."""
    return f'{{"event":"active","jobId":{_quote(job_id)},"prev":"waiting"}}'


def completed(job_id: str, value: str) -> str:
    """A job returned `value`, as JSON."""
    text = f'"jobId":{_quote(job_id)},"returnvalue":{_quote(value)}'
    return f'{{"event":"completed",{text},"prev":"active"}}'


def _encode(event: Event) -> str:
    """One event as JSON: text only, so that no general encoder is needed."""
    try:
        return "{" + ",".join([f"{_quote(k)}:{_quote(v)}" for k, v in event.items()]) + "}"
    except TypeError:
        return dumps(event)


def _arrays(rows: list[str], largest: int) -> list[bytes]:
    """The events as few JSON arrays that fit into a message (of at most `largest` bytes) each."""
    payload = to_bytes("[" + ",".join(rows) + "]")
    if len(payload) <= min(_MAX_BATCH, largest):
        return [payload]
    if len(rows) == 1:
        return _in_parts(rows[0], largest) if len(payload) > largest // 2 else [payload]
    middle = len(rows) // 2
    return _arrays(rows[:middle], largest) + _arrays(rows[middle:], largest)


def _in_parts(text: str, largest: int) -> list[bytes]:
    """One event as several of the name `PART`, each small enough for a message."""
    size = largest // 16  # a character has up to 4 bytes, and twice as many where it is quoted
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    key, count = uuid4().hex, str(len(pieces))
    return [
        to_bytes(dumps([{"event": PART, "of": key, "count": count, "text": piece}]))
        for piece in pieces
    ]


class Puzzle:
    """Puts the parts of large events together; those whose beginning was not heard are dropped."""

    def __init__(self) -> None:
        self._parts: dict[str, list[str]] = {}

    def add(self, part: Event) -> Event | None:
        """The whole event, once its last part is there."""
        pieces = self._parts.setdefault(part["of"], [])
        pieces.append(part["text"])
        if len(pieces) < int(part["count"]):
            return None
        del self._parts[part["of"]]
        whole: Event = json.loads("".join(pieces))
        return whole


def decode(payload: bytes) -> list[Event]:
    """The events of one stored message, in order."""
    events: list[Event] = json.loads(payload)
    return events


__all__ = [
    "PART",
    "Event",
    "EventLog",
    "Puzzle",
    "active",
    "added",
    "completed",
    "decode",
    "waiting",
]
