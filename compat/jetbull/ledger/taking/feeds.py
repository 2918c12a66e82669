"""The feeds of one worker: one for the line without priorities (level 0), and one per priority
level in use, made when the level is learnt.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.messages.placing import rank
from jetbull.ledger.queue.consumers import ensure_delivery, line_consumer
from jetbull.ledger.queue.counting import levels
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.feed import Feed
from jetbull.ledger.taking.hand import Hand, ranked
from jetbull.ledger.taking.trips import Trips

__all__ = ["Feeds"]

_LEVELS_AT_ONCE = 64
_MANY = 500


class Feeds:
    """Feeds by priority level, in the order the levels are served.

    `deliver` gets each ticket, with the tickets of its level in `hand`; `idle` is called when a
    standing request ended without being used up.
    """

    def __init__(
        self,
        store: QueueStore,
        hand: Hand,
        deliver: Callable[[deque[Ticket], Ticket], None],
        idle: Callable[[], None],
    ) -> None:
        self._store = store
        self._deliver = deliver
        self._idle = idle
        self._coming: set[int] = set()
        self._lock = asyncio.Lock()
        self.hand = hand
        self.by_level: dict[int, Feed] = {}
        self.trips = Trips()

    async def open(self) -> None:
        """Makes the consumers of the levels in use."""
        await self._make(0)
        await self.learn()

    async def close(self) -> None:
        """No more tickets come."""
        for feed in self.by_level.values():
            await feed.close()

    async def learn(self) -> None:
        """Adds the priority levels that were ever used."""
        known = await levels(self._store)
        async with self._lock:
            new = [level for level in known if level not in self.by_level]
            for at in range(0, len(new), _LEVELS_AT_ONCE):
                await self._make(*new[at : at + _LEVELS_AT_ONCE])

    def expect(self, level: int) -> None:
        """This level is in use, and will be added; nothing behind it begins until then."""
        if level not in self.by_level:
            self._coming.add(level)
            self.hand.expect_level(level)
            plain = self.by_level.get(0)
            if not self.hand.plain and plain is not None and not plain.standing:
                self.hand.unsure.add(0)  # that it ran dry did not matter while it was the only one

    async def add(self, level: int) -> None:
        """Makes sure a level has its feed; it is expected no more, even if that failed."""
        try:
            async with self._lock:
                if level not in self.by_level:
                    await self._make(level)
        finally:
            self._coming.discard(level)
            if level not in self.by_level:
                self.hand.asked(level)

    @property
    def servable(self) -> dict[int, Feed]:
        """The feeds that no level which is still expected comes before."""
        if not self._coming:
            return self.by_level
        first = min(map(rank, self._coming))
        return {level: feed for level, feed in self.by_level.items() if rank(level) < first}

    async def _make(self, *levels: int) -> None:
        self.hand.add_levels(level for level in levels if level)
        feeds = await asyncio.gather(*map(self._open, levels))
        # A new dictionary: the fetcher may be going through the old one.
        self.by_level = ranked({**self.by_level, **dict(zip(levels, feeds, strict=True))})
        self._coming.difference_update(levels)

    async def _open(self, level: int) -> Feed:
        name = await self._ensure(level)
        deliver = partial(self._deliver, self.hand.of(level))
        feed = Feed(self._store.wire, self._store.names.space.jobs, name, deliver, self.trips)
        feed.on_poll_over(self._idle)
        await feed.open()
        return feed

    async def _ensure(self, level: int) -> str:
        return await ensure_delivery(self._store, *line_consumer(self._store.names, level))

    async def recover(self) -> None:
        """After a reconnect: standing requests are gone, levels and consumers may be too."""
        for level, feed in self.by_level.items():
            await self._ensure(level)
            feed.forget()
        await self.learn()

    @property
    def lost(self) -> bool:
        """Whether a consumer is not there any more."""
        return any(feed.lost for feed in self.by_level.values())

    @property
    def heard(self) -> float:
        """When the server last answered a request for jobs (`monotonic`), or 0."""
        return max((feed.heard for feed in self.by_level.values()), default=0.0)

    @property
    def deep(self) -> list[int]:
        """The levels of which very many jobs waited when the last one of them was sent."""
        return [level for level, feed in self.by_level.items() if feed.behind > _MANY]

    @property
    def levels(self) -> list[int]:
        """The levels in use, in the order they are served; 0 is the line without priorities."""
        if not self._coming:
            return [*self.by_level]
        return sorted({*self.by_level, *self._coming}, key=rank)
