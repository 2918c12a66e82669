"""A worker's slots: each takes a job, runs it, stores its outcome, and takes the next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic

from jetbull.admission import Admission
from jetbull.commands.announcing import announce_start
from jetbull.errors import Conflict, ConnectionClosedError, JetbullError
from jetbull.job import Job
from jetbull.ledger import presence
from jetbull.ledger.consumers import ask_the_time
from jetbull.ledger.late import fired
from jetbull.ledger.lease import Lease, Ticket
from jetbull.ledger.names import is_schedule, last_token
from jetbull.ledger.record import Stored
from jetbull.ledger.source import MAX_AHEAD, Source
from jetbull.ledger.store import QueueStore
from jetbull.ledger.taking import Claim
from jetbull.limited_starts import LimitedStarts
from jetbull.shielding import unless
from jetbull.worker_roles import SlotsOwner

log = logging.getLogger("jetbull.worker")

_PAUSE_SECONDS = 0.1  # after an error, doubled up to the longest
_LONGEST_PAUSE_SECONDS = 2.0
_AHEAD_SECONDS = 0.05  # how much work may be held in hand


class _Slot:
    """One place for a running job, and the claim sent behind that job's outcome."""

    __slots__ = ("claim", "number", "started")

    def __init__(self, number: int) -> None:
        self.number = number
        self.claim: Claim | None = None
        self.started: Stored | None = None  # the ticket, if a limit was asked


