"""Tickets in hand go back to the queue: those that may not start, and those held for too long."""

from __future__ import annotations

import logging
from time import monotonic

from jetbull.errors import JetbullError
from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.feeds import Feeds

__all__ = ["GivingBack"]

log = logging.getLogger("jetbull.ledger")

_HOLD_SECONDS = 0.1
_HOLD_TRIPS = 4

_NAK = b"-NAK"


class GivingBack:
    """Returns tickets to the consumers they came from."""

    def __init__(self, store: QueueStore, feeds: Feeds) -> None:
        self._store = store
        self._feeds = feeds
        self._hand = feeds.hand

    @property
    def hold_seconds(self) -> float:
        """What is not started within this is given back: a moment, or a few trips to the server."""
        return max(_HOLD_SECONDS, _HOLD_TRIPS * self._feeds.trips.seconds)

    async def one(self, ticket: Ticket) -> None:
        """Returns a ticket that was taken out of the hand."""
        self._hand.returned.add([ticket])
        await self._store.wire.send(ticket.reply, _NAK)

    async def all(self) -> None:
        """Returns every ticket in hand."""
        for level, feed in self._feeds.by_level.items():
            tickets = self._hand.of(level)
            feed.returned += len(tickets)
            self._hand.returned.add(tickets)
            while tickets:
                await self._store.wire.send(tickets.popleft().reply, _NAK)

    async def old(self) -> None:
        """Returns what was held for `hold_seconds`, with what is behind it in its level."""
        limit = monotonic() - self.hold_seconds
        for level, feed in self._feeds.by_level.items():
            tickets = self._hand.of(level)
            if tickets and tickets[0].since < limit:
                # With what came later, or that would run before them.
                going = list(tickets)
                tickets.clear()
                feed.returned += len(going)
                await self._return(going)

    async def _return(self, tickets: list[Ticket]) -> None:
        """Returns tickets; the server has them when this is over.

        Without its word the next request could be answered with jobs that come after these.
        """
        wire = self._store.wire
        self._hand.returned.add(tickets)
        for ticket in tickets[:-1]:
            await wire.send(ticket.reply, _NAK)
        try:
            await (await wire.question(tickets[-1].reply, _NAK))
        except JetbullError as error:
            log.debug("tickets of %s come back by themselves: %s", self._store.names.name, error)
