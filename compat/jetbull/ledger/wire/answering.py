"""Answers: every question names a place of its own in one inbox, and somebody who waits for it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable
from time import monotonic
from typing import Any

from jetbull.errors import AckTimeout, ConnectionClosedError, PayloadTooLarge
from jetbull.ledger.wire.busy_poll import BusyPoll
from jetbull.ledger.wire.client import command_of
from jetbull.ledger.wire.connection import Connection
from jetbull.ledger.wire.replies import STORED, ForSequence, Waiter
from jetbull.ledger.wire.stored import Headers

log = logging.getLogger("jetbull.wire")

ACK_TIMEOUT = 5.0  # seconds
# Of whatever inbox: to compile one for each connection would take a tenth of making it.
_acknowledged = re.compile(rb"MSG ([^ ]+\.)(\d+) \d+ \d+\r\n%b\r\n" % STORED).match
_NESTED = 2  # groups within groups, for which a write is put off by as many turns of the loop
FEW = 2  # questions under way: one outcome of a job and the claim of the next
_CROWDED = 4 * 1024 * 1024  # bytes written ahead of the socket before senders wait


class Answering(Connection):
    """A connection over which questions are asked."""

    def __init__(self, servers: list[str], options: dict[str, Any]) -> None:
        super().__init__(servers, options)
        self._loop = asyncio.get_running_loop()
        self._inbox = ""
        self._reply_start = b""
        self._prefix = 0
        self._waiters: dict[bytes, Waiter] = {}
        self._busy_poll = BusyPoll(self._loop, lambda: len(self._waiters), 2 * FEW)
        self._next = 0
        self._groups = 0  # of questions that are being asked
        self._put_off = 0  # turns of the loop in which they were not sent
        self._sweeper: asyncio.TimerHandle | None = None

    async def _begin(self) -> None:
        self._inbox = self.new_inbox()
        self._reply_start = f"{self._inbox}.".encode()
        self._prefix = len(self._reply_start)
        await self.subscribe(self._inbox + ".*", self._on_reply, reader=self._read_acks)

    async def close(self) -> None:
        """Ends the connection and everything that waits for an answer."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        await super().close()

    @property
    def unanswered(self) -> int:
        """Questions that are under way."""
        return len(self._waiters)

    def hurry(self, most: int = FEW) -> None:
        """Sends what was gathered now if at `most` so many questions are under way: the caller will
        wait for them.

        Where much is, more comes in this turn of the event loop, and one write is for all.
        """
        if len(self._waiters) <= most and not self._groups:
            self._client.hurry()
            self._busy_poll.begin()

    def together(self, *questions: Awaitable[Any]) -> asyncio.Future[list[Any]]:
        """As `asyncio.gather`, for questions that do not depend on each other: they leave in one
        write. Each write wakes the server, which may answer the first before the next is sent.
        """
        self._groups += 1
        self._client.held = True
        answers = asyncio.gather(*questions)
        self._loop.call_soon(self._asked)  # behind the first steps of all
        return answers

    def _asked(self) -> None:
        self._groups -= 1
        if self._groups and self._put_off < _NESTED:
            self._put_off += 1  # one of them asks several in turn
            return
        self._put_off = 0
        self._client.held = self._groups > 0
        self._client.hurry()
        self._busy_poll.begin()

    @property
    def crowded(self) -> bool:
        """Whether so much was written that senders should wait for `room`."""
        return self._client.ahead > _CROWDED

    async def room(self) -> None:
        """Returns when the socket has taken what was written."""
        try:
            await self._client.room()
        except OSError as error:
            log.debug("connection lost while writing: %r", error)

    # --- asking ------------------------------------------------------------------------

    def _check_sendable(self) -> None:
        if not self._connected.is_set():
            raise AckTimeout(f"The connection to {self._url} was lost.{self._hindrance}")
        if self._closing:
            raise ConnectionClosedError("Connection is closed")

    def _push(self, command: bytes) -> None:
        """Sends a command if it can be sent at all."""
        self._check_sendable()
        if len(command) > self._client._max_payload:
            self._check_size(command)
        self._client.push(command)

    def _check_size(self, command: bytes) -> None:
        """PayloadTooLarge for a message for which the server would hang up."""
        # The headers count as well, the first line and the last line break do not.
        size = len(command) - command.index(b"\r\n") - 4
        if size > self._client._max_payload:
            raise PayloadTooLarge(
                f"A message of {size} bytes is larger than the {self.max_payload} the server "
                "takes: make it smaller, or raise max_payload in the server's configuration."
            )

    def _ask(self, subject: str, payload: bytes, headers: Headers | None, waiter: Waiter) -> None:
        place = self._new_place()
        self._push(command_of(subject, payload, f"{self._inbox}.{place.decode()}", headers))
        self._wait_at(place, waiter)

    def _new_place(self) -> bytes:
        """Where in the inbox the next answer is to be sent; `_wait_at` says for whom it is."""
        self._next += 1
        return b"%d" % self._next

    def _wait_at(self, place: bytes, waiter: Waiter) -> None:
        self._waiters[place] = waiter
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(0.5, self._sweep)

    # --- answers -----------------------------------------------------------------------

    def _on_reply(self, subject: bytes, _: bytes, data: bytes, block: bytes | None) -> None:
        token = subject[self._prefix :]
        waiter = self._waiters.get(token)
        if waiter is not None and waiter.feed(data, block):
            # Gone already when the answer's listener ended this connection.
            self._waiters.pop(token, None)

    def _read_acks(self, data: bytes, position: int) -> int:
        """As `_on_reply`, for acknowledgements that stand one behind the other: nearly all do."""
        while (found := _acknowledged(data, position)) is not None:
            start, token, seq = found.groups()
            waiter = self._waiters.get(token)
            if start != self._reply_start or not isinstance(waiter, ForSequence):
                break
            position = found.end()
            del self._waiters[token]
            waiter.stored(int(seq))
        return position

    def _sweep(self) -> None:
        """Fails the questions whose time is over; runs only while some are open."""
        now = monotonic()
        for token in [t for t, w in self._waiters.items() if w.deadline < now]:
            self._waiters.pop(token).fail(
                AckTimeout(f"The NATS server at {self._url} did not answer in time.{self._refusal}")
            )
        self._sweeper = None
        if self._waiters:
            self._sweeper = asyncio.get_running_loop().call_later(0.5, self._sweep)
        else:
            self._refusal = ""

    def _fail_all(self, error: Exception) -> None:
        waiters, self._waiters = self._waiters, {}
        for waiter in waiters.values():
            waiter.fail(error)


__all__ = ["ACK_TIMEOUT", "FEW", "Answering"]
