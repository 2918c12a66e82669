"""The one module that imports nats-py: a connection with cheap acknowledged publishes.

All replies come to one inbox subscription and are told apart by a counter in the reply subject,
so an acknowledged publish costs a future, not a subscription or a task. When the connection
drops, every open question fails at once with `AckTimeout`: the caller decides what to repeat.

nats-py connects, authenticates and parses. The two ends of its pipe are shortened, since they would
be half of a job's cost: what one turn of the event loop sends is gathered and written at once, and
plain functions that listen are called by the reader itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from inspect import iscoroutinefunction
from time import monotonic, time
from typing import Any

from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg as NatsMsg
from nats.aio.subscription import Subscription as NatsSubscription
from nats.aio.transport import TcpTransport
from nats.errors import Error as NatsError
from nats.errors import NoServersError
from nats.protocol.parser import Parser

from jetbull.errors import (
    AckTimeout,
    ConnectionClosedError,
    PayloadTooLarge,
    ServerTooOld,
    ServerUnavailable,
    StoreError,
    StreamMissing,
)
from jetbull.ledger import clock
from jetbull.ledger.replies import (
    ForAnswer,
    ForMany,
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

log = logging.getLogger("jetbull.wire")

MIN_SERVER = (2, 14)
ACK_TIMEOUT = 5.0  # seconds
READ_PATIENCE = 30.0  # seconds a reader waits for a server that is away
CONNECT_TIMEOUT = 2.0  # seconds
#: Seconds between two proofs that the server answers, and to wait for each of two answers: a link
#: that swallows everything is replaced after 7 s at the latest, so that all consume within 10.
_PULSE = 3.0
_ANSWER = 2.0
_OPEN_BATCHES = 16  # the server allows 50 per stream, shared by all clients
_NO_MESSAGE = 10037
_M, _H = b"MH"  # how MSG and HMSG begin
_EARLY_WRITE = 64 * 1024  # bytes that do not wait for the end of the turn
_CROWDED = 4 * 1024 * 1024  # bytes written ahead of the socket before senders wait

Callback = Callable[[Msg], Awaitable[None]]
Handler = Callable[[bytes, bytes, bytes, bytes | None], None]
"""A plain listener, called by the reader: subject, reply, data, header block."""

__all__ = ["Handler", "Msg", "Stored", "Subscription", "Wire", "command_of"]


class _Parser(Parser):
    """Cuts messages out of what was read without a regular expression and a copy of the rest.

    Those of plain listeners go straight there; everything else is left to nats-py.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        super().__init__(client)

    def reset(self) -> None:
        """Forgets what was begun (a new connection)."""
        self._rest = b""
        super().reset()

    async def parse(self, data: bytes = b"") -> None:
        """Takes one chunk from the socket."""
        if self._rest:
            data = self._rest + data
        position, end = 0, len(data)
        while True:
            line_end = data.find(b"\r\n", position)
            if line_end < 0:
                break
            body = line_end + 2
            kind = data[position]
            if kind == _M:
                parts = data[position + 4 : line_end].split()
                start, stop = body, body + int(parts[-1])
                with_reply = len(parts) == 4
            elif kind == _H:
                parts = data[position + 5 : line_end].split()
                start, stop = body + int(parts[-2]), body + int(parts[-1])
                with_reply = len(parts) == 5
            else:
                await super().parse(data[position:body])
                position = body
                continue
            if stop + 2 > end:
                break
            position = stop + 2
            handler = self._client.handlers.get(int(parts[1]))
            reply = parts[2] if with_reply else b""
            block = data[body:start] or None
            if handler is None:
                await self._client._process_msg(
                    int(parts[1]),
                    parts[0],
                    reply,
                    data[start:stop],
                    block,  # type: ignore[arg-type]
                )
                continue
            try:
                handler(parts[0], reply, data[start:stop], block)
            except Exception:
                log.exception("a listener failed")  # the reader has to go on for the others
        self._rest = data[position:]


