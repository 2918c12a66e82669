"""Where a worker's slots get their next job: head of the queue, then the tail's tickets, then by
priority.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic

from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.feeds import Feeds
from jetbull.ledger.taking.fetcher import Fetcher
from jetbull.ledger.taking.giving_back import GivingBack
from jetbull.ledger.taking.hand import Hand
from jetbull.ledger.taking.head import Head
from jetbull.ledger.taking.hints import Hints
from jetbull.ledger.taking.resting import Resting
from jetbull.ledger.taking.returned import insert, level_of
from jetbull.ledger.taking.supply import Supply

__all__ = ["MAX_AHEAD", "Source"]

MAX_AHEAD = 512


class Source:
    """Tickets of one queue for one worker: those at the `head`, and those in `hand`, which come by
    the `feeds`; `resting` are the slots that found none.

    `ahead` is how many a busy worker should have in hand; the worker sets it.
    """

    def __init__(
        self,
        store: QueueStore,
        may_fetch: Callable[[], bool],
        refresh: Callable[[], Awaitable[None]],
        room: Callable[[], int | None],
    ) -> None:
        self._store = store
        self.head = Head(store)
        self.hand = Hand(store)
        self._returned = self.hand.returned
        self.resting = resting = Resting()
        self.feeds = feeds = Feeds(store, self.hand, self._deliver, resting.wake.set)
        self._back = back = GivingBack(store, feeds)
        self._hints = Hints(store, self.head, feeds, back, resting, refresh)
        self._supply = Supply(feeds, back, resting, may_fetch, room, lambda: self.ahead)
        self._fetcher = Fetcher(store, feeds, self._supply, back, self._hints, resting)
        self._forget_listener: Callable[[], None] = lambda: None
        self.ahead = 0

    # --- life --------------------------------------------------------------------------

    async def open(self) -> None:
        """Makes the consumers, learns the priority levels in use and listens for hints."""
        self._forget_listener = self._store.wire.on_reconnect(self._on_reconnect)
        await self._hints.open()
        await self.feeds.open()

    async def run(self) -> None:
        """The fetcher: one loop that keeps slots supplied; ends by cancellation."""
        await self._fetcher.run()

    async def close(self) -> None:
        """Gives back what was not started."""
        self._forget_listener()
        await self._hints.close()
        await self.feeds.close()
        await self._back.all()

    @property
    def silent_seconds(self) -> float:
        """How long the server has answered no request for jobs; a few seconds are usual."""
        return monotonic() - self.feeds.heard

    def _on_reconnect(self) -> None:
        self._fetcher.stale = True
        self.head.forget()
        self.resting.rouse_all()

    def _deliver(self, tickets: deque[Ticket], ticket: Ticket) -> None:
        insert(tickets, ticket)
        resting = self.resting
        resting.news += 1
        if self._returned.by_level:
            self._returned.forget(ticket)
        if len(self.feeds.by_level) > 1 and not resting.slots:
            resting.wake.set()  # a standing request was used up while others are in hand
        if resting.slots:
            resting.rouse(1)

    # --- tickets -----------------------------------------------------------------------

    def pop(self) -> Ticket | None:
        """The next ticket in hand: tail first, then the lowest priority number."""
        hand = self.hand
        ticket = hand.pop()
        if ticket is not None:
            if hand.dry:
                self._dried(level_of(ticket))
            elif hand.count() <= self.ahead // 2:
                self.resting.wake.set()
        return ticket

    async def look_for(self, level: int) -> None:
        """Fetches a job that has just come to this priority level, if it goes before those here, or
        sees to it that none which is on its way to an empty hand overtakes it.
        """
        hand = self.hand
        if hand.begins_behind(level):
            await self._supply.look_at(level)
        elif level in self.feeds.by_level and len(self.feeds.by_level) > 1 and not hand.count():
            self._dried(level)

    def _dried(self, level: int) -> None:
        """Of a level that ran dry the next job has to be able to come before those in hand."""
        by_level = self.feeds.by_level
        if self.hand.by_level and not by_level[level].standing:
            self.hand.unsure.add(level)
        self.resting.wake.set()

    @property
    def has_returned(self) -> bool:
        """Whether tickets that were given back may still be in line: `recall` finds them."""
        by_level = self._returned.by_level
        return bool(by_level) and any(by_level.values())

    async def recall(self) -> Ticket | None:
        """As `pop`, with what was given back in its old place."""
        if level := self.hand.given_back:
            await self._supply.look_before(level)
        ticket = await self.hand.recall()
        if ticket is not None and self.hand.dry:
            self._dried(level_of(ticket))
        return ticket

    async def put_back(self, ticket: Ticket) -> None:
        """A ticket that may not start now returns to the queue."""
        if ticket.reply:
            await self._back.one(ticket)
        else:
            self.head.settled(ticket, won=True)
            self.head.forget()

    def settled(self, ticket: Ticket, won: bool) -> None:
        """The claim of a ticket is over."""
        if not ticket.reply:
            self.head.settled(ticket, won)

    async def next_at_head(self) -> Ticket | None:
        """The newest job at the head of the queue, or None; tell `settled` how its claim went."""
        ticket = self.head.pop()
        if ticket is None:
            ticket = await self.head.next()
            if ticket is not None:
                self.resting.rouse(len(self.head) or 1)
        return ticket
