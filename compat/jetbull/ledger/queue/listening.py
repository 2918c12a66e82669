"""Reading a queue's event log from any point, without missing one.

An ordered consumer: the server pushes, and after a lost connection or a gap it is made again
behind the last event seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from jetbull.checks import shown
from jetbull.errors import (
    AckTimeout,
    ConfigurationError,
    ConnectionClosedError,
    StoreError,
    StreamMissing,
)
from jetbull.ledger.messages.record import dumps
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.streams.events import PART, Event, Puzzle, decode
from jetbull.ledger.streams.streams import ensure_streams
from jetbull.ledger.wire import Msg, Subscription

_PER_MESSAGE = 10_000  # events of one message that ids can tell apart
_HEARTBEAT_S = 5
_PAGE = 500
_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0  # after an error
_LASTS = 3  # errors in a row: it does not pass by itself
_TURNS_S = 0.01  # some turns of the event loop

OnEvent = Callable[[Event, str], None]
OnError = Callable[[Exception], None]


def event_id(time_ms: int, seq: int, index: int) -> str:
    """An id that looks and sorts like a Redis stream id."""
    return f"{time_ms}-{seq * _PER_MESSAGE + index}"


def position(last_id: str) -> tuple[int, int, int]:
    """(ms, sequence, index) of an event id; sequence 0 when it names only a time."""
    time_text, _, rest = last_id.partition("-")
    try:
        time_ms, number = int(time_text), int(rest or 0)
        datetime.fromtimestamp(time_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        raise ConfigurationError(
            f"lastEventId is '$', '0' or the id of an event, not {shown(last_id)}."
        ) from None
    return time_ms, number // _PER_MESSAGE, number % _PER_MESSAGE


class Listener:
    """Hands every event of a queue to `on_event`, in order, until cancelled.

    `on_error` learns what keeps it from listening, once that lasts.
    """

    def __init__(
        self, store: QueueStore, last_id: str, on_event: OnEvent, on_error: OnError
    ) -> None:
        self._store = store
        self._on_event = on_event
        self._on_error = on_error
        self._start = last_id
        self._after: tuple[int, int] | None = None
        self._created = ""  # when the stream was, that was listened to
        self._puzzle = Puzzle()
        self._expected = 1
        self._inbox = ""
        self._consumer = ""
        self._broken = asyncio.Event()
        self._alive = asyncio.Event()
        self._telling = last_id in ("$", "")
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Listens until cancelled."""
        wire = self._store.wire
        forget = wire.on_reconnect(self._break)
        errors = 0  # in a row
        try:
            while True:
                subscription: Subscription | None = None
                self._broken.clear()
                try:
                    subscription = await self._begin()
                    errors = 0
                    await self._watch()
                except (AckTimeout, StoreError) as error:
                    errors += 1
                    if errors >= _LASTS:
                        self._on_error(error)
                    await wire.connected()
                    await asyncio.sleep(min(_PAUSE_S * 2 ** min(errors - 1, 9), _LONGEST_PAUSE_S))
                finally:
                    if subscription is not None:
                        await wire.unsubscribe(subscription)
                    await self._end_consumer()
        finally:
            forget()

    def _break(self) -> None:
        self._broken.set()
        self._alive.set()

    async def _end_consumer(self) -> None:
        """Lets the server forget the consumer now; without this it would in 30 seconds.

        Also one whose making was not answered yet when the listener was cancelled.
        """
        if not self._consumer:
            return
        verb = f"$JS.API.CONSUMER.DELETE.{self._store.names.space.events}.{self._consumer}"
        try:
            await self._store.wire.send(verb)
        except ConnectionClosedError:
            return
        finally:
            self._consumer = ""

    async def _watch(self) -> None:
        """Returns when the consumer is broken or silent for three heartbeats."""
        while not self._broken.is_set():
            self._alive.clear()
            try:
                async with asyncio.timeout(3 * _HEARTBEAT_S):
                    await self._alive.wait()
            except TimeoutError:
                return

    async def _begin(self) -> Subscription:
        store = self._store
        if self._is_new:
            await store.event_log.flush()  # what this process has not written yet is not new
        await self._look_at_stream()
        self._inbox = store.wire.new_inbox()
        self._expected = 1
        subscription = await store.wire.subscribe(self._inbox, self._on_message)
        name = self._consumer = uuid4().hex
        config: dict[str, Any] = {
            "name": name,
            "deliver_subject": self._inbox,
            "ack_policy": "none",
            "max_deliver": 1,
            "mem_storage": True,
            "num_replicas": 1,
            "idle_heartbeat": _HEARTBEAT_S * 1_000_000_000,
            "inactive_threshold": 30 * 1_000_000_000,
            "filter_subject": store.names.events,
            **self._where(),
        }
        stream = store.names.space.events
        body = {"stream_name": stream, "config": config, "action": "create"}
        try:
            await store.wire.api(f"CONSUMER.CREATE.{stream}.{name}.{store.names.events}", body)
        except BaseException:
            await store.wire.unsubscribe(subscription)
            raise
        self.ready.set()
        return subscription

    @property
    def _is_new(self) -> bool:
        """Whether it begins with what comes, and nothing has."""
        return self._start in ("$", "") and self._after is None

    async def _look_at_stream(self) -> None:
        """What was heard says nothing of a stream that was made anew, or lost its end."""
        wire, space = self._store.wire, self._store.names.space
        try:
            info = await wire.api(f"STREAM.INFO.{space.events}")
        except StreamMissing:
            await ensure_streams(wire, space)
            info = await wire.api(f"STREAM.INFO.{space.events}")
        last = int(info["state"]["last_seq"])
        if self._created not in ("", info["created"]):
            self._after, self._start = None, "0"
        elif self._is_new or (self._after is not None and self._after[0] > last):
            # New is what comes from here on, also over a connection that is lost before any does.
            self._after = (last, _PER_MESSAGE)
        self._created = info["created"]

    def _where(self) -> dict[str, Any]:
        if self._after is not None:
            if not self._after[0]:
                return {"deliver_policy": "all"}
            return {"deliver_policy": "by_start_sequence", "opt_start_seq": self._after[0]}
        time_ms, seq, index = position(self._start)
        if seq:
            self._after = (seq, index)
            return {"deliver_policy": "by_start_sequence", "opt_start_seq": seq}
        if time_ms:
            moment = datetime.fromtimestamp(time_ms / 1000, UTC).isoformat()
            return {"deliver_policy": "by_start_time", "opt_start_time": moment}
        return {"deliver_policy": "all"}

    async def _on_message(self, msg: Msg) -> None:
        self._alive.set()
        if not msg.reply:
            headers = msg.headers or {}
            last = headers.get("Nats-Last-Consumer")
            if last is not None and int(last) != self._expected - 1:
                self._break()
            return
        parts = msg.reply.split(".")
        shift = 0 if len(parts) == 9 else 2
        if int(parts[6 + shift]) != self._expected:
            self._break()
            return
        if not self._telling:
            await self.ready.wait()
            await asyncio.sleep(_TURNS_S)  # who waited for that adds listeners before the history
            self._telling = True
        self._expected += 1
        seq, time_ms = int(parts[5 + shift]), int(parts[7 + shift]) // 10**6
        for index, event in enumerate(decode(msg.data)):
            if self._after is not None and (seq, index) <= self._after:
                continue
            self._after = (seq, index)
            whole = self._puzzle.add(event) if event["event"] == PART else event
            if whole is not None:
                self._on_event(whole, event_id(time_ms, seq, index))


async def publish(store: QueueStore, event: Event) -> None:
    """Writes one custom event and returns when it is stored."""
    dumps(event)  # a name that is no JSON is refused here, not in the writer
    store.event_log.emit(store.names.events, event)
    await store.event_log.flush()


async def count(store: QueueStore) -> int:
    """How many events are stored."""
    await store.event_log.flush()
    total, seq = 0, 1
    while True:
        query = {"next_by_subj": store.names.events, "seq": seq, "batch": _PAGE}
        found = await store.wire.get_batch(store.names.space.events, query)
        total += sum(len(decode(message.data)) for message in found)
        if not found or not found[-1].pending:
            return total
        seq = found[-1].seq + 1


__all__ = ["Listener", "count", "event_id", "publish"]
