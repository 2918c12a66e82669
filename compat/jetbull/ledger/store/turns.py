"""Lets the callers of one process that change the same thing do so one after the other, in order.

Each of them reads, then writes guarded by what it read. If they did so at the same time, all but
one would be refused and begin anew, again and again, and chance would decide whose change is the
last. A caller whose turn does not come within some seconds goes on without it: while the server is
away, nobody is to wait behind all the others.
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
    """Turns at things that are known by a key. A task that has a turn may take it again."""

    def __init__(self) -> None:
        self._holders: dict[str, asyncio.Task[Any] | None] = {}
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def at(self, key: str) -> AsyncIterator[None]:
        """Begins when all who came before are done, or after a while."""
        me = asyncio.current_task()
        # A function that the user gave, such as a repeat strategy, may change the same thing.
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
