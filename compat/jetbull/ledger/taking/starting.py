"""Starting jobs where not all may start: for all idle slots of a worker together.

One look at the line, one permission for all that may start, then their claims, sent in their order
and not waited for. Whoever asks meanwhile is in the next round.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from time import monotonic
from typing import Any

from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.taking.taking import Claim
from jetbull.tasks import background

__all__ = ["Starter"]

_LOOK_SECONDS = 0.05
_TURNS = 3


class Starter:
    """Gets jobs for all slots of a worker that wait for one.

    `look(n)` gives at most `n` next tickets of the line, `admit` those of them that may start now,
    and `claim` sends the claim of one. `drop` gets a claim that no slot waits for any more. `after`
    runs whenever no slot waits. `holds` says whether the tickets that a look ahead found are still
    the next in line; if not, `back` puts them back.
    """

    def __init__(
        self,
        look: Callable[[int], Coroutine[Any, Any, list[Ticket]]],
        admit: Callable[[list[Ticket]], Awaitable[list[Ticket]]],
        claim: Callable[[Ticket], Claim],
        drop: Callable[[Claim], None],
        after: Callable[[], Awaitable[None]],
        holds: Callable[[list[Ticket]], bool],
        back: Callable[[list[Ticket]], Awaitable[None]],
    ) -> None:
        self._look = look
        self._admit = admit
        self._claim = claim
        self._drop = drop
        self._after = after
        self._holds = holds
        self._back = back
        self._waiting: deque[asyncio.Future[Claim | None]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._seen: asyncio.Task[list[Ticket]] | None = None
        self._seen_at = 0.0

    @property
    def busy(self) -> bool:
        """Whether a round is under way."""
        return self._task is not None and not self._task.done()

    async def next(self) -> Claim | None:
        """A claim under way; None when no job may start now."""
        future: asyncio.Future[Claim | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        if not self.busy:
            self._task = background(self._run())
        try:
            return await future
        except asyncio.CancelledError:
            answered = future.done() and not future.cancelled() and future.exception() is None
            if answered and (claim := future.result()):
                self._drop(claim)
            raise

    def look_ahead(self, look: Callable[[], Coroutine[Any, Any, list[Ticket]]]) -> None:
        """An outcome is on its way: looks now for the jobs that come after it."""
        if self._seen is None and not self.busy:
            self._seen_at = monotonic()
            self._seen = background(look())

    @property
    def _is_old(self) -> bool:
        """Whether the look ahead was so long ago that the line may be another by now."""
        return monotonic() - self._seen_at > _LOOK_SECONDS

    async def close(self) -> None:
        """Ends what is under way."""
        tasks = [task for task in (self._task, self._seen) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        seen, self._seen = self._seen, None
        if seen is not None and not seen.cancelled() and seen.exception() is None:
            await self._back(seen.result())

    async def _run(self) -> None:
        try:
            while True:
                while self._waiting:
                    await asyncio.sleep(0)  # slots that came free in the same turn ask as well
                    await self._round()
                await self._after()
                if not self._waiting:
                    return
        except Exception as error:
            self._answer_all(error)
        finally:
            self._answer_all(None)

    async def _round(self) -> None:
        asked = len(self._waiting)
        tickets = await self._seen_ahead()
        if tickets is None:
            tickets = await self._look(asked)
        else:
            for _ in range(_TURNS):  # for all whose outcomes were answered together
                if len(self._waiting) < len(tickets):
                    await asyncio.sleep(0)
            asked = len(self._waiting)
            tickets = tickets[:asked]
            asked = len(tickets) or asked
        granted = await self._admit(tickets)
        for ticket in granted:
            claim = self._claim(ticket)
            future = self._pop()
            if future is None:
                self._drop(claim)
            else:
                future.set_result(claim)
            asked -= 1
        while asked > 0 and (future := self._pop()) is not None:
            future.set_result(None)
            asked -= 1

    async def _seen_ahead(self) -> list[Ticket] | None:
        """What the look ahead found; None when there was none, or the line is another by now."""
        seen, self._seen = self._seen, None
        if seen is None:
            return None
        tickets = await seen
        if not self._is_old and self._holds(tickets):
            return tickets
        await self._back(tickets)
        return None

    def _pop(self) -> asyncio.Future[Claim | None] | None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                return future
        return None

    def _answer_all(self, error: Exception | None) -> None:
        while (future := self._pop()) is not None:
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)
