"""Asking and telling: acknowledged publishes, questions, reads, over one inbox."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from time import monotonic, time
from typing import Any, TypeVar

from jetbull.errors import (
    AckTimeout,
    ConnectionClosedError,
    PayloadTooLarge,
    StoreError,
    StreamMissing,
)
from jetbull.ledger import clock
from jetbull.ledger.replies import (
    ForAnswer,
    ForMany,
    ForPicks,
    ForSequence,
    Headers,
    Msg,
    Stored,
    Waiter,
    store_error,
    stored_by_leader,
    stored_of,
)
from jetbull.ledger.templates import Template
from jetbull.ledger.wire.client import command_of
from jetbull.ledger.wire.connection import Connection

log = logging.getLogger("jetbull.wire")
Pick = TypeVar("Pick")

ACK_TIMEOUT = 5.0  # seconds
READ_PATIENCE = 30.0  # seconds a reader waits for a server that is away
_OPEN_BATCHES = 16  # the server allows 50 per stream, shared by all clients
_NO_MESSAGE = 10037
_FEW = 2  # questions under way: one job's outcome and the claim of the next
_ACK_DELAY = 0.01  # seconds
_ACKS = 100  # sent without waiting for others
_CROWDED = 4 * 1024 * 1024  # bytes written ahead of the socket before senders wait


class Wire(Connection):
    """The ledger's way to the server; `open` makes one."""

    def __init__(self, servers: list[str], options: dict[str, Any]) -> None:
        super().__init__(servers, options)
        self._loop = asyncio.get_running_loop()
        self._inbox = ""
        self._reply_start = b""
        self._prefix = 0
        self._waiters: dict[bytes, Waiter] = {}
        self._next = 0
        self._sweeper: asyncio.TimerHandle | None = None
        self._acks: list[str] = []
        self._acker: asyncio.TimerHandle | None = None
        self.batch_slots = asyncio.Semaphore(_OPEN_BATCHES)
        self.batch_limit: int | None = None  # messages in a batch, once the server refused more
        self.batch_proven = 1000  # so many it takes; every server does, unless told otherwise

    @classmethod
    async def open(cls, servers: list[str], **options: Any) -> Wire:
        """Connects; one sentence when no server is there or it cannot do what is needed."""
        wire = cls(servers, options)
        await wire._connect()
        return wire

    async def _begin(self) -> None:
        self._inbox = self.new_inbox()
        self._reply_start = f"{self._inbox}.".encode()
        self._prefix = len(self._reply_start)
        await self.subscribe(self._inbox + ".*", self._on_reply)

    async def close(self) -> None:
        """Ends the connection and everything that waits for an answer."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._acks:
            self.flush_acks()
        await super().close()

    # --- sending -----------------------------------------------------------------------

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
            self._check_sendable(payload)
            self._client.push(command_of(subject, payload, reply, headers))

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

    def _check_sendable(self, payload: bytes) -> None:
        if not self._connected.is_set():
            raise AckTimeout(f"The connection to {self._url} was lost.")
        if len(payload) > self._client._max_payload:
            raise PayloadTooLarge(
                f"A message of {len(payload)} bytes is larger than the {self.max_payload} the "
                "server takes: make it smaller, or raise max_payload in the server's configuration."
            )
        if self._closing:
            raise ConnectionClosedError("Connection is closed")

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
        """As `post`, without waiting for room: for callers that have few messages under way."""
        future: asyncio.Future[int] = self._loop.create_future()
        waiter = ForSequence(monotonic() + timeout, future, on_stored)
        self._ask(subject, payload, headers, waiter)
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
        self._check_sendable(payload)
        future: asyncio.Future[int] = self._loop.create_future()
        reply = self._expect(ForSequence(monotonic() + ACK_TIMEOUT, future, on_stored))
        self._client.push(template.command(token, values, reply, payload, more))
        return future

    def send_filled(
        self,
        template: Template,
        token: bytes,
        values: tuple[bytes, ...],
        payload: bytes,
        more: bytes,
    ) -> None:
        """As `post_filled`, without asking for an answer: for all of a batch but its last."""
        self._check_sendable(payload)
        self._client.push(template.command(token, values, b"", payload, more))

    @property
    def unanswered(self) -> int:
        """Questions that are under way."""
        return len(self._waiters)

    def hurry(self) -> None:
        """Sends what was gathered now if little is under way: the caller will wait for it.

        Where much is, more comes in this turn of the event loop, and one write is for all.
        """
        if len(self._waiters) <= _FEW:
            self._client.hurry()

    async def request(
        self, subject: str, payload: bytes = b"", timeout: float = ACK_TIMEOUT
    ) -> Msg:
        """One question, one raw answer. `StreamMissing` when nobody listens."""
        waiter = ForAnswer(monotonic() + timeout)
        self._ask(subject, payload, None, waiter)
        answer: Msg = await waiter.future
        return answer

    async def question(
        self, subject: str, payload: bytes = b"", headers: Headers | None = None
    ) -> asyncio.Future[Msg]:
        """Like `request`, but the caller decides when to wait."""
        waiter = ForAnswer(monotonic() + ACK_TIMEOUT)
        self._ask(subject, payload, headers, waiter)
        return waiter.future

    async def _read(
        self, subject: str, payload: bytes, make: Callable[[], ForAnswer | ForMany | ForPicks]
    ) -> Any:
        """Asks again when the answer was lost; for what may be asked twice."""
        deadline = monotonic() + READ_PATIENCE
        while True:
            try:
                waiter = make()
                self._ask(subject, payload, None, waiter)
                return await waiter.future
            except AckTimeout:
                try:
                    async with asyncio.timeout(deadline - monotonic()):
                        await self.connected()
                except TimeoutError:
                    raise AckTimeout(
                        f"The NATS server at {self._url} did not answer in time."
                    ) from None

    async def api(
        self, verb: str, body: Mapping[str, Any] | None = None, timeout: float = ACK_TIMEOUT
    ) -> dict[str, Any]:
        """A JetStream API call; raises for an error answer. Repeated when the answer is lost."""
        payload = json.dumps(body).encode() if body is not None else b""
        asked = time()

        def make() -> ForAnswer:
            nonlocal asked
            asked = time()
            return ForAnswer(monotonic() + timeout)

        msg = await self._read(f"$JS.API.{verb}", payload, make)
        answer: dict[str, Any] = json.loads(msg.data)
        if "error" in answer:
            raise store_error(answer["error"])
        if "ts" in answer:
            clock.observe(answer["ts"], asked, time())
        return answer

    async def get_batch(self, stream: str, query: Mapping[str, Any]) -> list[Stored]:
        """A multi-answer direct get (ADR-31); an empty list when nothing matches."""
        found: list[Stored] = await self._read(
            f"$JS.API.DIRECT.GET.{stream}",
            json.dumps(query).encode(),
            lambda: ForMany(monotonic() + ACK_TIMEOUT),
        )
        return found

    async def get_picks(
        self, stream: str, query: Mapping[str, Any], pick: Callable[[int, bytes], Pick]
    ) -> tuple[list[Pick], int]:
        """As `get_batch`, of many messages only what `pick(sequence, data)` makes of each.

        Also how many more there are of what was asked for.
        """
        found: tuple[list[Pick], int] = await self._read(
            f"$JS.API.DIRECT.GET.{stream}",
            json.dumps(query).encode(),
            lambda: ForPicks(monotonic(), ACK_TIMEOUT, pick),
        )
        return found

    async def get_one(self, stream: str, query: Mapping[str, Any]) -> Stored | None:
        """A single direct get (`last_by_subj`, `next_by_subj`, `seq`)."""
        msg = await self._read(
            f"$JS.API.DIRECT.GET.{stream}",
            json.dumps(query).encode(),
            lambda: ForAnswer(monotonic() + ACK_TIMEOUT),
        )
        headers = msg.headers or {}
        if "Nats-Sequence" in headers:
            return stored_of(msg.data, headers)
        if headers.get("Status") == "404":
            return None
        raise StoreError(f"The server refused a read: {headers.get('Description', headers)}")

    async def get_last(self, stream: str, subject: str) -> Stored | None:
        """The newest message on `subject` (wildcards allowed), as the stream's leader knows it.

        Direct gets may be answered by a replica that is behind; where a decision rests on having
        seen one's own write, ask here.
        """
        return await self._by_leader(stream, {"last_by_subj": subject})

    async def get_at(self, stream: str, seq: int) -> Stored | None:
        """The message with that sequence, as the stream's leader knows it."""
        return await self._by_leader(stream, {"seq": seq})

    async def get_next(self, stream: str, subject: str, seq: int) -> Stored | None:
        """The first message on `subject` (wildcards allowed) from `seq` on, as the leader knows it.

        What lies far behind `seq` costs time: the server looks through all between.
        """
        return await self._by_leader(stream, {"next_by_subj": subject, "seq": seq})

    async def _by_leader(self, stream: str, query: Mapping[str, Any]) -> Stored | None:
        try:
            answer = await self.api(f"STREAM.MSG.GET.{stream}", query)
        except StreamMissing as error:
            if error.code == _NO_MESSAGE:
                return None
            raise
        return stored_by_leader(answer["message"])

    def _ask(self, subject: str, payload: bytes, headers: Headers | None, waiter: Waiter) -> None:
        self._check_sendable(payload)
        command = command_of(subject, payload, f"{self._inbox}.{self._next + 1}", headers)
        self._expect(waiter)
        self._client.push(command)

    def _expect(self, waiter: Waiter) -> bytes:
        """Where the answer for the waiter is to be sent."""
        self._next += 1
        token = b"%d" % self._next
        self._waiters[token] = waiter
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(0.5, self._sweep)
        return self._reply_start + token

    # --- answers -----------------------------------------------------------------------

    def _on_reply(self, subject: bytes, _: bytes, data: bytes, block: bytes | None) -> None:
        token = subject[self._prefix :]
        waiter = self._waiters.get(token)
        if waiter is not None and waiter.feed(data, block):
            # Gone already when the answer's listener ended this connection.
            self._waiters.pop(token, None)

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


__all__ = ["Wire"]
