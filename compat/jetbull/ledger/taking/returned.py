"""The tickets a worker gave back, and their place in the line as the store has it.

The server hands returned tickets out late and in another order: when any message of their line is
purged, it forgets that they were returned, and only gives them out again when they are overdue.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.messages.names import PRIO, lane_of, state_of
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.front import first_of


def level_of(ticket: Ticket) -> int:
    """The priority level a ticket is of, or 0."""
    subject = ticket.stored.subject
    return int(lane_of(subject)) if state_of(subject) == PRIO else 0


def insert(hand: deque[Ticket], ticket: Ticket) -> None:
    """Puts a ticket in its place."""
    seq = ticket.stored.seq
    if hand and seq < hand[-1].stored.seq:
        hand.insert(sum(1 for held in hand if held.stored.seq < seq), ticket)
    else:
        hand.append(ticket)


class Returned:
    """Tickets that were given back. Whoever gave them may still claim and acknowledge them."""

    def __init__(self, store: QueueStore) -> None:
        self._store = store
        self.by_level: dict[int, dict[int, Ticket]] = {}  # and by sequence

    def add(self, tickets: Iterable[Ticket]) -> None:
        """These go back now."""
        for ticket in tickets:
            self.by_level.setdefault(level_of(ticket), {})[ticket.stored.seq] = ticket

    def forget(self, ticket: Ticket) -> None:
        """This one came again."""
        self.by_level.get(level_of(ticket), {}).pop(ticket.stored.seq, None)

    async def next_of(self, level: int, hand: deque[Ticket]) -> Ticket | None:
        """The next ticket of a level, unless one in `hand` comes first. Those that others took
        meanwhile are forgotten.
        """
        if not self.by_level.get(level):
            return None
        first = await first_of(self._store, level)
        tickets = self.by_level.pop(level, {})
        if first is None:
            return None
        tickets = {seq: t for seq, t in tickets.items() if seq >= first.stored.seq}
        self.by_level[level] = tickets
        seq = min(tickets, default=0)
        if not seq or (hand and hand[0].stored.seq < seq):
            return None
        return tickets.pop(seq)

    def as_delivered(self, first: Ticket) -> Ticket | None:
        """The first ticket of its level as the consumer gave it, if it was given back here."""
        tickets = self.by_level.get(level_of(first), {})
        seq = first.stored.seq
        found = tickets.pop(seq, None)
        for gone in [n for n in tickets if n < seq]:
            del tickets[gone]
        return found


__all__ = ["Returned", "insert", "level_of"]
