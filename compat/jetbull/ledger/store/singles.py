"""Many messages by their sequences, one question each, as many at once as the connection bears."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from jetbull.ledger.wire import StoredMessage, Wire

_AT_ONCE = 50
_UNREAD = 40 * 1024 * 1024  # bytes: the server ends a connection that has 64 MB to read

Answer = TypeVar("Answer")


async def by_sequence(wire: Wire, stream: str, seqs: Sequence[int]) -> list[StoredMessage | None]:
    """The messages that have these sequences, in their order."""
    some = _at_once(wire)
    found: list[StoredMessage | None] = []
    for start in range(0, len(seqs), some):
        found += await wire.get_each(stream, seqs[start : start + some])
    return found


async def each(
    wire: Wire, seqs: Sequence[int], ask: Callable[[int], Awaitable[Answer]]
) -> list[Answer]:
    """What `ask` answers for each sequence, in their order."""
    some = _at_once(wire)
    found: list[Answer] = []
    for start in range(0, len(seqs), some):
        found += await asyncio.gather(*(ask(seq) for seq in seqs[start : start + some]))
    return found


def _at_once(wire: Wire) -> int:
    return max(1, min(_AT_ONCE, _UNREAD // wire.max_payload))


__all__ = ["by_sequence", "each"]
