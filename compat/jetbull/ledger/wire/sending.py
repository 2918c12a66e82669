"""Sending: with an acknowledgement to wait for, or without one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any

from jetbull.errors import AckTimeout, JetbullError
from jetbull.ledger.messages.templates import Template
from jetbull.ledger.wire.answering import ACK_TIMEOUT, FEW, Answering
from jetbull.ledger.wire.client import command_of
from jetbull.ledger.wire.many_stored import ForMessages
from jetbull.ledger.wire.pace import Pace, Way
from jetbull.ledger.wire.replies import ForSequence
from jetbull.ledger.wire.stored import Headers

_OPEN_BATCHES = 16  # the server allows 50 per stream, shared by all clients
_ACK_DELAY = 0.01  # seconds
_ACKS = 100  # sent without waiting for others
_SOME = 16  # messages: more are written at once, fewer together with those of other callers


class Sending(Answering):
    """A connection by which messages are published and acknowledged."""

    def __init__(self, servers: list[str], options: dict[str, Any]) -> None:
        super().__init__(servers, options)
        self._acks: list[str] = []
        self._acker: asyncio.TimerHandle | None = None
        self.batch_slots = asyncio.Semaphore(_OPEN_BATCHES)
        self.batch_limit: int | None = None  # messages in a batch, once the server refused more
        self.batch_proven = 1000  # so many it takes; every server does, unless told otherwise
        # Of insertions: noted, and in a batch, for which the server makes a file store.
        self.pace = Pace(Way(0.0005, 0.00004), Way(0.005, 0.00005))

    async def close(self) -> None:
        """Ends the connection and everything that waits for an answer."""
        if self._acks:
            self.flush_acks()
        await super().close()

    # --- without an answer -------------------------------------------------------------

    async def send(
        self, subject: str, payload: bytes = b"", reply: str = "", headers: Headers | None = None
    ) -> None:
        """Fire and forget (core NATS): lost while the connection is down."""
        if self.crowded:
            await self.room()
        self.send_now(subject, payload, reply, headers)

    def send_now(
        self, subject: str, payload: bytes = b"", reply: str = "", headers: Headers | None = None
    ) -> None:
        """As `send`, without waiting for room."""
        if self._connected.is_set() or self._closing:
            self._push(command_of(subject, payload, reply, headers))

    def ack(self, reply: str) -> None:
        """Acknowledges a consumer's message, some milliseconds later; lost with the connection.

        Acknowledged one by one between guarded messages, each would make the server read a block
        of the stream from disk again: it lets go of the block with the message, and looks into it
        for the next guard.
        """
        self._acks.append(reply)
        if len(self._acks) == 1:
            self._acker = self._loop.call_later(_ACK_DELAY, self.flush_acks)
        elif len(self._acks) >= _ACKS:
            self.flush_acks()

    def flush_acks(self) -> None:
        """Sends what `ack` has gathered."""
        acks, self._acks = self._acks, []
        if self._acker is not None:
            self._acker.cancel()
        if acks and self._connected.is_set() and not self._closing:
            self._client.push("".join(f"PUB {r}  4\r\n+ACK\r\n" for r in acks).encode())

    # --- to a stream -------------------------------------------------------------------

    async def post(
        self,
        subject: str,
        payload: bytes,
        headers: Headers | None = None,
        on_stored: Callable[[int], None] | None = None,
        timeout: float = ACK_TIMEOUT,
    ) -> asyncio.Future[int]:
        """Publishes to a stream; the future gives the sequence, `Conflict` or another error."""
        if self.crowded:
            await self.room()
        return self.post_now(subject, payload, headers, on_stored, timeout)

    def post_now(
        self,
        subject: str,
        payload: bytes,
        headers: Headers | None = None,
        on_stored: Callable[[int], None] | None = None,
        timeout: float = ACK_TIMEOUT,
    ) -> asyncio.Future[int]:
        """As `post`, without waiting for room: for callers that have few messages under way.

        That the connection is lost is told by the future, whenever it was.
        """
        future: asyncio.Future[int] = self._loop.create_future()
        waiter = ForSequence(monotonic() + timeout, future, on_stored)
        try:
            self._ask(subject, payload, headers, waiter)
        except AckTimeout as error:
            waiter.fail(error)
        return future

    def post_filled(
        self,
        template: Template,
        token: bytes,
        values: tuple[bytes, ...],
        payload: bytes,
        on_stored: Callable[[int], None] | None = None,
        more: bytes = b"",
    ) -> asyncio.Future[int]:
        """As `post_now`, for a message from a template; `more` are lines for its header."""
        place = self._new_place()
        reply = self._reply_start + place
        self._push(template.command(token, values, reply, payload, more))
        future: asyncio.Future[int] = self._loop.create_future()
        self._wait_at(place, ForSequence(monotonic() + ACK_TIMEOUT, future, on_stored))
        return future

    def begin_many(self, count: int, on_stored: Callable[[list[int]], None]) -> ForMessages:
        """For so many messages that are waited for together.

        Each is made ready; `send_ready` sends those that are.
        """
        return ForMessages(count, on_stored)

    def ready_one(
        self, of: ForMessages, number: int, subject: str, payload: bytes, headers: Headers
    ) -> None:
        """Makes a message ready that is waited for together with others."""
        place = self._new_place()
        command = command_of(subject, payload, f"{self._inbox}.{place.decode()}", headers)
        self._check_size(command)
        of.ready.append((number, place, command))

    def ready_filled(
        self,
        of: ForMessages,
        template: Template,
        messages: Iterable[tuple[int, bytes, tuple[bytes, ...], bytes]],
    ) -> None:
        """As `ready_one` for each, by number, token, values and payload, from a template."""
        for number, token, values, payload in messages:
            place = self._new_place()
            command = template.command(token, values, self._reply_start + place, payload)
            of.ready.append((number, place, command))

    def send_ready(self, of: ForMessages, is_time: Callable[[], bool]) -> None:
        """Sends what was made ready, all of which fits into one message, if it is time for it."""
        ready, deadline = of.take_ready(), monotonic() + ACK_TIMEOUT
        commands = b"".join([command for _, _, command in ready])
        error: JetbullError = AckTimeout("These messages were not sent: it was too late for them.")
        try:
            self._check_sendable()
            for number, place, _ in ready:
                self._wait_at(place, of.one(number, deadline))
            # Asked last: a process may stand still for any time.
            if is_time():
                self._client.push(commands)
                if len(ready) > _SOME:
                    self._client.hurry()
                else:
                    self.hurry(max(FEW, len(ready)))
                return
        except JetbullError as lost:
            error = lost
        for number, place, _ in ready:
            self._waiters.pop(place, None)
            of.refuse(number, error)

    def send_filled(
        self,
        template: Template,
        token: bytes,
        values: tuple[bytes, ...],
        payload: bytes,
        more: bytes,
    ) -> None:
        """As `post_filled`, without asking for an answer: for all of a batch but its last."""
        self._push(template.command(token, values, b"", payload, more))


__all__ = ["Sending"]
