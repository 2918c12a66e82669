"""Emptying a prefix: deleted when nobody has it open, purged when somebody has.

What is deleted is purged first: a stream that is made anew at once may find the messages of the
deleted one, which the server takes away in its own time.

Who has a prefix open (any queue, worker or listener of it, in any process) answers a question over
core NATS; the server itself says so at once when nobody does. On the same subject they learn that
something was emptied: ids reserved ahead and priority levels known to be stored are no more.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable

from jetbull.errors import StreamMissing
from jetbull.ledger.messages.names import Space
from jetbull.ledger.wire import Msg, Subscription, Wire

_AT_ONCE = 16


async def say_open(
    wire: Wire, space: Space, on_emptied: Callable[[str | None], None]
) -> Subscription:
    """Answers from now on that this prefix is open; unsubscribe to end that.

    `on_emptied` is called with the name of a queue that was emptied, or None for all of them.
    """

    async def answer(msg: Msg) -> None:
        if msg.data:
            on_emptied(json.loads(msg.data)["emptied"])
        if msg.reply:
            await wire.send(msg.reply, b"open")

    return await wire.subscribe(space.alive, answer)


async def tell_emptied(wire: Wire, space: Space, queue: str) -> None:
    """Lets all who have the prefix open know that a queue was emptied."""
    await wire.send(space.alive, json.dumps({"emptied": queue}).encode())


async def flush(wire: Wire, names: Iterable[str]) -> None:
    """Empties streams of jetbull, given by name."""
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def one(token: str, streams: list[str]) -> None:
        async with at_once:
            is_open = await _is_open(wire, token)
            for stream in streams:
                try:
                    await wire.api(f"STREAM.PURGE.{stream}", {})
                    if not is_open:
                        await wire.api(f"STREAM.DELETE.{stream}")
                except StreamMissing:
                    continue
            if is_open:
                await _is_open(wire, token, b'{"emptied": null}')

    by_prefix: dict[str, list[str]] = {}
    for name in names:
        by_prefix.setdefault(name.split("_", 1)[1], []).append(name)
    await asyncio.gather(*(one(token, streams) for token, streams in by_prefix.items()))


async def _is_open(wire: Wire, token: str, news: bytes = b"") -> bool:
    try:
        await wire.request(Space.alive_of(token), news, timeout=1.0)
    except StreamMissing:
        return False
    except TimeoutError:
        return True  # somebody has it open and is too busy to answer
    return True


__all__ = ["flush", "say_open", "tell_emptied"]
