"""Those of one process who change the same thing, one after the other, in the order of their calls.

Each of them reads, then writes guarded by what was read: at the same time, all but one are refused
and begin anew, again and again, and which comes last is chance. It is also where a turn does not
come soon: of a server that is away each waits for itself, not behind all the others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["Turns"]


_PATIENCE = 5.0  # seconds


class Turns:
    """Turns at things that are known by a key."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def at(self, key: str) -> AsyncIterator[None]:
        """Begins when all who came before are done, or after a while."""
        has_turn = await self._take(key)
        try:
            yield
        finally:
            if has_turn:
                self._pass_on(key)

    async def _take(self, key: str) -> bool:
        waiting = self._waiting.get(key)
        if waiting is None:
            self._waiting[key] = deque()
            return True
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await asyncio.wait([turn], timeout=_PATIENCE)
        except asyncio.CancelledError:
            if turn.done():
                self._pass_on(key)
            else:
                turn.cancel()
            raise
        return turn.done() or not turn.cancel()

    def _pass_on(self, key: str) -> None:
        waiting = self._waiting[key]
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._waiting[key]