class Slots:
    """The running half of a worker."""

    def __init__(
        self,
        worker: SlotsOwner,
        store: QueueStore,
        admission: Admission,
        process: Callable[[Job, Lease, Callable[[], bool]], Awaitable[None]],
    ) -> None:
        self._worker = worker
        self._store = store
        self._admission = admission
        self._process = process
        self.source = Source(store, self._may_fetch, self._refresh, lambda: admission.room)
        self._limited = LimitedStarts(store, admission, self.source, self._start, self._unwanted)
        self._tasks: dict[int, asyncio.Task[None]] = {}  # by the slot's number
        self._token = 0
        self._mean = 1.0
        self.busy = 0
        self.stopping = False
        self._stop = asyncio.Event()
        self._worked = False
        self._all_idle = asyncio.Event()
        self._all_idle.set()

    # --- life --------------------------------------------------------------------------

    def grow(self, count: int) -> None:
        """Makes sure `count` slots exist."""
        loop = asyncio.get_running_loop()
        # Of more slots than there are to be, any may end first: the numbers count, not how many.
        for number in range(count):
            if number not in self._tasks:
                task = self._tasks[number] = loop.create_task(self._run(_Slot(number)))
                task.add_done_callback(self._replace)

    def _replace(self, ended: asyncio.Task[None]) -> None:
        """A processor may have cancelled the task it runs in: that ends this try, not the slot."""
        if ended.cancelled() and not self.stopping:
            self.grow(self._worker.concurrency)

    async def idle(self) -> None:
        """Returns when no slot runs a job."""
        await self._all_idle.wait()

    async def stop(self) -> None:
        """No new jobs; returns when the running ones are done."""
        self._end_taking()
        self.source.rouse()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._limited.close()

    async def kill(self) -> None:
        """Cancels the running jobs; they stay active until their locks expire."""
        self._end_taking()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._limited.close()

    def _end_taking(self) -> None:
        self.stopping = True
        self._stop.set()

    async def _refresh(self) -> None:
        """Learns what a lost hint would have told, and the server's time."""
        await self._admission.refresh()
        await presence.learn(self._store)
        await ask_the_time(self._store)

    def _may_fetch(self) -> bool:
        return not (self.stopping or self._worker.paused or self._admission.blocked)

    def _begin(self) -> None:
        self.busy += 1
        self._all_idle.clear()

    def _end(self) -> None:
        self.busy -= 1
        if self.busy == 0:
            self._all_idle.set()

    # --- one slot ----------------------------------------------------------------------

    async def _run(self, slot: _Slot) -> None:
        pause = _PAUSE_SECONDS
        try:
            while slot.claim is not None or not self.stopping:
                if slot.claim is None and slot.number >= self._worker.concurrency:
                    return
                try:
                    lease = await self._next(slot)
                    pause = _PAUSE_SECONDS
                except ConnectionClosedError:
                    return
                except Exception as error:
                    # Whatever it was, a slot that ends is a worker that seems to work.
                    if isinstance(error, JetbullError):
                        log.warning("could not take a job: %s", error)
                    else:
                        log.exception("could not take a job")
                    await unless(self._stop, self._calm(pause))
                    pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
                    continue
                if lease is None:
                    continue
                try:
                    await self._work(slot, lease)
                finally:
                    self._end()
        finally:
            if slot.claim is not None:
                slot.claim.abandon()
                self._end()
            del self._tasks[slot.number]

    async def _calm(self, pause: float) -> None:
        """Waits for the server, and a while longer."""
        await self._store.wire.connected()
        await asyncio.sleep(pause)

    async def _work(self, slot: _Slot, lease: Lease) -> None:
        begun = monotonic()
        job: Job | None = None
        try:
            job = await Job.load(self._worker, lease.job_id, lease.record)
            job._lease = lease
            job.token = lease.token
            await self._process(job, lease, lambda: self._followed(slot, lease))
        except Exception as error:
            self._worker.complain(error)
        # A queue is drained by a job that finished, not by one that was put off.
        self._worked = job is not None and bool(job.finishedOn)
        self._mean += (monotonic() - begun - self._mean) * 0.1
        concurrency = max(1, self._worker.concurrency)
        ahead = int(_AHEAD_SECONDS / max(self._mean, 1e-4) * concurrency)
        self.source.ahead = min(ahead, MAX_AHEAD)
        started, slot.started = slot.started, None
        if self._admission.limited:
            self._admission.demand = self.source.ahead + concurrency
            self._admission.finished(started if lease.ended else None)

    def _followed(self, slot: _Slot, lease: Lease) -> bool:
        """The slot's outcome is on its way: whether it sent a claim right behind it."""
        self._follow(slot, lease)
        return slot.claim is not None

    def _follow(self, slot: _Slot, lease: Lease) -> None:
        """The slot's outcome is on its way: claims the next job right behind it."""
        source, counted = self.source, self._admission.limited
        if counted and self._admission.narrow:
            if not (self.stopping or self._worker.paused or self._admission.paused):
                self._limited.look_ahead(slot.started, self.busy)
            return
        if slot.number >= self._worker.concurrency or not self._may_fetch():
            return
        if self._store.may_be_patched:
            return
        if counted and not self._admission.spend():
            return
        if source.may_have_head:
            # A child's end may release its parent, which would be the next one.
            ticket = None if lease.record.given.get("parent") else source.pop_head()
        else:
            ticket = None if source.has_returned else source.pop()
        if ticket is not None:
            self._begin()
            slot.claim = self._claim(ticket)
            if not fired(ticket.stored):  # those are looked at first
                slot.claim.send(self._store)
        elif counted:
            self._admission.not_started()

    async def _next(self, slot: _Slot) -> Lease | None:
        """The next job, claimed; None when there may be none for now (after waiting)."""
        if slot.claim is not None:
            claim, slot.claim = slot.claim, None
            if not self._admission.limited:
                return await self._won(claim)
            return await self._counted(self._won(claim))
        source = self.source
        if not self._may_fetch():
            await source.pause()
            return None
        if self._admission.limited and not await self._admission.ready():
            return await self._next_limited(slot)
        ticket: Ticket | None = None
        lease: Lease | None = None
        try:
            ticket = await self._ticket()
            if ticket is not None:
                lease = await self._take(ticket)
        finally:
            if lease is None and self._admission.limited:
                self._admission.not_started()
        if ticket is None and self._may_fetch():
            if self._admission.limited and self.busy == 0:
                # What other workers gave back at the end of a window comes late.
                self.source.fetch_soon()
                return await self._next_limited(slot)
            await self._rest()
        return lease

    async def _ticket(self) -> Ticket | None:
        """The next job, where all may start; None when none waits, or the worker is to stop."""
        source = self.source
        if source.may_have_head:
            ticket = await source.head()
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
        if self._worked and self.busy == 0:
            self._worked = False
            self._worker.on_idle()
        await self.source.pause()

    async def _next_limited(self, slot: _Slot) -> Lease | None:
        """As `_next`, where every start has to be asked for."""
        news = self.source.news
        claim = await self._limited.next()
        if claim is None:
            if self._may_fetch() and news == self.source.news:
                await self._rest()
            return None
        self.source.rouse_one()  # where one job was, there may be another
        lease: Lease | None = None
        stale = True
        try:
            lease = await self._won(claim)
        except Conflict:
            stale = False
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
        self._end()

    # --- claiming ----------------------------------------------------------------------

    def _claim(self, ticket: Ticket) -> Claim:
        job_id = last_token(ticket.stored.subject)
        store, worker = self._store, self._worker
        self._token += 1
        return Claim(
            store,
            job_id,
            ticket,
            f"{worker.id}:{self._token}",
            worker.lock_duration,
            worker.workerName,
            lambda _: announce_start(store, job_id, ticket.stored),
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
                self._end()
        return lease
