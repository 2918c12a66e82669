"""Publishing custom events into a queue's event log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from jetbull import checks
from jetbull.backend import create_backend
from jetbull.errors import ConfigurationError
from jetbull.options import DEFAULT_PREFIX


class QueueEventsProducer:
    """BullMQ's QueueEventsProducer."""

    def __init__(self, name: str, opts: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.opts: dict[str, Any] = dict(opts or {})
        self.prefix: str = self.opts.get("prefix") or DEFAULT_PREFIX
        self.qualifiedName = f"{self.prefix}:{name}"
        self.closing = False
        self.backend = create_backend(name, self.opts)
        self.client = self.backend.conn
        self.keys = self.backend.keys
        self.redisConnection = None

    async def publishEvent(self, args: Mapping[str, Any], maxEvents: int = 1000) -> None:
        """Publishes `{eventName, …}`; all values arrive as text.

        ConfigurationError (a ValueError) without `eventName`, and for values that are neither text
        nor numbers.
        """
        if "eventName" not in checks.dictionary("publishEvent's argument", args):
            raise ConfigurationError("publishEvent requires an 'eventName' key")
        if not isinstance(args["eventName"], str):
            raise ConfigurationError(f"eventName is a text, not {checks.shown(args['eventName'])}.")
        fields = {k: _text(k, v) for k, v in args.items() if k != "eventName"}
        await self.backend.publishEvent({"event": args["eventName"], **fields}, maxEvents)

    async def waitUntilReady(self) -> None:
        """Connects now; ServerUnavailable when no server answers."""
        await self.backend.ledger()

    async def close(self) -> None:
        """Lets go of the connection; may be called again."""
        self.closing = True
        await self.backend.close()

    disconnect = close

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _text(name: str, value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        kind = type(value).__name__
        raise ConfigurationError(f"The field {name!r} of an event is a {kind}: encode it as text.")
    return str(value)


__all__ = ["QueueEventsProducer"]
