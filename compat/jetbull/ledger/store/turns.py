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
from typing import Any

__all__ = ["Turns"]

_PATIENCE = 5.0  # seconds


class Turns:
    """Turns at things that are known by a key. Who has one may take it again."""

    def __init__(self) -> None:
        self._holders: dict[str, asyncio.Task[Any] | None] = {}
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def at(self, key: str) -> AsyncIterator[None]:
        """Begins when all who came before are done, or after a while."""
        me = asyncio.current_task()
        # What the caller gave, such as a repeat strategy, may change the same thing.
        is_mine = key in self._holders and self._holders[key] is me
        if is_mine or (key in self._holders and not await self._turn(key)):
            yield
            return
        self._holders[key] = me
        try:
            yield
        finally:
            self._pass_on(key)

    async def _turn(self, key: str) -> bool:
        """Waits for a turn; False when it did not come soon."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(turn)
        try:
            await asyncio.wait([turn], timeout=_PATIENCE)
        except asyncio.CancelledError:
            if turn.done():
                self._pass_on(key)
            else:
                turn.cancel()
            raise
        if turn.done():
            return True
        turn.cancel()  # it is passed over from now on
        return False

    def _pass_on(self, key: str) -> None:
        waiting = self._waiting.get(key)
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                self._holders[key] = None
                turn.set_result(None)
                return
        self._waiting.pop(key, None)
        del self._holders[key]
