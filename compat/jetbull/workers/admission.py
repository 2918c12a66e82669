"""May a worker start another job now? Pause, rate limits and global concurrency in one place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from jetbull.errors import JetbullError
from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.limits import gate
from jetbull.ledger.limits.permits import HOLD_SECONDS, Permits
from jetbull.ledger.limits.places import GRACE_MS, Places
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.queue import settings
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import Msg, Subscription
from jetbull.workers.background import Background
from jetbull.workers.blocking import Blocking
from jetbull.workers.settings_watch import SettingsWatch

log = logging.getLogger("jetbull.worker")

_LAST_SECONDS = 2.0  # who closes waits no longer to give back what was not used
_SETTLE_SECONDS = 0.002  # a place nobody here wants is given to others after this
_STARTS = b"starts"  # the hint that a full window has room again


class Admission:
    """What the settings of a queue, kept fresh by hints, let one worker start.

    It is asked several times per job, so what follows from the settings is an attribute: `paused`
    (the queue, for all workers), `concurrency` (jobs at once over all workers, or None) and
    `limited` (whether starting a job needs a question to the server first).
    """

    def __init__(
        self,
        store: QueueStore,
        limiter: dict[str, Any] | None,
        on_change: Callable[[], None],
        longest_block_ms: float = 30_000,
    ) -> None:
        self._store = store
        self._limiter = limiter
        self._on_change = on_change
        self._blocking = Blocking(store, on_change, longest_block_ms)
        self._watch = SettingsWatch(store, self._take, self._on_news, self._on_lost, on_change)
        self.paused = False
        self.concurrency: int | None = None
        self._rate = gate.rate_of({}, limiter)
        self.limited = self._rate is not None
        self._subscription: Subscription | None = None
        self._slot_freed = False
        self._places = Places(store)
        self._permits = Permits(store)
        self._background = Background(store.names.name)
        self.nothing_waits = True
        self._passed_over = False
        self.demand = 1
        self.asking = 0  # slots that want a job

    async def open(self) -> None:
        """Reads the settings and listens for their changes."""
        subject = self._store.names.hint("slot")
        self._subscription = await self._store.wire.subscribe(subject, self._on_slot)
        await self._watch.open()

    async def close(self) -> None:
        """Stops listening."""
        await self._watch.close()
        if self._subscription is not None:
            await self._store.wire.unsubscribe(self._subscription)
        await self._background.close()
        self._blocking.close()
        try:
            async with asyncio.timeout(_LAST_SECONDS):
                await self._places.close()
                await self._give_back()
        except (JetbullError, TimeoutError) as error:
            log.debug("what %s did not use is left: %s", self._store.names.name, error)

    async def refresh(self) -> None:
        """Reads the settings again, for a hint may have been lost."""
        await self._watch.refresh()

    def limit(self, limiter: dict[str, Any] | None) -> None:
        """The worker has another limiter of its own from now on, or none."""
        self._limiter = limiter
        self._on_news()
        self._take(self._watch.known)
        self._on_change()

    def _take(self, values: settings.Settings) -> None:
        before, limit = self.concurrency, values.get("concurrency")
        self.paused = bool(values.get("paused"))
        self.concurrency = None if limit is None else int(limit)
        self._rate = gate.rate_of(values, self._limiter)
        self.limited = self._rate is not None or self.concurrency is not None
        if self.concurrency != before:
            self._places.forget()

    def _on_news(self) -> None:
        self._blocking.lift()
        self._permits.forget()
        if self._blocking.rests:
            self._background.begin("rest", self._blocking.rest)

    def _on_lost(self) -> None:
        self._places.forget()
        self._permits.forget()

    async def _on_slot(self, told: Msg) -> None:
        if told.data == self._places.owner.encode():
            return
        if told.data == _STARTS:
            self._blocking.lift()
            self._on_change()
            return
        self._slot_freed = True
        self._places.changed()
        self._blocking.slot_freed()
        self._on_change()

    @property
    def blocked(self) -> bool:
        """Whether nothing may start for now."""
        return self.paused or self._blocking.is_on

    def block(self, ms: int) -> None:
        """Nothing starts here for `ms`, or the longest wait; then the worker looks again."""
        self._blocking.block(ms)

    async def rest(self) -> None:
        """Nothing starts here until the queue's window is over, also without a limiter, or for the
        longest wait: a job was sent back because the queue is limited.
        """
        await self._background.quietly(self._blocking.rest)

    @property
    def narrow(self) -> bool:
        """Whether so few jobs may start that their order needs a look each time."""
        if self.concurrency is not None:
            return True
        rate = self._rate
        return rate is not None and self._permits.is_narrow(rate)

    @property
    def room(self) -> int | None:
        """How many jobs it makes sense to have in hand; None: any number."""
        if not self.limited:
            return None
        if self.narrow:
            return 1 if self.nothing_waits else 0
        return max(1, self._permits.spare)

    # --- many may start: their starts are counted ahead ----------------------------------

    async def ready(self) -> bool:
        """Counts a start ahead, for whichever job comes next; False where `admit` has to be asked.

        The caller tells `not_started` if no job starts.
        """
        if self.narrow:
            return False
        if self.spend():
            return True
        rate = self._rate
        if rate is not None:
            await self._fill(rate, enough=1)
        return self._permits.spend()

    def spend(self) -> bool:
        """As `ready`, if that needs no question."""
        rate, permits = self._rate, self._permits
        if rate is None or self.concurrency is not None or not permits.spend():
            return False
        if permits.spare * 2 < self.demand and not permits.is_narrow(rate):
            self._background.begin("fill", lambda: self._fill(rate, enough=self.demand))
        return True

    async def _fill(self, rate: gate.Rate, enough: int) -> None:
        if await self._permits.fill(self.demand, rate, enough):
            self._background.begin("hold", self._hold)

    async def _hold(self) -> None:
        """Gives counted starts back that are not used."""
        while self._permits.spare:
            await asyncio.sleep(HOLD_SECONDS)
            if self._permits.is_held():
                await self._give_back()

    async def _give_back(self) -> None:
        """Takes the unused starts out of the window; who found it full looks again."""
        given, rate = await self._permits.give_back(), self._rate
        if given and rate is not None and self._permits.room(rate) <= given:
            await self._store.hint("slot", _STARTS)

    def not_started(self, count: int = 1) -> None:
        """So many starts that were counted are none."""
        if self._rate is not None:
            self._permits.unspent(count)

    # --- few may start: the next in line is admitted ------------------------------------

    def taken(self, ticket: Stored) -> bool:
        """Whether somebody is starting this job already."""
        if self.concurrency is None or not self._places.holds(ticket):
            return False
        self._passed_over = True
        return True

    def has_place(self, ticket: Stored) -> bool:
        """Whether the job has a place, as far as is known here."""
        return self._places.is_in(ticket)

    def reserve(self, ending: Stored, next_up: Stored) -> None:
        """Has the place of a job whose outcome is on its way go to the one that seems next."""
        limit = self.concurrency
        if limit is not None and self._rate is None:
            self._places.reserve(ending, next_up, limit)

    def most(self, wanted: int, ending: int = 0) -> int:
        """How many tickets it makes sense to look for while some jobs are ending; at least 1."""
        rate, limit = self._rate, self.concurrency
        if limit is not None:
            wanted = min(wanted, self._places.room(limit) + ending)
        if rate is not None:
            wanted = min(wanted, self._permits.room(rate))
        return max(1, wanted)

    async def admit(self, tickets: list[Ticket]) -> list[Ticket]:
        """Those of the tickets, the next in line, that start now; blocked when not all may."""
        self.nothing_waits = not tickets
        if not tickets:
            if self._passed_over:
                self._background.begin("look", self._look_later)
            return []
        rate = self._rate
        if rate is not None:
            tickets = tickets[: await self._permits.take(len(tickets), rate)]
            if not tickets:
                self.block(self._permits.time_left())
                return []
        if self.concurrency is None:
            return tickets
        granted = await self._placed(tickets)
        self.not_started(len(tickets) - len(granted))
        limit = self.concurrency
        if limit is not None and (not granted or self._places.room(limit) < 1):
            self._blocking.block_for_slot()
        await self._tell()
        return granted

    async def _look_later(self) -> None:
        """Looks again when whoever was to claim the next jobs must have done so."""
        self._passed_over = False
        await asyncio.sleep(GRACE_MS / 1000)
        self._on_change()

    async def _placed(self, tickets: list[Ticket]) -> list[Ticket]:
        while True:
            self._slot_freed = False
            granted = await self._places.admit(tickets, lambda: self.concurrency)
            if granted or not self._slot_freed:
                return granted

    async def lost(self, ticket: Stored) -> None:
        """A job that was admitted was not claimed."""
        self.not_started()
        if self._rate is not None and self._permits.spare:
            # Another slot may have been told meanwhile that the window is full.
            self._blocking.lift()
            self._on_change()
            self._background.begin("hold", self._hold)
        if self.concurrency is not None:
            await self._places.lost(ticket)
            self._place_is_free()

    def finished(self, ticket: Stored | None) -> None:
        """A job that was claimed here from this ticket (None: not known) runs no more."""
        if self.concurrency is None:
            return
        if ticket is None:
            self._places.forget()
        else:
            self._places.ended(ticket)
        self._place_is_free()

    def _place_is_free(self) -> None:
        self._blocking.slot_freed()
        self._background.begin("settle", self._settle_soon)

    async def _settle_soon(self) -> None:
        await asyncio.sleep(_SETTLE_SECONDS)
        if not self.asking:  # else it is done with what they get
            await self.settle()

    async def settle(self) -> None:
        """Gives others the places that nobody here wants."""
        if self._places.owes:
            await self._places.settle()
            await self._tell()

    async def _tell(self) -> None:
        limit = self.concurrency
        if self._places.freed and limit is not None and self._places.room(limit) > 0:
            self._places.freed = False
            await self._store.hint("slot", self._places.owner.encode())


__all__ = ["Admission"]
