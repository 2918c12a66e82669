"""Emptying a prefix: deleted when nobody has it open, purged when somebody has.

Who has a prefix open (any queue, worker or listener of it, in any process) answers a question over
core NATS; the server itself says so at once when nobody does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from jetbull.errors import StreamMissing
from jetbull.ledger.names import Space
from jetbull.ledger.wire import Msg, Wire

_AT_ONCE = 16


async def say_open(wire: Wire, space: Space) -> None:
    """Answers from now on, until the connection closes, that this prefix is open."""

    async def answer(msg: Msg) -> None:
        await wire.send(msg.reply, b"open")

    await wire.subscribe(space.alive, answer)


async def flush(wire: Wire, names: Iterable[str]) -> None:
    """Empties streams of jetbull, given by name."""
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def one(token: str, streams: list[str]) -> None:
        async with at_once:
            verb = "PURGE" if await _is_open(wire, token) else "DELETE"
            for stream in streams:
                try:
                    await wire.api(f"STREAM.{verb}.{stream}", {})
                except StreamMissing:
                    continue

    by_prefix: dict[str, list[str]] = {}
    for name in names:
        by_prefix.setdefault(name.split("_", 1)[1], []).append(name)
    await asyncio.gather(*(one(token, streams) for token, streams in by_prefix.items()))


async def _is_open(wire: Wire, token: str) -> bool:
    try:
        await wire.request(Space.alive_of(token), timeout=1.0)
    except StreamMissing:
        return False
    except TimeoutError:
        return True  # somebody has it open and is too busy to answer
    return True


__all__ = ["flush", "say_open"]
