"""Where a worker's slots get their next job: head of the queue, then the tail's tickets, then by
priority.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic

from jetbull.ledger.job.lease import Ticket
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
    """Tickets of one queue for one worker.

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
        self._head = Head(store)
        self._hand = Hand(store)
        self._returned = self._hand.returned
        self._resting = resting = Resting()
        self._feeds = feeds = Feeds(store, self._hand, self._deliver, resting.wake.set)
        self._back = back = GivingBack(store, feeds)
        self._hints = Hints(store, self._head, feeds, back, resting, refresh)
        self._supply = Supply(feeds, back, resting, may_fetch, room, lambda: self.ahead)
        self._fetcher = Fetcher(store, feeds, self._supply, back, self._hints, resting)
        self._forget_listener: Callable[[], None] = lambda: None
        self.trips = feeds.trips
        self.ahead = 0

    # --- life --------------------------------------------------------------------------

    async def open(self) -> None:
        """Makes the consumers, learns the priority levels in use and listens for hints."""
        self._forget_listener = self._store.wire.on_reconnect(self._on_reconnect)
        await self._hints.open()
        await self._feeds.open()

    async def run(self) -> None:
        """The fetcher: one loop that keeps slots supplied; ends by cancellation."""
        await self._fetcher.run()

    async def close(self) -> None:
        """Gives back what was not started."""
        self._forget_listener()
        await self._hints.close()
        await self._feeds.close()
        await self._back.all()

    @property
    def silent_seconds(self) -> float:
        """How long the server has answered no request for jobs; a few seconds are usual."""
        return monotonic() - self._feeds.heard

    def _on_reconnect(self) -> None:
        self._fetcher.stale = True
        self._head.forget()
        self.rouse()

    def _deliver(self, tickets: deque[Ticket], ticket: Ticket) -> None:
        insert(tickets, ticket)
        resting = self._resting
        resting.news += 1
        if self._returned.by_level:
            self._returned.forget(ticket)
        if len(self._feeds.by_level) > 1 and not resting.slots:
            resting.wake.set()  # a standing request was used up while others are in hand
        if resting.slots:
            resting.rouse(1)

    # --- idle slots --------------------------------------------------------------------

    async def pause(self) -> None:
        """A slot waits here until there may be something for it."""
        await self._resting.pause()

    @property
    def news(self) -> int:
        """Grows whenever there may be something new for a slot."""
        return self._resting.news

    def rouse(self) -> None:
        """Lets every idle slot and the fetcher look again (resumed, reconnected, unlimited)."""
        self._resting.rouse_all()

    def rouse_one(self) -> None:
        """Lets one idle slot look again: where one job was, there may be another."""
        self._resting.rouse_one()

    def fetch_soon(self) -> None:
        """Lets the fetcher look again, for a slot that does not wait for it."""
        self._resting.wake.set()

    # --- tickets -----------------------------------------------------------------------

    @property
    def levels(self) -> list[int]:
        """The priority levels in use, in the order they are served; 0 is the line without any."""
        return self._feeds.levels

    @property
    def deep_levels(self) -> list[int]:
        """Those of the levels in which very many jobs waited a moment ago."""
        return self._feeds.deep

    def pop(self) -> Ticket | None:
        """The next ticket in hand: tail first, then the lowest priority number."""
        hand = self._hand
        ticket = hand.pop()
        if ticket is not None:
            if hand.dry:
                self._dried(level_of(ticket))
            elif hand.count() <= self.ahead // 2:
                self._resting.wake.set()
        return ticket

    def goes_first(self, level: int) -> bool:
        """Whether a job that comes to this priority level (0: none) goes before those in hand."""
        return self._hand.begins_behind(level)

    async def look_for(self, level: int) -> None:
        """Fetches a job that has just come to this priority level, if it goes before those here."""
        if self.goes_first(level):
            await self._supply.look_at(level)

    def _dried(self, level: int) -> None:
        """Of a level that ran dry the next job has to be able to come before those in hand."""
        by_level = self._feeds.by_level
        if self._hand.by_level and not by_level[level].standing:
            self._hand.unsure.add(level)
        self._resting.wake.set()

    def as_delivered(self, ticket: Ticket) -> Ticket:
        """The ticket as a consumer delivered it here, if it did: only that can be acknowledged."""
        return self._hand.as_delivered(ticket)

    @property
    def has_returned(self) -> bool:
        """Whether tickets that were given back may still be in line: `recall` finds them."""
        by_level = self._returned.by_level
        return bool(by_level) and any(by_level.values())

    async def recall(self) -> Ticket | None:
        """As `pop`, with what was given back in its old place."""
        if level := self._hand.given_back:
            await self._supply.look_before(level)
        ticket = await self._hand.recall()
        if ticket is not None and self._hand.dry:
            self._dried(level_of(ticket))
        return ticket

    async def put_back(self, ticket: Ticket) -> None:
        """A ticket that may not start now returns to the queue."""
        if ticket.reply:
            await self._back.one(ticket)
        else:
            self._head.settled(ticket, won=True)
            self._head.forget()

    def settled(self, ticket: Ticket, won: bool) -> None:
        """The claim of a ticket is over."""
        if not ticket.reply:
            self._head.settled(ticket, won)

    # --- the head ----------------------------------------------------------------------

    @property
    def may_have_head(self) -> bool:
        """Whether there may be jobs at the head."""
        return self._head.may_be

    @property
    def head_signs(self) -> int:
        """Grows whenever a newer job may have come to the head."""
        return self._head.signs

    def pop_head(self) -> Ticket | None:
        """The newest job at the head, if it is in hand and nothing newer may have come."""
        return self._head.pop()

    async def head(self) -> Ticket | None:
        """The newest job at the head of the queue, or None; tell `settled` how its claim went."""
        ticket = self._head.pop()
        if ticket is None:
            ticket = await self._head.next()
            if ticket is not None:
                self._resting.rouse(len(self._head) or 1)
        return ticket
