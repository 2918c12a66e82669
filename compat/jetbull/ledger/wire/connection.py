"""The connection itself: proved alive, replaced when it is gone, closed."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from time import monotonic
from typing import Any

from nats.errors import Error as NatsError

from jetbull.errors import AckTimeout, ConnectionClosedError, ServerUnavailable
from jetbull.ledger.wire.client import Client, abandon, reason_of_loss
from jetbull.ledger.wire.dialing import Dialer, Refused
from jetbull.ledger.wire.parser import Handler, Reader
from jetbull.ledger.wire.subscription import Callback, Subscription
from jetbull.tasks import background

log = logging.getLogger("jetbull.wire")

#: Seconds between two proofs that the server answers, and to wait for each of two answers: a link
#: that swallows everything is replaced after 7 s at the latest, so that all consume within 10.
_PULSE = 3.0
_ANSWER = 2.0
_SOON = 5.0  # seconds; what ends before was no connection to work with
_SHORTEST, _LONGEST = 0.05, 1.0  # seconds between two tries
_API = "$js.api."  # as nats-py writes it in what the server said


class Connection:
    """One connection to NATS, owned by one event loop, with listeners that outlive it.

    Whoever waits for answers says in `_fail_all` what a lost connection means for them.
    """

    def __init__(self, servers: list[str], options: dict[str, Any]) -> None:
        self._dialer = Dialer(servers, options, self._on_closed, self._on_refusal)
        self._url = self._dialer.url
        self._client: Client
        self._hindrance = ""  # why there is no connection now, where somebody has to see to it
        self._refusal = ""  # why the server may not have answered
        self._forbidden: set[str] = set()  # questions it says no to
        self.number = 1
        """Of the connection; the one after it has the next."""
        self._since = 0.0  # when it was made
        self._pause = _SHORTEST
        self._said: str | None = None  # why the last one was lost, where it ended soon
        self._closing = False
        self._connected = asyncio.Event()
        self._gone = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[], None]] = []
        self._subscriptions: set[Subscription] = set()

    async def _connect(self) -> None:
        """Connects; one sentence when no server is there or it cannot do what is needed."""
        self._client = client = await self._dialer.dial()
        self._since = monotonic()
        try:
            self._dialer.check(client)
            self._connected.set()
            await self._begin()
        except BaseException as error:
            failure = error
        else:
            self._keeper = background(self._keep())
            return
        await client.close()
        raise failure

    async def _begin(self) -> None:
        """What a new wire needs of its first connection."""

    def _fail_all(self, error: Exception) -> None:
        """Ends everything that waits for an answer over this connection."""

    def _on_closed(self, client: Client) -> None:
        if client is getattr(self, "_client", None):
            self._gone.set()

    def _on_refusal(self, what: str) -> None:
        if _API in what:
            self._forbidden.add(what.split('"')[1])
        self._refusal = (
            f" The server said: {what}. `jetbull permissions` prints the rights of each role; the "
            "streams are made by an admin, who connects first."
        )

    # --- keeping the connection --------------------------------------------------------

    async def _keep(self) -> None:
        """Replaces the connection whenever it is gone or silent, until closed."""
        # Cancelling alone is not enough: on Python 3.11 `wait_for`, by which nats-py flushes,
        # loses a cancellation that comes together with the answer.
        while not self._closing:
            try:
                async with asyncio.timeout(_PULSE):
                    await self._gone.wait()
            except TimeoutError:
                is_quiet = True
            else:
                is_quiet = False
            if not is_quiet or not await self._answers():
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
        lasted = monotonic() - self._since > _SOON
        self._on_lost(lasted)
        await abandon(self._client)
        if lasted:
            self._pause = _SHORTEST
        else:
            # A server that hangs up again and again is not to be stormed.
            await self._rest()
        while True:
            try:
                client = await self._dial_again()
            except (ServerUnavailable, NatsError, OSError, TimeoutError) as error:
                self._on_failure(error)
            else:
                break
            if self._closing:
                return
            await self._rest()
        self._client = client
        self._since = monotonic()
        self._gone.clear()
        if client.is_closed:
            self._gone.set()
        self._on_back()

    async def _rest(self) -> None:
        """Waits before the next try, each time longer."""
        await asyncio.sleep(self._pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load
        self._pause = min(self._pause * 2, _LONGEST)

    async def _dial_again(self) -> Client:
        """A new connection over which all listeners hear; none is left open if that fails."""
        client = await self._dialer.dial()
        try:
            # Until there is none that came while others were seen to.
            while new := [s for s in self._subscriptions if not s.hears(client)]:
                for subscription in new:
                    await subscription.attach(client)
                    if subscription not in self._subscriptions:
                        await subscription.detach()  # it ended meanwhile
                await client.flush(timeout=_ANSWER)  # type: ignore[arg-type]
        except BaseException as error:
            failure = error
        else:
            return client
        await abandon(client)
        raise failure

    def _on_lost(self, lasted: bool) -> None:
        why = reason_of_loss(self._client)
        level = logging.WARNING if lasted or why != self._said else logging.DEBUG
        self._said = None if lasted else why
        self._connected.clear()
        self._fail_all(AckTimeout(f"The connection to {self._url} was lost{why}."))
        log.log(level, "connection to %s lost%s, reconnecting", self._url, why)

    def _on_failure(self, error: Exception) -> None:
        """Tells once what has to be mended; a server that is away is waited for in silence."""
        log.debug("not connected yet: %s", error)
        told = f" {error}" if isinstance(error, Refused) else ""
        if told and told != self._hindrance:
            log.warning("cannot reconnect for now: %s", error)
        self._hindrance = told

    def _on_back(self) -> None:
        self._hindrance = ""
        self._forbidden.clear()
        self.number += 1
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
    def is_clustered(self) -> bool:
        """Whether the server is one of several, which may differ in what they have stored yet."""
        return bool(self._client._server_info.get("cluster"))

    @property
    def max_payload(self) -> int:
        """Bytes of the largest message the server takes."""
        return int(self._client.max_payload)

    def on_reconnect(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Calls `listener` after each reconnect; the returned function ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def connected(self) -> None:
        """Returns as soon as the connection is up (again)."""
        await self._connected.wait()

    # --- listening ---------------------------------------------------------------------

    async def subscribe(
        self, subject: str, listener: Callback | Handler, reader: Reader | None = None
    ) -> Subscription:
        """Calls `listener` for every message on `subject`, over reconnects too.

        A coroutine function gets a `Msg`, in a task of its own; a plain function gets the raw parts
        at once, in the reader, and must not take long. Behind a message of a plain listener its
        `reader` may take more of them by itself.
        """
        subscription = Subscription(subject, listener, reader)
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
        await subscription.detach()

    def new_inbox(self) -> str:
        """A subject for answers that nobody else uses."""
        return str(self._client.new_inbox())

    async def close(self) -> None:
        """Ends the connection and everything that waits for an answer."""
        self._closing = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
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
        else:
            return
        await abandon(client)


__all__ = ["Connection"]
