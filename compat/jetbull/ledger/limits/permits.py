"""Starts under a rate limit: counted in the window first, several in one write.

A worker counts the starts ahead that it will make within moments, and makes them without asking
again. It takes back what it does not use, so no other worker has to do without for long. If it is
killed, the starts it counted and did not make are lost to their window; none is made uncounted.
"""

from __future__ import annotations

import asyncio
from time import monotonic

from jetbull.errors import Conflict, JetbullError
from jetbull.ledger.limits import gate
from jetbull.ledger.limits.gate import Rate
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.store.store import QueueStore
from jetbull.tasks import background

__all__ = ["HOLD_SECONDS", "Permits"]

#: With less room in the window than this, starts are counted for jobs at hand only.
_NARROW = 20
HOLD_SECONDS = 0.1
_TRIPS = 5  # unused starts are kept for so many answers of the server: slots wait for theirs
_PROMPT_MS = 2  # so long after its window was opened a start counts as made at once
_LATE_MS = 100  # starts that were counted when their window was over already hold so long
_SHARE = 4  # at most this part of the room is counted ahead


class Permits:
    """The starts one worker may make now."""

    def __init__(self, store: QueueStore) -> None:
        self._store = store
        self._counted: gate.Counted | None = None
        self._spare = 0
        self._spare_until = 0.0
        self._end_ms = 0  # of the window in which the spare ones were counted
        self._good_until_ms = 0  # then the spare ones are none any more
        self._lengthening: asyncio.Task[gate.Counted] | None = None
        self._lock = asyncio.Lock()
        self._filling = asyncio.Lock()

    def forget(self) -> None:
        """The window was changed by hand: nothing that was counted holds any more."""
        self._counted = None
        self._spare = 0

    def spend(self) -> bool:
        """Uses one start that is counted already; False when there is none."""
        if self.spare < 1:
            return False
        self._spare -= 1
        return True

    def unspent(self, count: int) -> None:
        """So many starts that were counted are not made, or not yet."""
        self._spare += count

    @property
    def spare(self) -> int:
        """Starts that are counted and not made."""
        if self._spare and now_ms() >= self._good_until_ms:
            self._spare = 0
        return self._spare

    def room(self, rate: Rate) -> int:
        """How many starts the window has room for, as far as is known here."""
        counted = self._counted
        if counted is None or counted.window.end_ms <= now_ms():
            return rate[0]
        return max(0, rate[0] - counted.window.count) + self.spare

    def time_left(self) -> int:
        """Ms until the next window, as far as is known here; at least 1."""
        return 1 if self._counted is None else max(1, self._counted.window.end_ms - now_ms())

    def is_narrow(self, rate: Rate) -> bool:
        """Whether so few may start that nobody counts ahead, and order needs a look each time."""
        return self.room(rate) <= _NARROW

    async def take(self, count: int, rate: Rate) -> int:
        """Counts so many starts; how many there may be, 0 when the window is full."""
        used = min(self.spare, count)
        self._spare -= used
        if used < count:
            used += await self._count(count - used, rate, share=1)
        return used

    async def fill(self, count: int, rate: Rate, enough: int) -> bool:
        """Counts starts ahead, so that there are about `count`, if there are less than `enough`;
        whether there is any now.
        """
        async with self._filling:
            missing = count - self.spare
            if missing > 0 and self.spare < enough:
                counted = await self._count(missing, rate, share=_SHARE)
                self._spare += counted  # others were spent meanwhile
        return self.spare > 0

    async def _count(self, count: int, rate: Rate, share: int) -> int:
        async with self._lock:
            while True:
                known = await self._known()
                before = known or await gate.counted(self._store)
                window = gate.opened(before.window, rate[1])
                count = min(count, max(0, rate[0] - window.count) // share)
                if count < 1 and known is None:
                    self._counted = before
                    return 0
                self._counted = None
                if count < 1:
                    continue
                asked = monotonic()
                try:
                    self._counted = await gate.count(self._store, before, window, count)
                except Conflict:
                    continue
                if window.end_ms != self._end_ms:
                    self._spare = 0
                self._end_ms = self._good_until_ms = window.end_ms
                answered = monotonic()
                self._spare_until = answered + max(HOLD_SECONDS, _TRIPS * (answered - asked))
                now = now_ms()
                if now >= window.end_ms and (answered - asked) * 1000 < rate[1]:
                    continue  # these would be starts of the next window, and not counted in it
                if now >= window.end_ms:
                    # The answer took so long that none could be made otherwise, ever.
                    self._good_until_ms = now + _LATE_MS
                elif window is not before.window and now - window.start_ms > _PROMPT_MS:
                    # It was opened a while ago, and its first starts come only now. Not waited for:
                    # they are not to come later still.
                    self._end_ms = self._good_until_ms = end_ms = now + rate[1]
                    longer = gate.lengthen(self._store, self._counted, end_ms)
                    self._lengthening = background(longer)
                return count

    async def _known(self) -> gate.Counted | None:
        """The window as this worker left it; None if it has to be read."""
        lengthening, self._lengthening = self._lengthening, None
        if lengthening is not None:
            try:
                self._counted = await lengthening
            except JetbullError:  # it is not known whether it ends later
                self._counted = None
        return self._counted

    def is_held(self) -> bool:
        """Whether unused starts were counted so long ago that others should have them."""
        return self.spare > 0 and monotonic() > self._spare_until

    async def give_back(self) -> int:
        """Takes the unused starts out of the window again; how many."""
        async with self._lock:
            await self._known()
            while (count := self.spare) > 0:
                counted = self._counted or await gate.counted(self._store)
                if counted.window.end_ms != self._end_ms:
                    self._spare = 0
                    break
                self._spare -= count
                try:
                    self._counted = await gate.count(self._store, counted, counted.window, -count)
                    return count
                except Conflict:
                    self._counted = None
                    self._spare += count
        return 0