class Client(NatsClient):
    """nats-py's client with a short way out (`push`) and in (`handlers`).

    A callback of nats-py costs a parsed header block, a queue and a task's turn for each message
    (20 us with headers, 5 us without), its publish 25 us with headers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.handlers: dict[int, Handler] = {}
        self._ps = _Parser(self)
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []
        self._size = 0
        self._due = False
        self.ahead = 0  # bytes written since the socket was last waited for
        self._kick: asyncio.Task[Any] | None = None

    def push(self, command: bytes) -> None:
        """Sends a protocol message with this turn of the loop."""
        self._parts.append(command)
        self._size += len(command)
        if self._size > _EARLY_WRITE:
            self._write_parts()  # a long turn: let the server begin
        elif not self._due:
            self._due = True
            self._loop.call_soon(self._end_turn)

    def _end_turn(self) -> None:
        self._due = False
        if self._parts:
            self._write_parts()

    def _write_parts(self) -> None:
        data = b"".join(self._parts)
        self._parts.clear()
        self.ahead += self._size
        self._size = 0
        if not self.is_connected:
            return
        if not self._pending and isinstance(self._transport, TcpTransport):
            self._transport.write(data)  # type: ignore[no-untyped-call]
            return
        # What nats-py itself has not written yet (a SUB, a PING) goes first.
        self._pending.append(data)
        self._pending_data_size += len(data)
        if self._kick is None or self._kick.done():
            self._kick = self._loop.create_task(self._flush_pending())

    async def room(self) -> None:
        """Returns when the socket has taken what was written."""
        self.ahead = 0
        if self._parts:
            self._write_parts()
        if self.is_connected and self._transport is not None:
            await self._transport.drain()  # type: ignore[no-untyped-call]

    async def rest(self) -> None:
        """Writes what was gathered; for the end of a connection."""
        if self._parts:
            self._write_parts()
        if self._kick is not None:
            await asyncio.gather(self._kick, return_exceptions=True)


def command_of(subject: str, payload: bytes, reply: str, headers: Headers | None) -> bytes:
    """PUB or HPUB of the NATS protocol. Subjects are made of escaped names."""
    if not headers:
        return b"%b%b\r\n" % (f"PUB {subject} {reply} {len(payload)}\r\n".encode(), payload)
    block = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if block.count("\n") != len(headers):
        raise StoreError(f"A header of the message to {subject} holds a line break.")
    size = 12 + (len(block) if block.isascii() else len(block.encode()))
    start = f"HPUB {subject} {reply} {size} {size + len(payload)}\r\nNATS/1.0\r\n{block}\r\n"
    return b"%b%b\r\n" % (start.encode(), payload)


class Subscription:
    """A listener that outlives connections."""

    __slots__ = ("_listener", "_queue", "_subject", "inner")

    def __init__(self, subject: str, queue: str, listener: Callback | Handler) -> None:
        self._subject = subject
        self._queue = queue
        self._listener = listener
        self.inner: NatsSubscription | None = None

    async def attach(self, client: Client) -> None:
        """Listens over this connection from now on."""
        plain = not iscoroutinefunction(self._listener)
        way: Callable[..., Awaitable[None]] = _called if plain else _awaited
        self.inner = await client.subscribe(
            self._subject,
            queue=self._queue,
            cb=partial(way, self._listener),
            pending_msgs_limit=-1,
            pending_bytes_limit=-1,
        )
        if plain:
            client.handlers[self.inner._id] = self._listener  # type: ignore[assignment]


async def _awaited(callback: Callback, msg: NatsMsg) -> None:
    await callback(Msg(msg.subject, msg.reply, msg.data, headers=msg.headers or {}))


async def _called(handler: Handler, msg: NatsMsg) -> None:
    """The public way to a plain listener: for a nats-py whose reader does not call it itself."""
    block = None
    if msg.headers:
        lines = "".join(f"{name}: {value}\r\n" for name, value in msg.headers.items())
        block = f"NATS/1.0\r\n{lines}\r\n".encode()
    handler(msg.subject.encode(), msg.reply.encode(), msg.data, block)


class Wire:
    """One connection to NATS, owned by one event loop."""

    def __init__(self, servers: list[str], options: dict[str, Any]) -> None:
        self._patience = float(options.pop("connect_timeout", CONNECT_TIMEOUT))
        self._servers = servers
        self._options = options
        self._discovered: list[str] = []
        self._url = ", ".join(_public(s) for s in servers)
        self._client: Client
        self._loop = asyncio.get_running_loop()
        self._inbox = ""
        self._refusal = ""  # why the server may not have answered
        self._reply_start = b""
        self._prefix = 0
        self._waiters: dict[bytes, Waiter] = {}
        self._next = 0
        self._closing = False
        self._sweeper: asyncio.TimerHandle | None = None
        self._connected = asyncio.Event()
        self._gone = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[], None]] = []
        self._subscriptions: set[Subscription] = set()
        self.batch_slots = asyncio.Semaphore(_OPEN_BATCHES)

    @classmethod
    async def open(cls, servers: list[str], **options: Any) -> Wire:
        """Connects; one sentence when no server is there or it cannot do what is needed."""
        wire = cls(servers, options)
        wire._client = client = await wire._dial()
        try:
            wire._check_server()
            wire._inbox = str(client.new_inbox())
            wire._connected.set()
            wire._reply_start = f"{wire._inbox}.".encode()
            wire._prefix = len(wire._reply_start)
            await wire.subscribe(wire._inbox + ".*", wire._on_reply)
        except BaseException:
            await client.close()
            raise
        wire._keeper = asyncio.get_running_loop().create_task(wire._keep())
        return wire

    async def _dial(self) -> Client:
        """A new connection; ServerUnavailable says why there is none."""
        client = Client()
        problem: list[Exception] = []

        async def complain(error: Exception) -> None:
            problem.append(error)
            if "permissions violation" in str(error):
                self._refusal = f" The server said: {str(error).removeprefix('nats: ')}."
                log.warning("%s", error)
            else:
                log.debug("nats: %r", error)

        async def closed() -> None:
            if client is getattr(self, "_client", None):
                self._gone.set()

        try:
            async with asyncio.timeout(self._patience):
                await client.connect(
                    servers=[*self._servers, *self._discovered],
                    closed_cb=closed,
                    error_cb=complain,
                    allow_reconnect=False,
                    max_reconnect_attempts=1,
                    reconnect_time_wait=0.05,  # type: ignore[arg-type]
                    connect_timeout=max(1, int(self._patience)),
                    ping_interval=3600,
                    pending_size=64 * 1024 * 1024,
                    **({"name": "jetbull"} | self._options),
                )
        except (OSError, NatsError, TimeoutError, ValueError) as error:
            await _abandon(client)
            raise ServerUnavailable(
                f"No NATS server answers at {self._url} ({self._reason(error, problem)}). Start "
                "one with `jetbull server` or `docker compose up -d nats`, or set NATS_URL to "
                "yours."
            ) from None
        except BaseException:
            await _abandon(client)
            raise
        self._discovered = self._neighbours(client)
        return client

    def _neighbours(self, client: Client) -> list[str]:
        """The other servers of the cluster, reached with the same credentials."""
        scheme, _, rest = self._servers[0].rpartition("://")
        user, at, _ = rest.rpartition("@")
        return [
            f"{scheme or 'nats'}://{user}{at}{found.netloc}" for found in client.discovered_servers
        ]

    def _reason(self, error: Exception, seen: list[Exception]) -> str:
        if isinstance(error, NoServersError | TimeoutError) and seen:
            error = seen[-1]
        text = str(error).strip() or type(error).__name__
        return _without_secrets(text, self._servers)

    def _check_server(self) -> None:
        info = self._client._server_info
        version = str(info.get("version", "0"))
        numbers = tuple(int(p) for p in version.split("-")[0].split(".")[:2] if p.isdigit())
        if numbers < MIN_SERVER:
            raise ServerTooOld(
                f"The NATS server at {self._url} is version {version}; jetbull needs "
                f"{MIN_SERVER[0]}.{MIN_SERVER[1]} or newer (message schedules, atomic batches)."
            )
        if not info.get("jetstream", False):
            raise ServerUnavailable(
                f"The NATS server at {self._url} runs without JetStream: start it with `-js`."
            )

    # --- keeping the connection --------------------------------------------------------

    async def _keep(self) -> None:
        """Replaces the connection whenever it is gone or silent, until closed."""
        while True:
            try:
                async with asyncio.timeout(_PULSE):
                    await self._gone.wait()
            except TimeoutError:
                if await self._answers():
                    continue
            await self._replace()

    async def _answers(self) -> bool:
        # Twice: when this process was stopped or busy, the answer may lie unread.
        for _ in range(2):
            try:
                await self._client.flush(timeout=_ANSWER)  # type: ignore[arg-type]
            except (NatsError, OSError, TimeoutError):
                if self._gone.is_set():
                    return False
            else:
                return True
        return False

    async def _replace(self) -> None:
        self._on_lost()
        old = self._client
        await _abandon(old)
        pause = 0.05
        while True:
            try:
                client = await self._dial()
                for subscription in list(self._subscriptions):
                    await subscription.attach(client)
                await client.flush(timeout=_ANSWER)  # type: ignore[arg-type]
            except (ServerUnavailable, NatsError, OSError, TimeoutError) as error:
                log.debug("not connected yet: %s", error)
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load
                pause = min(pause * 2, 1.0)
            else:
                break
        self._client = client
        self._gone.clear()
        if client.is_closed:
            self._gone.set()
        self._on_back()

    def _on_lost(self) -> None:
        self._connected.clear()
        self._fail_all(AckTimeout(f"The connection to {self._url} was lost."))
        log.warning("connection to %s lost, reconnecting", self._url)

    def _on_back(self) -> None:
        self._connected.set()
        log.info("connection to %s is back", self._url)
        for listener in list(self._listeners):
            listener()

    @property
    def url(self) -> str:
        """Where the connection goes, without credentials."""
        return self._url

    @property
    def subscriptions(self) -> int:
        """How many listeners there are, the one for answers not counted."""
        return len(self._subscriptions) - 1

    @property
    def is_connected(self) -> bool:
        """Whether the connection is up, as far as anybody knows."""
        return self._connected.is_set() and bool(self._client.is_connected)

    @property
    def server_version(self) -> str:
        """The version the server gave at the last connect."""
        return str(self._client._server_info.get("version", "unknown"))

    @property
    def max_payload(self) -> int:
        return int(self._client.max_payload)

    def on_reconnect(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Calls `listener` after each reconnect; the returned function ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def connected(self) -> None:
        """Returns as soon as the connection is up (again)."""
        await self._connected.wait()

    async def close(self) -> None:
        """Ends the connection and everything that waits for an answer."""
        self._closing = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._fail_all(ConnectionClosedError("Connection is closed"))
        up, client = self._connected.is_set(), self._client
        self._connected.set()
        if client.is_closed:
            return
        try:
            if up:
                await client.rest()
                await client.flush(timeout=2)
            async with asyncio.timeout(2):
                await client.close()
        except (NatsError, OSError, TimeoutError) as error:
            log.debug("unflushed at close: %r", error)
            await _abandon(client)

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
        """Acknowledges a consumer's message; lost while the connection is down."""
        if self._connected.is_set() and not self._closing:
            self._client.push(f"PUB {reply}  4\r\n+ACK\r\n".encode())

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
    ) -> asyncio.Future[int]:
        """As `post_now`, for a message that is made from a template."""
        self._check_sendable(payload)
        future: asyncio.Future[int] = self._loop.create_future()
        reply = self._expect(ForSequence(monotonic() + ACK_TIMEOUT, future, on_stored))
        self._client.push(template.command(token, values, reply, payload))
        return future

    async def request(
        self, subject: str, payload: bytes = b"", timeout: float = ACK_TIMEOUT
    ) -> Msg:
        """One question, one raw answer. `StreamMissing` when nobody listens."""
        waiter = ForAnswer(monotonic() + timeout)
        self._ask(subject, payload, None, waiter)
        answer: Msg = await waiter.future
        return answer

    async def question(self, subject: str, payload: bytes = b"") -> asyncio.Future[Msg]:
        """Like `request`, but the caller decides when to wait."""
        waiter = ForAnswer(monotonic() + ACK_TIMEOUT)
        self._ask(subject, payload, None, waiter)
        return waiter.future

    async def _read(
        self, subject: str, payload: bytes, make: Callable[[], ForAnswer | ForMany]
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
        try:
            answer = await self.api(f"STREAM.MSG.GET.{stream}", {"last_by_subj": subject})
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

    # --- receiving ---------------------------------------------------------------------

    async def subscribe(
        self, subject: str, listener: Callback | Handler, queue: str = ""
    ) -> Subscription:
        """Calls `listener` for every message on `subject`, over reconnects too.

        A coroutine function gets a `Msg`, in a task of its own; a plain function gets the raw parts
        at once, in the reader, and must not take long.
        """
        subscription = Subscription(subject, queue, listener)
        self._subscriptions.add(subscription)
        try:
            await subscription.attach(self._client)
        except (NatsError, OSError) as error:
            if self._closing:
                self._subscriptions.discard(subscription)
                raise ConnectionClosedError("Connection is closed") from error
            # Between two connections: the next one listens.
        return subscription

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Ends a subscription; nothing happens when it ended before."""
        self._subscriptions.discard(subscription)
        inner, subscription.inner = subscription.inner, None
        if inner is not None and not self._client.is_closed:
            self._client.handlers.pop(inner._id, None)
            try:
                await inner.unsubscribe()
            except NatsError as error:
                log.debug("already gone: %r", error)

    def new_inbox(self) -> str:
        return str(self._client.new_inbox())

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
                AckTimeout(
                    f"The NATS server at {self._url} did not answer in time.{self._refusal}"
                )
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


async def _abandon(client: Client) -> None:
    """Drops a connection without waiting for the other side."""
    transport = client._transport
    if transport is None:
        return  # it never came to a connection
    writer = getattr(transport, "_io_writer", None)
    if writer is not None:
        writer.transport.abort()
    try:
        async with asyncio.timeout(1):
            await client.close()
    except (NatsError, OSError, TimeoutError) as error:
        log.debug("abandoned: %r", error)


def _public(url: str) -> str:
    """The URL without credentials."""
    scheme, _, rest = url.rpartition("://")
    return f"{scheme}://{rest.rsplit('@', 1)[-1]}" if scheme else rest.rsplit("@", 1)[-1]


def _without_secrets(text: str, servers: list[str]) -> str:
    """A library's words without any credentials that stood in the URLs."""
    for server in servers:
        before, found, _ = server.rpartition("@")
        if not found:
            continue
        given = before.rpartition("://")[2]
        for secret in (before, given, *given.split(":", 1)):
            if secret:
                text = text.replace(secret, "…")
    return text
