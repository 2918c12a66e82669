"""Group commit, for a server that writes through to the disk before it acknowledges.

With `sync_interval: always` an acknowledgement costs a disk write, for one message as for a
thousand: claims and outcomes sent one by one end at a few hundred a second, however many are under
way. Where that is so, those of all slots leave together in one atomic batch, and what gathers while
one is under way is the next. Elsewhere a batch costs more than its messages, so nothing is grouped.

Which of the two it is, is measured: now and then how long an answer took, by the answers before it.
A batch is refused as a whole when one guard fails; then its messages are sent one by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import NamedTuple
from uuid import uuid4

from jetbull.errors import AckTimeout, ConnectionClosedError, JetbullError, PayloadTooLarge
from jetbull.ledger.messages.templates import Template
from jetbull.ledger.wire import Wire

_MAX_BATCH = 1000  # messages, the server's limit
_PROBE_EVERY = 64  # messages
_MANY = 16  # under way: with fewer there is little to group
_SLOW = 0.001  # seconds per message
_SURE = 3  # slow probes in a row
_FIRST_TERM = 2000  # messages that are grouped before the server is measured again
_LONGEST_TERM = 100_000

OnStored = Callable[[int], None]


class _Entry(NamedTuple):
    template: Template
    token: bytes
    values: tuple[bytes, ...]
    payload: bytes
    on_stored: OnStored | None
    future: asyncio.Future[int]


class Grouping:
    """The way of claims and outcomes to the server: each by itself, or in groups."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._until_probe = _PROBE_EVERY
        self._slow = 0
        self._left = 0  # messages still to be grouped; 0: nothing is
        self._term = _FIRST_TERM
        self._waiting: list[_Entry] = []
        self._sending = False

    def post(
        self,
        template: Template,
        token: bytes,
        values: tuple[bytes, ...],
        payload: bytes,
        on_stored: OnStored | None = None,
    ) -> asyncio.Future[int]:
        """As `Wire.post_filled`."""
        if self._left:
            return self._group(template, token, values, payload, on_stored)
        answer = self._wire.post_filled(template, token, values, payload, on_stored)
        self._until_probe -= 1
        if not self._until_probe:
            self._until_probe = _PROBE_EVERY
            self._probe(answer)
        return answer

    def begin(self, messages: int) -> None:
        """Groups the next so many messages."""
        self._left = messages

    # --- is the server slow? -----------------------------------------------------------

    def _probe(self, answer: asyncio.Future[int]) -> None:
        ahead, begun = self._wire.unanswered, monotonic()
        if ahead >= _MANY:
            answer.add_done_callback(lambda _: self._judge((monotonic() - begun) / ahead))

    def _judge(self, seconds: float) -> None:
        if seconds < _SLOW:
            self._slow, self._term = 0, _FIRST_TERM
            return
        self._slow += 1
        if self._slow >= _SURE:
            self._slow = _SURE - 1  # one slow probe more is enough the next time
            self.begin(self._term)
            self._term = min(self._term * 4, _LONGEST_TERM)

    # --- groups ------------------------------------------------------------------------

    def _group(
        self,
        template: Template,
        token: bytes,
        values: tuple[bytes, ...],
        payload: bytes,
        on_stored: OnStored | None,
    ) -> asyncio.Future[int]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[int] = loop.create_future()
        self._waiting.append(_Entry(template, token, values, payload, on_stored, future))
        self._left -= 1
        if not self._sending:
            self._sending = True
            loop.call_soon(self._send)
        return future

    def _send(self) -> None:
        """Sends what has gathered, as one batch."""
        entries, self._waiting = self._waiting[:_MAX_BATCH], self._waiting[_MAX_BATCH:]
        if len(entries) == 1:
            self._one_by_one(entries)
            self._next()
            return
        batch = uuid4().hex.encode()
        try:
            for number, e in enumerate(entries[:-1], 1):
                extra = b"Nats-Batch-Id: %b\r\nNats-Batch-Sequence: %d\r\n" % (batch, number)
                self._wire.send_filled(e.template, e.token, e.values, e.payload, extra)
            last = entries[-1]
            extra = b"Nats-Batch-Id: %b\r\nNats-Batch-Sequence: %d\r\nNats-Batch-Commit: 1\r\n" % (
                batch,
                len(entries),
            )
            answer = self._wire.post_filled(
                last.template, last.token, last.values, last.payload, None, extra
            )
        except PayloadTooLarge:
            self._one_by_one(entries)  # it is one that is; what was sent of the batch is forgotten
            self._next()
            return
        except JetbullError as error:
            self._fail(entries, error)
            self._next()
            return
        answer.add_done_callback(lambda done: self._done(entries, done))

    def _done(self, entries: list[_Entry], answer: asyncio.Future[int]) -> None:
        error = None if answer.cancelled() else answer.exception()
        if answer.cancelled() or isinstance(error, AckTimeout | ConnectionClosedError):
            self._fail(entries, error or ConnectionClosedError("Connection is closed"))
        elif error is not None:
            self._one_by_one(entries)
        else:
            first = answer.result() - len(entries) + 1
            for number, e in enumerate(entries):
                if not e.future.done():
                    e.future.set_result(first + number)
                    if e.on_stored is not None:
                        e.on_stored(first + number)
        self._next()

    def _next(self) -> None:
        self._sending = bool(self._waiting)
        if self._sending:
            asyncio.get_running_loop().call_soon(self._send)

    def _one_by_one(self, entries: list[_Entry]) -> None:
        for e in entries:
            try:
                answer = self._wire.post_filled(
                    e.template, e.token, e.values, e.payload, e.on_stored
                )
            except JetbullError as error:
                self._fail([e], error)
            else:
                answer.add_done_callback(partial(_pass_on, e.future))

    def _fail(self, entries: list[_Entry], error: BaseException) -> None:
        for e in entries:
            if not e.future.done():
                e.future.set_exception(error)


def _pass_on(future: asyncio.Future[int], answer: asyncio.Future[int]) -> None:
    if answer.cancelled():
        future.cancel()
        return
    error = answer.exception()
    if future.done():
        return
    if error is None:
        future.set_result(answer.result())
    else:
        future.set_exception(error)


__all__ = ["Grouping", "OnStored"]
