"""Where a worker's slots get their next job: head of the queue, then the tail's tickets, then by
priority.

Idle slots leave standing requests at the server, so a new job reaches them at once. Busy workers
with short jobs fetch a little ahead; what is not started within `HOLD_SECONDS` is given back.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic
from typing import TypeVar

from jetbull.errors import ConnectionClosedError, JetbullError
from jetbull.ledger.consumers import (
    ensure_delivery,
    level_consumer,
    wait_consumer,
)
from jetbull.ledger.counting import levels
from jetbull.ledger.feed import Feed
from jetbull.ledger.head import Head
from jetbull.ledger.lease import Ticket
from jetbull.ledger.line import Returned, insert
from jetbull.ledger.names import PRIO, lane_of
from jetbull.ledger.placing import rank
from jetbull.ledger.store import QueueStore
from jetbull.ledger.wire import Msg, Subscription

log = logging.getLogger("jetbull.ledger")

HOLD_SECONDS = 0.1
AUDIT_SECONDS = 3.0
_LEVELS_AT_ONCE = 64
MAX_AHEAD = 512
_Of = TypeVar("_Of")


class Source:
    """Tickets of one queue for one worker."""

    def __init__(
        self,
        store: QueueStore,
        may_fetch: Callable[[], bool],
        refresh: Callable[[], Awaitable[None]],
        room: Callable[[], int | None],
    ) -> None:
        self._store = store
        self._may_fetch = may_fetch
        self._refresh = refresh
        self._room = room
        self._hand: deque[Ticket] = deque()
        self._by_level: dict[int, deque[Ticket]] = {}
        self._feeds: dict[int, Feed] = {}
        self._slots: deque[asyncio.Future[None]] = deque()
        self._wake = asyncio.Event()
        self._head = Head(store)
        self._hints: list[Subscription] = []
        self._forget_listener: Callable[[], None] = lambda: None
        self._stale = False
        self._audit_at = 0.0
        self._levels_lock = asyncio.Lock()
        self._returned = Returned(store)
        self._coming: set[int] = set()
        self._news = 0
        self.ahead = 0
        self.seen_empty = False

    # --- life --------------------------------------------------------------------------

    async def open(self) -> None:
        """Makes the consumers, learns the priority levels in use and listens for hints."""
        names = self._store.names
        self._forget_listener = self._store.wire.on_reconnect(self._on_reconnect)
        for topic, callback in (("head", self._on_head), ("level", self._on_level)):
            self._hints.append(await self._store.wire.subscribe(names.hint(topic), callback))
        await self._add_feed(0)
        await self._learn_levels()

    async def close(self) -> None:
        """Gives back what was not started."""
        self._forget_listener()
        for hint in self._hints:
            await self._store.wire.unsubscribe(hint)
        for feed in self._feeds.values():
            await feed.close()
        await self.give_back()

    async def _add_feed(self, level: int) -> None:
        names = self._store.names
        name, filters = level_consumer(names, str(level)) if level else wait_consumer(names)
        await ensure_delivery(self._store, name, filters)
        hand = self._by_level.get(level, deque()) if level else self._hand
        feed = Feed(self._store.wire, names.space.jobs, name, partial(self._deliver, hand))
        feed.on_poll_over(self._wake.set)
        await feed.open()
        # New dictionaries: the fetcher may be going through the old ones.
        self._feeds = _ranked({**self._feeds, level: feed})
        if level:
            self._by_level = _ranked({**self._by_level, level: hand})
        self._coming.discard(level)

    async def _learn_levels(self) -> None:
        known = await levels(self._store)
        async with self._levels_lock:
            new = [level for level in known if level not in self._feeds]
            for at in range(0, len(new), _LEVELS_AT_ONCE):
                await asyncio.gather(*map(self._add_feed, new[at : at + _LEVELS_AT_ONCE]))

    async def _add_level(self, level: int) -> None:
        async with self._levels_lock:
            if level not in self._feeds:
                await self._add_feed(level)

    async def _on_head(self, _: Msg) -> None:
        self._head.tell()
        self._news += 1
        self._rouse(1)

    async def _on_level(self, msg: Msg) -> None:
        level = int(msg.data)
        self._coming.add(level)
        # What is in hand may not start before the new level's first job, which comes now.
        later = [hand for at, hand in self._by_level.items() if rank(at) > rank(level)]
        held = [ticket for hand in later for ticket in hand]
        for hand in later:
            hand.clear()
        await self._add_level(level)
        for ticket in held:
            await self.put_back(ticket)
        self._wake.set()

    def _on_reconnect(self) -> None:
        self._stale = True
        self._head.forget()
        self.rouse()

    def _deliver(self, hand: deque[Ticket], ticket: Ticket) -> None:
        insert(hand, ticket)
        self._news += 1
        self._returned.forget(ticket)
        if len(self._feeds) > 1 and not self._slots:
            self._wake.set()  # a standing request was used up while others are in hand
        self._rouse(1)

    # --- slots -------------------------------------------------------------------------

    def rouse(self) -> None:
        """Lets every idle slot and the fetcher look again (resumed, reconnected, unlimited)."""
        self._news += 1
        self._rouse(len(self._slots))
        self._wake.set()

    def fetch_soon(self) -> None:
        """Lets the fetcher look again, for a slot that does not wait for it."""
        self._wake.set()

    def rouse_one(self) -> None:
        """Lets one idle slot look again: where one job was, there may be another."""
        self._news += 1
        self._rouse(1)

    def _rouse(self, count: int) -> None:
        while count > 0 and self._slots:
            slot = self._slots.popleft()
            if not slot.done():
                slot.set_result(None)
                count -= 1

    @property
    def silent_seconds(self) -> float:
        """How long the server has answered no request for jobs; a few seconds are usual."""
        return monotonic() - max((feed.heard for feed in self._feeds.values()), default=0.0)

    @property
    def idle_slots(self) -> int:
        return len(self._slots)

    async def pause(self) -> None:
        """A slot waits here until there may be something for it."""
        slot: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._slots.append(slot)
        self._wake.set()
        try:
            await slot
        finally:
            if slot in self._slots:
                self._slots.remove(slot)

    def pop(self) -> Ticket | None:
        """The next ticket in hand: tail first, then the lowest priority number."""
        ticket = self._pop()
        if ticket is not None and self._in_hand() <= self.ahead // 2:
            self._wake.set()
        return ticket

    def _pop(self) -> Ticket | None:
        if self._hand:
            return self._hand.popleft()
        for level in self._by_level.values():
            if level:
                return level.popleft()
        return None

    @property
    def news(self) -> int:
        """Grows whenever there may be something new for a slot."""
        return self._news

    @property
    def levels(self) -> list[int]:
        """The priority levels in use, in the order they are served; 0 is the line without any."""
        return sorted({*self._feeds, *self._coming}, key=rank) if self._coming else [*self._feeds]

    def as_delivered(self, ticket: Ticket) -> Ticket:
        """The same ticket as the consumer gave it, if it did: that one can be acknowledged."""
        returned = self._returned.as_delivered(ticket)
        for _, hand in self._hands():
            for held in hand:
                if held.stored.seq == ticket.stored.seq:
                    hand.remove(held)
                    return held
        return returned or ticket

    @property
    def has_returned(self) -> bool:
        """Whether tickets that were given back may still be in line: `recall` finds them."""
        return bool(self._returned)

    async def recall(self) -> Ticket | None:
        """As `pop`, with what was given back in its old place."""
        for level in self._feeds:
            hand = self._by_level[level] if level else self._hand
            ticket = await self._returned.next_of(level, hand)
            if ticket is not None:
                return ticket
            if hand:
                return hand.popleft()
        return None

    async def put_back(self, ticket: Ticket) -> None:
        """A ticket that may not start now returns to the queue."""
        if ticket.reply:
            self._returned.add([ticket])
            await self._store.wire.send(ticket.reply, b"-NAK")
        else:
            self._head.settled(ticket, won=True)
            self._head.forget()

    @property
    def may_have_head(self) -> bool:
        return self._head.may_be

    def pop_head(self) -> Ticket | None:
        """The newest job at the head, if it is in hand and nothing newer may have come."""
        return self._head.pop()

    async def head(self) -> Ticket | None:
        """The newest job at the head of the queue, or None; tell `settled` how its claim went."""
        ticket = self._head.pop()
        if ticket is None:
            ticket = await self._head.next()
            if ticket is not None:
                self._rouse(len(self._head) or 1)
        return ticket

    def settled(self, ticket: Ticket, won: bool) -> None:
        """The claim of a ticket is over."""
        if not ticket.reply:
            self._head.settled(ticket, won)

    # --- fetching ----------------------------------------------------------------------

    def _in_hand(self) -> int:
        if not self._by_level:
            return len(self._hand)
        return len(self._hand) + sum(len(level) for level in self._by_level.values())

    async def run(self) -> None:
        """The fetcher: one loop that keeps slots supplied; ends by cancellation."""
        while True:
            holding = self._in_hand() > 0
            try:
                async with asyncio.timeout(HOLD_SECONDS if holding else AUDIT_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                if holding:
                    await self._give_back_old()
                    continue
            self._wake.clear()
            try:
                if self._stale or any(feed.lost for feed in self._feeds.values()):
                    await self._recover()
                if monotonic() > self._audit_at:
                    await self._audit()
                await self._fetch()
            except ConnectionClosedError:
                raise
            except JetbullError as error:
                log.warning("cannot fetch jobs of %s for now: %s", self._store.names.name, error)
                await self._store.wire.connected()
                self._stale = True
                self._wake.set()
                await asyncio.sleep(0.1)

    async def _audit(self) -> None:
        """Finds what a lost hint would have told: a hint is fire and forget, and who sends it may
        die between storing and telling."""
        self._audit_at = monotonic() + AUDIT_SECONDS
        await self._refresh()
        await self._learn_levels()
        wire, names = self._store.wire, self._store.names
        for query in (
            {"last_by_subj": names.all_in(PRIO)},
            {"next_by_subj": names.all_in(PRIO), "seq": 1},
        ):
            found = await wire.get_one(names.space.jobs, query)
            if found is not None:
                await self._add_level(int(lane_of(found.subject)))
        self._head.tell()
        if self._slots:
            self.rouse_one()

    async def _recover(self) -> None:
        """After a reconnect: standing requests are gone, levels and consumers may be too."""
        for level, feed in self._feeds.items():
            names = self._store.names
            spec = level_consumer(names, str(level)) if level else wait_consumer(names)
            await ensure_delivery(self._store, *spec)
            feed.forget()
        await self._learn_levels()
        self._stale = False

    async def _fetch(self) -> None:
        if not self._may_fetch():
            await self.give_back()
            return
        need = self._need()
        if len(self._feeds) == 1:
            await self._fetch_plain(need)
        else:
            await self._fetch_levels(need)

    def _need(self) -> int:
        return self._allowed(len(self._slots) - self._in_hand())

    def _allowed(self, count: int) -> int:
        room = self._room()
        return count if room is None else min(count, room - self._in_hand())

    async def _fetch_plain(self, need: int) -> None:
        feed = self._feeds[0]
        ahead = self.ahead
        if ahead and len(self._hand) <= ahead // 2 and self._allowed(1) > 0:
            got = await feed.grab(self._allowed(max(need, 0) + ahead - len(self._hand)))
            self.seen_empty = got == 0
            need = self._need()
        missing = need - feed.standing
        if missing > 0:
            await feed.poll(missing)

    async def _fetch_levels(self, need: int) -> None:
        ahead = self.ahead
        want = self._allowed(need + ahead)
        if need > 0 or self._in_hand() <= ahead // 2:
            for feed in list(self._feeds.values()):
                if want <= 0:
                    break
                if feed.standing:  # the server has nothing there, or sends it unasked
                    continue
                want -= await feed.grab(want)
                if need + ahead - want > 0:
                    break
        need = self._need()
        # Both are in the order of the line.
        first = next((level for level, hand in self._by_level.items() if hand), 0)
        for level, feed in list(self._feeds.items()):
            # A job that comes before those in hand must be able to come.
            missing = max(need, 1 if rank(level) < rank(first) else 0) - feed.standing
            if missing > 0:
                await feed.poll(missing)

    # --- giving back -------------------------------------------------------------------

    def _hands(self) -> list[tuple[Feed, deque[Ticket]]]:
        return [(f, self._by_level[n] if n else self._hand) for n, f in self._feeds.items()]

    async def give_back(self) -> None:
        """Returns every ticket in hand to the queue."""
        for feed, hand in self._hands():
            feed.returned += len(hand)
            self._returned.add(hand)
            while hand:
                await self._store.wire.send(hand.popleft().reply, b"-NAK")

    async def _give_back_old(self) -> None:
        if self._slots:
            self._rouse(self._in_hand())
            return
        limit = monotonic() - HOLD_SECONDS
        for feed, hand in self._hands():
            if hand and hand[0].since < limit:
                # With what came later, or that would run before them.
                tickets = list(hand)
                hand.clear()
                feed.returned += len(tickets)
                await self._return(tickets)

    async def _return(self, tickets: list[Ticket]) -> None:
        """Returns tickets to the queue; the server has them when this is over.

        Without its word the next request could be answered with jobs that come after these.
        """
        wire = self._store.wire
        self._returned.add(tickets)
        for ticket in tickets[:-1]:
            await wire.send(ticket.reply, b"-NAK")
        try:
            await (await wire.question(tickets[-1].reply, b"-NAK"))
        except JetbullError as error:
            log.debug("tickets of %s come back by themselves: %s", self._store.names.name, error)


def _ranked(by_level: dict[int, _Of]) -> dict[int, _Of]:
    return dict(sorted(by_level.items(), key=lambda item: rank(item[0])))
