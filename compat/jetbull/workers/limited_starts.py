"""How a worker's slots get jobs while a limit lets only some of them start."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from jetbull.errors import JetbullError
from jetbull.ledger.job.lease import Lease
from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.messages.names import is_schedule
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.leftovers import Leftovers
from jetbull.ledger.taking.line import Line
from jetbull.ledger.taking.source import Source
from jetbull.ledger.taking.starting import Starter
from jetbull.ledger.taking.taking import Claim
from jetbull.workers.admission import Admission

__all__ = ["LimitedStarts"]

log = logging.getLogger("jetbull.worker")


class LimitedStarts:
    """Claims of the next jobs in line, so many as the queue's limits allow.

    `claim` sends the claim of a ticket, `drop` is for one that no slot wants any more.
    """

    def __init__(
        self,
        store: QueueStore,
        admission: Admission,
        source: Source,
        claim: Callable[[Ticket], Claim],
        drop: Callable[[Claim], None],
    ) -> None:
        self._admission = admission
        self._source = source
        self._line = Line(store)
        self._leftovers = Leftovers(store)
        self._claim = claim
        self._drop = drop
        self._claiming: set[int] = set()  # the tickets whose claims are under way
        self._starter = Starter(
            *(self._look, admission.admit, self._begin, self._unwanted, admission.settle),
            holds=self._holds,
            back=self._put_back,
        )
        self._signs = self._news = 0  # when the last look ahead began
        self._forget = store.wire.on_reconnect(self._on_reconnect)

    def _on_reconnect(self) -> None:
        self._line.forget()
        self._leftovers.forget()

    async def close(self) -> None:
        """Ends what is under way; does nothing more when called again."""
        forget, self._forget = self._forget, lambda: None
        forget()
        await self._starter.close()
        self._leftovers.flush()

    async def next(self) -> Claim | None:
        """A claim under way; None when no job may start now, or none waits."""
        self._admission.asking += 1
        try:
            return await self._starter.next()
        finally:
            self._admission.asking -= 1

    def look_ahead(self, ending: Stored | None, running: int) -> None:
        """Looks for the next jobs while the outcome of the job claimed from `ending` is on its way:
        for as many as are `running`, since the others may end as soon.

        Where that job is the only one that runs, the job that seems to be next gets its place.
        """
        try:
            if ending is not None and running == 1:
                self._reserve(ending)
            self._starter.look_ahead(lambda: self._ask(running))
        except JetbullError as error:  # the outcome is not to suffer for it
            log.debug("no look ahead: %s", error)

    def _reserve(self, ending: Stored) -> None:
        next_up = next((s for s in self._line.view if not self._admission.has_place(s)), None)
        if next_up is not None:
            self._admission.reserve(ending, next_up)

    def _ask(self, running: int) -> Coroutine[Any, Any, list[Ticket]]:
        admission, source = self._admission, self._source
        self._signs, self._news = source.head.signs, source.resting.news
        count = admission.most(running, running)
        answer = self._line.ask(count, source.feeds.levels, self._taken)
        return self._delivered(answer)

    def _holds(self, tickets: list[Ticket]) -> bool:
        """Whether nothing came since the look ahead that is before these, or behind nothing."""
        source = self._source
        is_same = bool(tickets) or self._news == source.resting.news
        return self._signs == source.head.signs and is_same

    async def _put_back(self, tickets: list[Ticket]) -> None:
        for ticket in tickets:
            if ticket.reply:
                await self._source.put_back(ticket)

    async def _delivered(self, answer: Coroutine[Any, Any, list[Ticket]]) -> list[Ticket]:
        return self._in_hand(await answer)

    def _begin(self, ticket: Ticket) -> Claim:
        self._claiming.add(ticket.stored.seq)
        return self._claim(ticket)

    def _unwanted(self, claim: Claim) -> None:
        self.answered(claim)
        self._drop(claim)

    def _taken(self, stored: Stored) -> bool:
        """Whether somebody is starting this job: to admit it twice would cost a start of others."""
        return stored.seq in self._claiming or self._admission.taken(stored)

    def answered(self, claim: Claim) -> None:
        """A claim is under way no more, whatever became of it."""
        self._claiming.discard(claim.ticket.stored.seq)

    async def settled(self, claim: Claim, lease: Lease | None, stale: bool = True) -> None:
        """What became of a claim; a `stale` one was refused for its ticket."""
        ticket = claim.ticket
        if not is_schedule(ticket.stored.subject) and (lease or stale):
            self._line.gone(ticket.stored)
            if not ticket.reply:
                self._leftovers.add(ticket.stored.seq)
        if lease is None:
            await self._admission.lost(ticket.stored)

    async def _look(self, wanted: int) -> list[Ticket]:
        admission, source = self._admission, self._source
        count = admission.most(wanted)
        found = await self._line.first(count, source.feeds.levels, self._taken)
        return self._in_hand(found)

    def _in_hand(self, found: list[Ticket]) -> list[Ticket]:
        source = self._source
        if found:
            return [source.hand.as_delivered(ticket) for ticket in found]
        held = source.pop()
        # One that somebody else is claiming is left alone: it comes again if it is not claimed.
        return [] if held is None or self._taken(held.stored) else [held]
