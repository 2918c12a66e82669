"""The tickets one worker has in hand, each level in the order of the line, and those it gave back.

Level 0 is the line without priorities. It comes first, then the levels in the order of `rank`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TypeVar

from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.messages.placing import rank
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.returned import Returned

__all__ = ["Hand", "ranked"]

_Of = TypeVar("_Of")


class Hand:
    """Tickets of one queue that a consumer gave to this worker and no slot has taken yet.

    `dry` says whether the ticket taken last was the only one of its level. Nothing is taken that is
    behind one of the levels `unsure`: of those the server may have more. `freed` is set when one of
    them is so no more: slots that found nothing to take may find it now.
    """

    def __init__(self, store: QueueStore) -> None:
        self.plain: deque[Ticket] = deque()
        self.by_level: dict[int, deque[Ticket]] = {}  # without level 0
        self.dry = False
        self.unsure: set[int] = set()
        self.freed = False
        self._new: set[int] = set()  # of these: levels that nobody has asked for yet
        self.returned = Returned(store)

    def add_levels(self, levels: Iterable[int]) -> None:
        """There may be tickets of these priority levels from now on."""
        new = {level: deque[Ticket]() for level in levels if level not in self.by_level}
        if new:
            # A new dictionary: somebody may be going through the old one.
            self.by_level = ranked({**self.by_level, **new})

    def expect_level(self, level: int) -> None:
        """There will be a level that nobody has asked for yet."""
        self.add_levels([level])
        self.unsure.add(level)
        self._new.add(level)

    def asked(self, level: int) -> None:
        """The server was asked for a level, or sends what comes there unasked."""
        if level in self.unsure:
            self.unsure.discard(level)
            self.freed = True
        self._new.discard(level)

    def can_wait(self, level: int) -> bool:
        """Whether no ticket in hand waits for a level that was not asked for yet.

        It is not to fill the hand: what comes before it may come at any moment.
        """
        if level not in self._new:
            return False
        first = next((at for at in (0, *self.by_level) if self.of(at)), level)
        return rank(first) <= rank(level)

    def of(self, level: int) -> deque[Ticket]:
        """The tickets of a level that was added, the next one first."""
        return self.by_level[level] if level else self.plain

    def count(self) -> int:
        """How many are in hand."""
        return len(self.plain) + self.prioritized if self.by_level else len(self.plain)

    @property
    def first_level(self) -> int:
        """The priority level of the first ticket that has one; 0 if none has."""
        return next((level for level, tickets in self.by_level.items() if tickets), 0)

    def begins_behind(self, level: int) -> bool:
        """Whether there are tickets, all of them behind this level (0: none)."""
        if self.plain:
            return False
        return rank(self.first_level) > rank(level)

    @property
    def prioritized(self) -> int:
        """How many have a priority level."""
        return sum(map(len, self.by_level.values()))

    def pop(self) -> Ticket | None:
        """The next ticket: tail first, then the lowest priority number."""
        if self.plain:
            return self._take(self.plain)
        if 0 in self.unsure:
            return None
        for level, tickets in self.by_level.items():
            if tickets:
                return self._take(tickets)
            if level in self.unsure:
                return None
        return None

    def _take(self, tickets: deque[Ticket]) -> Ticket:
        ticket = tickets.popleft()
        self.dry = not tickets
        return ticket

    def take_behind(self, level: int) -> list[Ticket]:
        """Takes out all that may not start before a job of `level`."""
        later = [tickets for at, tickets in self.by_level.items() if rank(at) > rank(level)]
        held = [ticket for tickets in later for ticket in tickets]
        for tickets in later:
            tickets.clear()
        return held

    @property
    def given_back(self) -> int:
        """The priority level of the next ticket, if that is one that was given back; else 0."""
        for level in (0, *self.by_level):
            if self.of(level):
                return 0
            if self.returned.by_level.get(level):
                return level
        return 0

    def as_delivered(self, ticket: Ticket) -> Ticket:
        """The ticket as a consumer delivered it here, if it did: only that can be acknowledged."""
        returned = self.returned.as_delivered(ticket)
        for tickets in (self.plain, *self.by_level.values()):
            for held in tickets:
                if held.stored.seq == ticket.stored.seq:
                    tickets.remove(held)
                    return held
        return returned or ticket

    async def recall(self) -> Ticket | None:
        """As `pop`, with what was given back in its old place."""
        for level in (0, *self.by_level):
            tickets = self.of(level)
            ticket = await self.returned.next_of(level, tickets)
            if ticket is not None:
                return ticket
            if tickets:
                return self._take(tickets)
            if level in self.unsure:
                return None
        return None


def ranked(by_level: dict[int, _Of]) -> dict[int, _Of]:
    """The same by level, in the order levels are served."""
    return dict(sorted(by_level.items(), key=lambda item: rank(item[0])))
