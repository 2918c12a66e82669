"""How many tickets are asked for, and of which feed, so that slots have what they need.

Idle slots leave standing requests at the server, so a new job reaches them at once. Busy workers
with short jobs fetch a little ahead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from jetbull.ledger.messages.placing import rank
from jetbull.ledger.taking.feed import Feed
from jetbull.ledger.taking.feeds import Feeds
from jetbull.ledger.taking.giving_back import GivingBack
from jetbull.ledger.taking.resting import Resting

__all__ = ["Supply"]

_MOST_BEFORE = 32  # tickets that are asked for because of others in hand


class Supply:
    """Requests for tickets; nothing is fetched unless `may_fetch`.

    `room` is how many jobs the limits let start now, None without limits; `ahead` is how many
    tickets a busy worker should have in hand.
    """

    def __init__(
        self,
        feeds: Feeds,
        back: GivingBack,
        resting: Resting,
        may_fetch: Callable[[], bool],
        room: Callable[[], int | None],
        ahead: Callable[[], int],
    ) -> None:
        self._feeds = feeds
        self._hand = feeds.hand
        self._back = back
        self._resting = resting
        self._may_fetch = may_fetch
        self._room = room
        self._ahead = ahead
        self._asking = asyncio.Lock()

    async def fetch(self) -> None:
        """Asks for what is missing; gives back what is in hand when no job may start."""
        if not self._may_fetch():
            await self._back.all()
            return
        async with self._asking:
            need = self._need()
            if len(self._feeds.by_level) == 1:
                await self._fetch_plain(need)
            else:
                await self._fetch_levels(need)

    async def look_before(self, level: int) -> None:
        """Asks for a job that comes before one of `level` that was given back: while this worker is
        busy no request stands for it.
        """
        async with self._asking:
            for at, feed in list(self._feeds.servable.items()):
                if rank(at) >= rank(level) or self._hand.of(at):
                    return
                if not feed.standing and await feed.grab(1):
                    return

    async def look_at(self, level: int) -> None:
        """Asks for a job that has just come to `level`. What a standing request brings of it is
        there before the answer.
        """
        async with self._asking:
            feed = self._feeds.servable.get(level)
            if feed is not None and not self._hand.of(level):
                await feed.grab(1)

    def _need(self) -> int:
        return self._allowed(len(self._resting.slots) - self._hand.count())

    def _allowed(self, count: int) -> int:
        room = self._room()
        return count if room is None else min(count, room - self._hand.count())

    async def _fetch_plain(self, need: int) -> None:
        feed = self._feeds.by_level[0]
        ahead, held = self._ahead(), len(self._hand.plain)
        if ahead and held <= ahead // 2 and self._allowed(1) > 0:
            await feed.grab(self._allowed(max(need, 0) + ahead - held))
            need = self._need()
        missing = need - feed.standing
        if missing > 0:
            await feed.poll(missing)

    async def _fetch_levels(self, need: int) -> None:
        ahead = self._ahead()
        want = self._allowed(need + ahead)
        full: Feed | None = None  # of a level that may have more
        if need > 0 or self._hand.count() <= ahead // 2:
            for level, feed in list(self._feeds.servable.items()):
                if want <= 0:
                    break
                if feed.standing:  # the server has nothing there, or sends it unasked
                    self._hand.asked(level)
                    continue
                came = await feed.grab(want)
                self._hand.asked(level)
                want -= came
                if want <= 0:
                    full = feed
                elif came and self._need() <= 0:
                    break
        if self._hand.unsure:
            await self._make_sure()
        if self._hand.freed and self._resting.slots:
            self._hand.freed = False
            self._resting.rouse(self._hand.count())
        need = self._need()
        # Jobs that come before those in hand must be able to come, as many as these are.
        first, before = rank(self._hand.first_level), min(self._hand.prioritized, _MOST_BEFORE)
        for level, feed in list(self._feeds.servable.items()):
            if feed is full and need > 0:
                # Slots came free meanwhile: nothing that stands behind it is to come first.
                self._resting.wake.set()
                break
            missing = max(need, before if rank(level) < first else 0) - feed.standing
            if missing > 0:
                await feed.poll(missing)

    async def _make_sure(self) -> None:
        """Asks for what comes before the tickets in hand, of the levels that ran dry."""
        hand = self._hand
        count = max(1, self._allowed(min(hand.prioritized, _MOST_BEFORE)))
        for level in sorted(hand.unsure, key=rank):
            feed = self._feeds.by_level.get(level)  # None: it is still to be made
            if feed is not None and not hand.can_wait(level):
                await feed.grab(count)
                hand.asked(level)
