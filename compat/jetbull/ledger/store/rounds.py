"""Work that many callers want at the same time, and that one of them does for all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from jetbull.errors import JetbullError
from jetbull.tasks import background

log = logging.getLogger("jetbull.ledger")


class Rounds:
    """One round of `work` at a time. Callers that come during a round share the next one.

    The first of those that wait does that round. `on_idle` runs when nobody wants a round any more.
    """

    def __init__(
        self, work: Callable[[], Awaitable[None]], on_idle: Callable[[], None] = lambda: None
    ) -> None:
        self._work = work
        self._on_idle = on_idle
        self._running = False
        self._waiting: list[asyncio.Future[bool]] = []
        self._wanted = False
        self._task: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        alone = self._task is None or self._task.done()
        return alone and not self._running and not self._waiting

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

    def leave(self) -> None:
        """Has a round done that begins after this call, for a caller who does not wait for it.

        What it raises is logged; `close` awaits its end.
        """
        self._wanted = True
        if self._task is None or self._task.done():
            self._task = background(self._rounds())
            self._task.add_done_callback(lambda _: self._rest())

    async def _rounds(self) -> None:
        while self._wanted:
            self._wanted = False
            try:
                await self.join()
            except JetbullError as error:
                log.warning("left to the next time: %s", error)

    async def close(self) -> None:
        """Returns when nothing is under way that was left."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def _hand_over(self) -> None:
        self._running = False
        while self._waiting:
            turn = self._waiting.pop(0)
            if not turn.done():
                # Whoever comes now waits as well: the round is as good as begun.
                self._running = True
                turn.set_result(True)
                return
        self._rest()

    def _rest(self) -> None:
        if self.idle:
            self._on_idle()


__all__ = ["Rounds"]
