"""Work that many want done at once and that one does for all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Rounds:
    """One round of `work` at a time. Who comes while one is under way shares the next with others.

    The first of those who wait does the round; so there is no task that nobody awaits.
    """

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work
        self._running = False
        self._waiting: list[asyncio.Future[bool]] = []

    @property
    def idle(self) -> bool:
        return not self._running and not self._waiting

    async def join(self) -> None:
        """Returns when a round is over that began after this call.

        Raises what the work raises, for the one who did it; the others are told nothing of it.
        """
        if self._running:
            turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                leads = await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled() and turn.result():
                    self._hand_over()
                raise
            if not leads:
                return
        self._running = True
        shared, self._waiting = self._waiting, []
        try:
            await self._work()
        finally:
            for turn in shared:
                if not turn.done():
                    turn.set_result(False)
            self._hand_over()

    def _hand_over(self) -> None:
        self._running = False
        while self._waiting:
            turn = self._waiting.pop(0)
            if not turn.done():
                # Whoever comes now waits as well: the round is as good as begun.
                self._running = True
                turn.set_result(True)
                return


__all__ = ["Rounds"]
