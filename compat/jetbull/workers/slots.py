"""A worker's slots: each takes a job, runs it, stores its outcome, and takes the next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from functools import partial
from time import monotonic

from jetbull.errors import ConnectionClosedError
from jetbull.job import Job
from jetbull.ledger.belongings.blobs import is_whole
from jetbull.ledger.job.lease import Lease
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.source import MAX_AHEAD
from jetbull.ledger.taking.taking import Claim
from jetbull.shielding import unless
from jetbull.tasks import background
from jetbull.workers.admission import Admission
from jetbull.workers.roles import SlotsOwner
from jetbull.workers.slot_supply import Slot, SlotSupply

log = logging.getLogger("jetbull.worker")

_PAUSE_SECONDS = 0.1  # after an error, doubled up to the longest
_LONGEST_PAUSE_SECONDS = 2.0
_AHEAD_SECONDS = 0.05  # how much work may be held in hand,
_AHEAD_TRIPS = 2  # or what is done until the next tickets are there;
_PLAN_SECONDS = 0.002  # so long it counts as the same
_AT_FIRST = 1000  # slots; twice as many whenever all have a job


class Slots:
    """The slots of one worker, and what they have in common."""

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
        self._supply = SlotSupply(worker, store, admission, self._prepare)
        self.source = self._supply.source
        self._tasks: dict[Slot, asyncio.Task[None]] = {}
        self._wanted = 0
        self._mean = 1.0  # seconds a job takes
        self._plan_at = 0.0
        self._stop = asyncio.Event()
        self._finished_ms = 0  # when the last job finished
        self.took_waiting = False  # whether a job began that waited already by then

    @property
    def busy(self) -> int:
        """How many slots run a job, or have claimed one."""
        return self._supply.busy

    def look_when_idle(self) -> None:
        """Has the queue checked for being drained as soon as no slot is busy."""
        self._supply.worked = True

    @property
    def stopping(self) -> bool:
        """Whether no more jobs are taken."""
        return self._supply.stopping

    # --- life --------------------------------------------------------------------------

    def grow(self, count: int) -> None:
        """There may be `count` slots; of very many, some are made when the others have jobs."""
        self._wanted = count
        self._make(_AT_FIRST)

    def _make(self, count: int) -> None:
        while len(self._tasks) < min(count, self._wanted):
            self._start(Slot())

    def _start(self, slot: Slot, context: Context | None = None) -> None:
        task = self._tasks[slot] = background(self._run(slot), context=context)
        task.add_done_callback(partial(self._replace, slot))
        self._supply.slots = len(self._tasks)

    def _end(self, slot: Slot) -> None:
        self._supply.drop_claim(slot)
        del self._tasks[slot]
        self._supply.slots = len(self._tasks)

    def _replace(self, slot: Slot, ended: asyncio.Task[None]) -> None:
        """A processor may have cancelled the task it runs in: that ends this try, not the slot."""
        if self._tasks.get(slot) is ended:  # cancelled before its first step
            self._end(slot)
        if ended.cancelled() and not self.stopping:
            self.grow(self._worker.concurrency)

    async def idle(self) -> None:
        """Returns when no slot runs a job."""
        await self._supply.idle()

    async def stop(self) -> None:
        """No new jobs; returns when the running ones are done."""
        self._end_taking()
        self.source.resting.rouse_all()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._supply.close()

    async def kill(self) -> None:
        """Cancels the running jobs; they stay active until their locks expire."""
        self._end_taking()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._supply.close()

    def _end_taking(self) -> None:
        self._supply.stopping = True
        self._stop.set()

    # --- one slot ----------------------------------------------------------------------

    async def _run(self, slot: Slot) -> None:
        supply, pause, clean, goes_on = self._supply, _PAUSE_SECONDS, copy_context(), False
        try:
            while slot.claim is not None or not self.stopping:
                if slot.claim is None and supply.has_too_many_slots:
                    return
                failed = False
                try:
                    lease = await supply.next(slot)
                except ConnectionClosedError:
                    return
                except Exception as error:
                    # Whatever it was, a slot that ends is a worker that seems to work.
                    self._worker.complain(error)
                    failed = True
                if failed:
                    await unless(self._stop, self._calm(pause))
                    pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
                    continue
                if lease is None:
                    continue
                pause = _PAUSE_SECONDS
                if supply.slots < self._wanted and supply.busy >= supply.slots:
                    self._make(2 * supply.slots)
                try:
                    await self._work(slot, lease)
                finally:
                    supply.end()
                if not self.stopping and _is_left_behind(clean):
                    goes_on = True
                    self._start(slot, clean)
                    return
        finally:
            if not goes_on:
                self._end(slot)

    async def _calm(self, pause: float) -> None:
        """Waits for the server, and a while longer."""
        await self._store.wire.connected()
        await asyncio.sleep(pause)

    async def _work(self, slot: Slot, lease: Lease) -> None:
        begun = monotonic()
        job: Job | None = None
        try:
            prepared, slot.prepared = slot.prepared, None
            if prepared is not None and prepared[0] is lease.record:
                job = prepared[1]
            else:
                job = await Job.load_taken(self._worker, lease.job_id, lease.record)
            job._lease = lease
            job.token = lease.token
            if not self.took_waiting:
                delay = job.opts["delay"]
                waits_since = job.timestamp + (delay if isinstance(delay, int) else 0)
                self.took_waiting = waits_since < self._finished_ms
            await self._process(job, lease, partial(self._supply.follow, slot, lease))
        except Exception as error:
            self._worker.complain(error)
        # A queue is drained by a job that finished, not by one that was put off.
        self._supply.worked = job is not None and bool(job.finishedOn)
        if job is not None and job.finishedOn:
            self._finished_ms = job.finishedOn
        now = monotonic()
        self._mean += (now - begun - self._mean) * 0.1
        if now >= self._plan_at:
            self._plan_at = now + _PLAN_SECONDS
            self.source.ahead = self._ahead()
        started, slot.started = slot.started, None
        if self._admission.limited:
            self._admission.demand = self.source.ahead + max(1, self._worker.concurrency)
            self._admission.finished(started if lease.ended else None)

    def _prepare(self, slot: Slot, claim: Claim) -> None:
        """Makes the job of a claim that was sent, for the record it then has."""
        record, slot.prepared = claim.record, None
        if is_whole(record):
            try:
                slot.prepared = record, Job.from_record(self._worker, claim.job_id, record)
            except Exception as error:  # when its turn has come it is tried again, and tells
                log.debug("job %s is not prepared: %r", claim.job_id, error)

    def _ahead(self) -> int:
        """How many jobs should be in hand, as long as those take that ended lately."""
        seconds = max(_AHEAD_SECONDS, _AHEAD_TRIPS * self.source.feeds.trips.seconds)
        jobs = seconds / max(self._mean, 1e-4) * max(1, self._worker.concurrency)
        return min(int(jobs), MAX_AHEAD)


def _is_left_behind(clean: Context) -> bool:
    """Whether a processor has set context variables, which the next job must not find."""
    try:
        return copy_context() != clean
    except Exception:  # of values that refuse to be compared
        return True


__all__ = ["Slots"]
