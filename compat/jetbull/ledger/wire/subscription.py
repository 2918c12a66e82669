"""A listener that outlives connections."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from inspect import iscoroutinefunction

from nats.aio.msg import Msg as NatsMsg
from nats.aio.subscription import Subscription as NatsSubscription
from nats.errors import Error as NatsError

from jetbull.errors import JetbullError
from jetbull.ledger.wire.client import Client
from jetbull.ledger.wire.parser import Handler, Reader
from jetbull.ledger.wire.replies import Msg

log = logging.getLogger("jetbull.wire")

Callback = Callable[[Msg], Awaitable[None]]


class Subscription:
    """A listener that outlives connections."""

    __slots__ = ("_client", "_inner", "_listener", "_reader", "_subject")

    def __init__(
        self, subject: str, listener: Callback | Handler, reader: Reader | None = None
    ) -> None:
        self._subject = subject
        self._listener = listener
        self._reader = reader
        self._inner: NatsSubscription | None = None
        self._client: Client | None = None

    def hears(self, client: Client) -> bool:
        """Whether it listens over this connection."""
        return self._client is client

    async def attach(self, client: Client) -> None:
        """Listens over this connection from now on."""
        plain = not iscoroutinefunction(self._listener)
        way: Callable[..., Awaitable[None]] = _called if plain else _awaited
        inner = await client.subscribe(
            self._subject,
            cb=partial(way, self._listener),
            pending_msgs_limit=-1,
            pending_bytes_limit=-1,
        )
        if plain:
            client.handlers[inner._id] = self._listener  # type: ignore[assignment]
        if self._reader is not None:
            client.readers[inner._id] = self._reader
        self._inner, self._client = inner, client

    async def detach(self) -> None:
        """Listens no more; nothing happens when its connection has ended."""
        inner, client = self._inner, self._client
        self._inner = self._client = None
        if inner is None or client is None or client.is_closed:
            return
        client.handlers.pop(inner._id, None)
        client.readers.pop(inner._id, None)
        try:
            await inner.unsubscribe()
        except NatsError as error:
            log.debug("already gone: %r", error)


async def _awaited(callback: Callback, msg: NatsMsg) -> None:
    try:
        await callback(Msg(msg.subject, msg.reply, msg.data, headers=msg.headers or {}))
    except JetbullError:
        raise  # of an outage, which is told elsewhere
    except Exception:
        log.exception("a listener failed")  # nats-py would only tell what connections tell


async def _called(handler: Handler, msg: NatsMsg) -> None:
    """The public way to a plain listener: for a nats-py whose reader does not call it itself."""
    block = None
    if msg.headers:
        lines = "".join(f"{name}: {value}\r\n" for name, value in msg.headers.items())
        block = f"NATS/1.0\r\n{lines}\r\n".encode()
    handler(msg.subject.encode(), msg.reply.encode(), msg.data, block)


__all__ = ["Callback", "Subscription"]
