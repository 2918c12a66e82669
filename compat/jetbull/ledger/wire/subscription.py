"""A listener that outlives connections."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from inspect import iscoroutinefunction

from nats.aio.msg import Msg as NatsMsg
from nats.aio.subscription import Subscription as NatsSubscription

from jetbull.ledger.replies import Msg
from jetbull.ledger.wire.client import Client
from jetbull.ledger.wire.parser import Handler, Reader

Callback = Callable[[Msg], Awaitable[None]]


class Subscription:
    """A listener that outlives connections."""

    __slots__ = ("_listener", "_queue", "_reader", "_subject", "inner")

    def __init__(
        self, subject: str, queue: str, listener: Callback | Handler, reader: Reader | None = None
    ) -> None:
        self._subject = subject
        self._queue = queue
        self._listener = listener
        self._reader = reader
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
        if self._reader is not None:
            client.readers[self.inner._id] = self._reader


async def _awaited(callback: Callback, msg: NatsMsg) -> None:
    await callback(Msg(msg.subject, msg.reply, msg.data, headers=msg.headers or {}))


async def _called(handler: Handler, msg: NatsMsg) -> None:
    """The public way to a plain listener: for a nats-py whose reader does not call it itself."""
    block = None
    if msg.headers:
        lines = "".join(f"{name}: {value}\r\n" for name, value in msg.headers.items())
        block = f"NATS/1.0\r\n{lines}\r\n".encode()
    handler(msg.subject.encode(), msg.reply.encode(), msg.data, block)


__all__ = ["Callback", "Subscription"]
