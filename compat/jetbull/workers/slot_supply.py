"""How a worker's slots get their jobs: from what is in hand, and behind the outcome of the last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from jetbull.commands.announcing import announce_start
from jetbull.errors import Conflict
from jetbull.ledger.job.late import fired
from jetbull.ledger.job.lease import Lease
from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.messages.names import is_schedule, last_token
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.queue import presence
from jetbull.ledger.queue.consumers import ask_the_time
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.source import Source
from jetbull.ledger.taking.taking import Claim
from jetbull.workers.admission import Admission
from jetbull.workers.limited_starts import LimitedStarts
from jetbull.workers.roles import SlotsOwner


class Slot:
    """One place for a running job, and the claim sent behind that job's outcome.

    `prepared` is for whoever prepares that next job meanwhile.
    """

    __slots__ = ("claim", "prepared", "returned", "started")

    def __init__(self) -> None:
        self.claim: Claim | None = None
        self.prepared: Any = None
        self.returned: int | None = None  # the level that its last job went back to
        self.started: Stored | None = None  # the ticket, if a limit was asked


class SlotSupply:
    """The next jobs of a worker's slots. `busy` of the `slots` have one, or a claim of one.

    Nothing new is taken once `stopping` is set. `worked` is for the slots to say: whether the last
    job finished, after which the queue may be drained. `prepare` is called when the claim behind an
    outcome is on its way: what it does costs no time of its own while the server is at work.
    """

    def __init__(
        self,
        worker: SlotsOwner,
        store: QueueStore,
        admission: Admission,
        prepare: Callable[[Slot, Claim], None],
    ) -> None:
        self._worker = worker
        self._store = store
        self._admission = admission
        self._prepare = prepare
        self.source = Source(store, self._may_fetch, self._refresh, lambda: admission.room)
        self._limited = LimitedStarts(store, admission, self.source, self._start, self._unwanted)
        self._token = 0
        self.slots = 0
        self.busy = 0
        self.stopping = False
        self.worked = False
        self._all_idle = asyncio.Event()
        self._all_idle.set()

    async def idle(self) -> None:
        """Returns when no slot runs a job."""
        await self._all_idle.wait()

    async def close(self) -> None:
        """Ends what is under way for no slot; may be called again."""
        await self._limited.close()

    async def _refresh(self) -> None:
        """Learns what a lost hint would have told, and the server's time."""
        await self._admission.refresh()
        await presence.learn(self._store)
        await ask_the_time(self._store)

    @property
    def has_too_many_slots(self) -> bool:
        """Whether the concurrency was lowered and a slot has to end: whichever is done first."""
        return self.slots > self._worker.concurrency

    def _may_fetch(self) -> bool:
        return not (self._ends_taking or self._admission.blocked)

    @property
    def _ends_taking(self) -> bool:
        # A job may end between `close()`, which is to be its worker's last, and `stopping`.
        return self.stopping or self._worker.closing or self._worker.paused

    def _begin(self) -> None:
        self.busy += 1
        self._all_idle.clear()

    def end(self) -> None:
        """Called when a slot has no job any more."""
        self.busy -= 1
        if self.busy == 0:
            self._all_idle.set()
            if not self._may_fetch():  # else the slot asks for a job, and tells when there is none
                self._tell_idle()

    def drop_claim(self, slot: Slot) -> None:
        """The slot is over: what it has claimed is left to its lock."""
        if slot.claim is not None:
            slot.claim.abandon()
            self.end()

    # --- behind an outcome -------------------------------------------------------------

    def follow(self, slot: Slot, lease: Lease) -> bool:
        """The slot's outcome is on its way: whether it claims its next job right behind."""
        source, counted = self.source, self._admission.limited
        if counted and self._admission.narrow:
            may = not (self._ends_taking or self._admission.paused)
            if may and lease.returns is None:
                self._limited.look_ahead(slot.started, self.busy)
            return False
        if self.has_too_many_slots or not self._may_fetch():
            return False
        slot.returned = lease.returns
        if lease.returns is not None and source.hand.begins_behind(lease.returns):
            return False  # it may be the next job itself
        if self._store.may_be_patched or (counted and not self._admission.spend()):
            return False
        ticket: Ticket | None = None
        parent = lease.record.given.get("parent")
        if not (parent and self._may_be_next(parent)):
            if source.head.may_be:
                ticket = source.head.pop()
            elif not source.has_returned:
                ticket = source.pop()
        if ticket is None:
            if counted:
                self._admission.not_started()
            return False
        self._begin()
        claim = slot.claim = self._claim(ticket)
        if not fired(ticket.stored):  # those are looked at first
            claim.send(self._store)
            self._store.wire.hurry()
            self._prepare(slot, claim)
        return True

    def _may_be_next(self, parent: Mapping[str, Any]) -> bool:
        """Whether a parent that its child's end lets go would be the next job of this queue.

        Of several slots one is as good as the other, so only a single one waits for that.
        """
        if self._worker.concurrency > 1:
            return self.source.head.may_be
        names = self._store.names
        return (parent["prefix"], parent["queue"]) == (names.space.prefix, names.name)

    # --- the next job ------------------------------------------------------------------

    async def next(self, slot: Slot) -> Lease | None:
        """The next job, claimed; None when there may be none for now (after waiting)."""
        source = self.source
        if slot.claim is not None:
            await self._look_for_returned(slot)
            claim, slot.claim = slot.claim, None
            if not self._admission.limited:
                return await self._won(claim)
            return await self._counted(self._won(claim))
        if not self._may_fetch():
            await source.resting.pause()
            return None
        if self._admission.limited and not await self._admission.ready():
            return await self._next_limited(slot)
        ticket: Ticket | None = None
        lease: Lease | None = None
        try:
            await self._look_for_returned(slot)
            ticket = await self._ticket()
            if ticket is not None:
                lease = await self._take(ticket)
        finally:
            if lease is None and self._admission.limited:
                self._admission.not_started()
        if ticket is None and self._may_fetch():
            if self._admission.limited and self.busy == 0:
                # What other workers gave back at the end of a window comes late.
                self.source.resting.wake.set()
                return await self._next_limited(slot)
            await self._rest()
        return lease

    async def _look_for_returned(self, slot: Slot) -> None:
        """The slot's last job is back in line: before those in hand that are behind its level."""
        if slot.returned is not None:
            level, slot.returned = slot.returned, None
            await self.source.look_for(level)

    async def _ticket(self) -> Ticket | None:
        """The next job, where all may start; None when none waits, or the worker is to stop."""
        source = self.source
        if source.head.may_be:
            ticket = await source.next_at_head()
            if not self._may_fetch():  # paused or stopped while the server was asked
                if ticket is not None:
                    await source.put_back(ticket)
                return None
            if ticket is not None:
                return ticket
        return await source.recall() if source.has_returned else source.pop()

    async def _counted(self, start: Awaitable[Lease | None]) -> Lease | None:
        """A start that was counted, if there is a limit: it is none if there is no lease."""
        lease: Lease | None = None
        try:
            lease = await start
        finally:
            if lease is None and self._admission.limited:
                self._admission.not_started()
        return lease

    async def _rest(self) -> None:
        if self.busy == 0:
            self._tell_idle()
        await self.source.resting.pause()

    def _tell_idle(self) -> None:
        if self.worked:
            self.worked = False
            self._worker.on_idle()

    async def _next_limited(self, slot: Slot) -> Lease | None:
        """As `next`, where every start has to be asked for."""
        news = self.source.resting.news
        claim = await self._limited.next()
        if claim is None:
            if self._may_fetch() and news == self.source.resting.news:
                await self._rest()
            return None
        self.source.resting.rouse_one()  # where one job was, there may be another
        lease: Lease | None = None
        stale = True
        try:
            lease = await self._won(claim)
        except Conflict:
            stale = False
        finally:
            self._limited.answered(claim)
        slot.started = claim.ticket.stored
        await self._limited.settled(claim, lease, stale)
        return lease

    def _start(self, ticket: Ticket) -> Claim:
        """Sends the claim of an admitted ticket."""
        self._begin()
        claim = self._claim(ticket)
        stored = ticket.stored
        if not (self._store.may_be_patched or is_schedule(stored.subject) or fired(stored)):
            claim.send(self._store)
        return claim

    def _unwanted(self, claim: Claim) -> None:
        claim.abandon()
        self.end()

    # --- claiming ----------------------------------------------------------------------

    def _claim(self, ticket: Ticket) -> Claim:
        job_id = last_token(ticket.stored.subject)
        store, worker = self._store, self._worker
        self._token += 1
        return Claim(
            job_id,
            ticket,
            f"{worker.id}:{self._token}",
            worker.lock_duration,
            worker.workerName,
            partial(announce_start, store, job_id, ticket.stored),
        )

    async def _take(self, ticket: Ticket) -> Lease | None:
        self._begin()
        return await self._won(self._claim(ticket))

    async def _won(self, claim: Claim) -> Lease | None:
        lease: Lease | None = None
        try:
            lease = await claim.lease(self._store)
        finally:
            self.source.settled(claim.ticket, lease is not None)
            if lease is None:
                self.end()
        return lease


__all__ = ["Slot", "SlotSupply"]
