"""The one module that imports nats-py: a connection with cheap acknowledged publishes.

All replies come to one inbox subscription and are told apart by a counter in the reply subject,
so an acknowledged publish costs a future, not a subscription or a task. When the connection
drops, every open question fails at once with `AckTimeout`: the caller decides what to repeat.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import ConnectionClosedError as NatsClosed
from nats.errors import Error as NatsError
from nats.errors import NoServersError

from jetbull.errors import (
    AckTimeout,
    Conflict,
    ConnectionClosedError,
    ServerTooOld,
    ServerUnavailable,
    StoreError,
    StreamMissing,
)

log = logging.getLogger("jetbull.wire")

MIN_SERVER = (2, 14)
ACK_TIMEOUT = 5.0  # seconds
CONNECT_TIMEOUT = 2.0  # seconds
_OPEN_BATCHES = 16  # the server allows 50 per stream, shared by all clients
_WRONG_SEQUENCE = frozenset({10071, 10070, 10164})
_NOT_FOUND = frozenset({10059, 10014, 10037})

Callback = Callable[[Msg], Awaitable[None]]
Headers = Mapping[str, str]
__all__ = ["Msg", "Stored", "Subscription", "Wire"]


@dataclass(frozen=True, slots=True)
class Stored:
    """A direct-get answer: the message as the stream holds it."""

    subject: str
    seq: int
    data: bytes
    headers: Headers
    time: str
    pending: int


class _Waiter(Protocol):
    deadline: float

    def feed(self, msg: Msg) -> bool:
        """Takes one reply; True when no other is expected."""

    def fail(self, error: Exception) -> None: ...


class _One:
    """Waits for a single reply; `on_stored` runs in the reader, before any task wakes up."""

    __slots__ = ("deadline", "future", "on_stored", "raw")

    def __init__(self, deadline: float, raw: bool, on_stored: Callable[[int], None] | None) -> None:
        self.deadline = deadline
        self.raw = raw
        self.on_stored = on_stored
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def feed(self, msg: Msg) -> bool:
        if self.future.done():
            return True
        if msg.headers and msg.headers.get("Status") == "503":
            self.future.set_exception(StreamMissing("No JetStream stream listens here."))
        elif self.raw:
            self.future.set_result(msg)
        else:
            try:
                seq = _sequence(msg.data)
            except StoreError as error:
                self.future.set_exception(error)
            else:
                if self.on_stored is not None:
                    self.on_stored(seq)
                self.future.set_result(seq)
        return True

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class _Many(_One):
    """Collects direct-get answers until the end-of-batch marker (ADR-31)."""

    __slots__ = ("found",)

    def __init__(self, deadline: float) -> None:
        super().__init__(deadline, True, None)
        self.found: list[Stored] = []

    def feed(self, msg: Msg) -> bool:
        headers = msg.headers or {}
        status = headers.get("Status")
        if status is None:
            self.found.append(_stored(msg.data, headers))
            return False
        if not self.future.done():
            if status in ("204", "404"):
                self.future.set_result(self.found)
            elif status == "503":
                self.future.set_exception(StreamMissing("No JetStream stream listens here."))
            else:
                text = headers.get("Description", "")
                self.future.set_exception(StoreError(f"The server refused a read: {status} {text}"))
        return True


def _stored(data: bytes, headers: Headers) -> Stored:
    return Stored(
        headers["Nats-Subject"],
        int(headers["Nats-Sequence"]),
        data,
        headers,
        headers["Nats-Time-Stamp"],
        int(headers.get("Nats-Num-Pending", "0")),
    )


def _sequence(data: bytes) -> int:
    answer = json.loads(data)
    error = answer.get("error")
    if error is None:
        value = answer.get("val")
        return int(answer["seq"]) if value is None else int(value)
    raise store_error(error)


def store_error(error: Mapping[str, Any]) -> StoreError:
    """The exception for a JetStream error object."""
    code = int(error.get("err_code", error.get("code", 0)))
    text = str(error.get("description", error))
    if code in _WRONG_SEQUENCE:
        return Conflict(text, code)
    if code in _NOT_FOUND:
        return StreamMissing(text, code)
    return StoreError(f"The server refused: {text} (JetStream error {code})", code)


class Wire:
    """One connection to NATS, owned by one event loop."""

    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self._url = url
        self._inbox = client.new_inbox()
        self._waiters: dict[str, _Waiter] = {}
        self._next = 0
        self._closing = False
        self._sweeper: asyncio.TimerHandle | None = None
        self._connected = asyncio.Event()
        self._connected.set()
        self._listeners: list[Callable[[], None]] = []
        self.batch_slots = asyncio.Semaphore(_OPEN_BATCHES)

    @classmethod
    async def open(cls, servers: list[str], **options: Any) -> Wire:
        """Connects; one sentence when no server is there or it cannot do what is needed."""
        client = Client()
        shown = ", ".join(_public(s) for s in servers)
        wire = cls.__new__(cls)
        problem: list[Exception] = []

        async def lost() -> None:
            wire._on_lost()

        async def back() -> None:
            wire._on_back()

        async def complain(error: Exception) -> None:
            problem.append(error)
            log.debug("nats: %r", error)

        patience = float(options.pop("connect_timeout", CONNECT_TIMEOUT))
        try:
            # nats-py tries for ever with unlimited reconnects; the first connect has an end.
            async with asyncio.timeout(patience):
                await client.connect(
                    servers=servers,
                    disconnected_cb=lost,
                    reconnected_cb=back,
                    error_cb=complain,
                    allow_reconnect=True,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.1,  # type: ignore[arg-type]
                    connect_timeout=max(1, int(patience)),
                    ping_interval=20,
                    max_outstanding_pings=3,
                    pending_size=64 * 1024 * 1024,
                    **({"name": "jetbull"} | options),
                )
        except (OSError, NatsError, TimeoutError) as error:
            await client.close()
            raise ServerUnavailable(
                f"No NATS server answers at {shown} ({_reason(error, problem)}). Start one with "
                "`jetbull server` or `docker compose up -d nats`, or set NATS_URL to yours."
            ) from error
        cls.__init__(wire, client, shown)
        try:
            wire._check_server()
            await client.subscribe(wire._inbox + ".*", cb=wire._on_reply)
        except BaseException:
            await client.close()
            raise
        return wire

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

    @property
    def url(self) -> str:
        return self._url

    @property
    def is_connected(self) -> bool:
        return bool(self._client.is_connected)

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
        self._closing = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._fail_all(ConnectionClosedError("Connection is closed"))
        self._connected.set()
        if not self._client.is_closed:
            try:
                await self._client.flush(timeout=2)
            except (NatsError, TimeoutError) as error:
                log.debug("unflushed at close: %r", error)
            await self._client.close()

    # --- sending -----------------------------------------------------------------------

    async def send(
        self, subject: str, payload: bytes = b"", reply: str = "", headers: Headers | None = None
    ) -> None:
        """Fire and forget (core NATS)."""
        try:
            await self._client.publish(subject, payload, reply, headers)  # type: ignore[arg-type]
        except NatsClosed as error:
            raise ConnectionClosedError("Connection is closed") from error

    async def post(
        self,
        subject: str,
        payload: bytes,
        headers: Headers | None = None,
        on_stored: Callable[[int], None] | None = None,
        timeout: float = ACK_TIMEOUT,
    ) -> asyncio.Future[int]:
        """Publishes to a stream; the future gives the sequence, `Conflict` or another error."""
        waiter = _One(monotonic() + timeout, False, on_stored)
        await self._ask(subject, payload, headers, waiter)
        return waiter.future

    async def request(
        self, subject: str, payload: bytes = b"", timeout: float = ACK_TIMEOUT
    ) -> Msg:
        """One question, one raw answer. `StreamMissing` when nobody listens."""
        waiter = _One(monotonic() + timeout, True, None)
        await self._ask(subject, payload, None, waiter)
        answer: Msg = await waiter.future
        return answer

    async def question(self, subject: str, payload: bytes = b"") -> asyncio.Future[Msg]:
        """Like `request`, but the caller decides when to wait."""
        waiter = _One(monotonic() + ACK_TIMEOUT, True, None)
        await self._ask(subject, payload, None, waiter)
        return waiter.future

    async def api(
        self, verb: str, body: Mapping[str, Any] | None = None, timeout: float = ACK_TIMEOUT
    ) -> dict[str, Any]:
        """A JetStream API call; raises for an error answer."""
        payload = json.dumps(body).encode() if body is not None else b""
        answer: dict[str, Any] = json.loads(
            (await self.request(f"$JS.API.{verb}", payload, timeout)).data
        )
        if "error" in answer:
            raise store_error(answer["error"])
        return answer

    async def get_batch(self, stream: str, query: Mapping[str, Any]) -> list[Stored]:
        """A multi-answer direct get (ADR-31); an empty list when nothing matches."""
        waiter = _Many(monotonic() + ACK_TIMEOUT)
        await self._ask(
            f"$JS.API.DIRECT.GET.{stream}", json.dumps(query).encode(), None, waiter
        )
        found: list[Stored] = await waiter.future
        return found

    async def get_one(self, stream: str, query: Mapping[str, Any]) -> Stored | None:
        """A single direct get (`last_by_subj`, `next_by_subj`, `seq`)."""
        payload = json.dumps(query).encode()
        msg = await self.request(f"$JS.API.DIRECT.GET.{stream}", payload)
        headers = msg.headers or {}
        if "Nats-Sequence" in headers:
            return _stored(msg.data, headers)
        if headers.get("Status") == "404":
            return None
        raise StoreError(f"The server refused a read: {headers.get('Description', headers)}")

    async def _ask(
        self, subject: str, payload: bytes, headers: Headers | None, waiter: _Waiter
    ) -> None:
        self._next += 1
        token = str(self._next)
        self._waiters[token] = waiter
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(0.5, self._sweep)
        try:
            await self.send(subject, payload, f"{self._inbox}.{token}", headers)
        except BaseException:
            self._waiters.pop(token, None)
            raise

    # --- receiving ---------------------------------------------------------------------

    async def subscribe(self, subject: str, callback: Callback, queue: str = "") -> Subscription:
        try:
            return await self._client.subscribe(
                subject, queue=queue, cb=callback, pending_msgs_limit=-1, pending_bytes_limit=-1
            )
        except NatsClosed as error:
            raise ConnectionClosedError("Connection is closed") from error

    async def unsubscribe(self, subscription: Subscription) -> None:
        if not self._client.is_closed:
            await subscription.unsubscribe()

    def new_inbox(self) -> str:
        return str(self._client.new_inbox())

    async def _on_reply(self, msg: Msg) -> None:
        token = msg.subject.rsplit(".", 1)[1]
        waiter = self._waiters.get(token)
        if waiter is not None and waiter.feed(msg):
            del self._waiters[token]

    def _sweep(self) -> None:
        """Fails the questions whose time is over; runs only while some are open."""
        now = monotonic()
        for token in [t for t, w in self._waiters.items() if w.deadline < now]:
            self._waiters.pop(token).fail(
                AckTimeout(f"The NATS server at {self._url} did not answer in time.")
            )
        self._sweeper = None
        if self._waiters:
            self._sweeper = asyncio.get_running_loop().call_later(0.5, self._sweep)

    def _fail_all(self, error: Exception) -> None:
        waiters, self._waiters = self._waiters, {}
        for waiter in waiters.values():
            waiter.fail(error)

    def _on_lost(self) -> None:
        if self._closing:
            return
        self._connected.clear()
        self._fail_all(AckTimeout(f"The connection to {self._url} was lost."))
        log.warning("connection to %s lost, reconnecting", self._url)

    def _on_back(self) -> None:
        self._connected.set()
        log.info("connection to %s is back", self._url)
        for listener in list(self._listeners):
            listener()


def _public(url: str) -> str:
    """The URL without credentials."""
    scheme, _, rest = url.rpartition("://")
    return f"{scheme}://{rest.rsplit('@', 1)[-1]}" if scheme else rest.rsplit("@", 1)[-1]


def _reason(error: Exception, seen: list[Exception]) -> str:
    if isinstance(error, NoServersError | TimeoutError) and seen:
        error = seen[-1]
    return str(error).strip() or type(error).__name__


