"""A worker as others see it: what it is, what it tells, and what can be done to its jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Generic

from anyio import CapacityLimiter

from jetbull import checks
from jetbull.commands import ending, holding
from jetbull.errors import ConfigurationError, JetbullError, RateLimitError
from jetbull.job import Job
from jetbull.job_scheduler import JobScheduler
from jetbull.ledger.job.lease import Lease
from jetbull.ledger.limits import gate
from jetbull.ledger.queue.presence import Announced
from jetbull.ledger.store.store import QueueStore
from jetbull.lock_manager import LockManager
from jetbull.ready import Ready
from jetbull.types.generics import Data, Result
from jetbull.workers.hand_driven import HandDriven
from jetbull.workers.manual import ManualFetch
from jetbull.workers.processors import Processor, in_thread, is_async, takes
from jetbull.workers.serving import Serving
from jetbull.workers.settings import limiter, positive
from jetbull.workers.stalled_check import StalledCheck

_SILENT_SECONDS = 10.0  # requests for jobs are answered, if only in the negative, every 5 s


class WorkerBody(HandDriven, Generic[Data, Result]):
    """The public side of a `Worker`, which fills in the attributes that are only declared here."""

    id: str
    workerName: str | None
    clientName: str
    running: bool
    forceClosing: bool
    jobs: set[tuple[Job[Data, Result], str]]
    lockManager: LockManager
    lock_duration: int
    _concurrency: int
    _processor: Processor | None = None
    _call: Callable[..., Any] | None = None
    _arguments: int
    _threads: CapacityLimiter
    _job_scheduler: JobScheduler | None
    _serving: Serving | None
    _stalled_check: StalledCheck
    _by_hand: int
    _hands_free: asyncio.Event
    _manual: ManualFetch
    _announced: Announced
    _done: asyncio.Task[None] | None
    _running: asyncio.Task[Any] | None
    _ready: Ready
    _at_rest: bool

    # --- facts -------------------------------------------------------------------------

    async def ledger(self) -> QueueStore:
        """The queue's place in the ledger; once connected, the worker is one of `get_workers`."""
        store = await self.backend.ledger()
        if not (self._announced.is_open or self.closing):
            await self._announced.open(store)
        return store

    @property
    def jobScheduler(self) -> JobScheduler:
        """The schedulers of the worker's queue."""
        if self._job_scheduler is None:
            self._job_scheduler = JobScheduler(self)
        return self._job_scheduler

    @property
    def concurrency(self) -> int:
        """Jobs run at once; may be set while running, here or in `opts`."""
        return self._concurrency

    @concurrency.setter
    def concurrency(self, value: int) -> None:
        self.opts["concurrency"] = value

    def _set_option(self, name: str, value: Any) -> None:
        """Acts on an option that is set after the worker was made."""
        if name == "concurrency":
            self._set_concurrency(value)
        elif name == "lockDuration":
            positive(name, value)
            self.lock_duration = int(value)
        elif name == "limiter":
            limiter(value)
            self._manual.limit(value)
            if self._serving is not None:
                self._serving.admission.limit(value)

    def _set_concurrency(self, value: int) -> None:
        positive("concurrency", value)
        self._concurrency = int(value)
        self._threads.total_tokens = max(1, self._concurrency)
        if self._serving is not None:
            self._serving.slots.grow(self._concurrency)
            self._serving.slots.source.resting.rouse_all()

    @property
    def processor(self) -> Processor | None:
        """What runs the jobs. Setting another one affects the jobs that begin from then on."""
        return self._processor

    @processor.setter
    def processor(self, processor: Processor | None) -> None:
        if processor is None:
            if self._call is not None:
                raise ConfigurationError("A worker cannot go on without its processor.")
        else:
            self._arguments = takes(processor)
            self._call = processor if is_async(processor) else in_thread(processor, self._threads)
        self._processor = processor

    @property
    def processing(self) -> set[tuple[Job[Data, Result], str]]:
        """The jobs running now, with their tokens."""
        return self.jobs

    @property
    def waiting(self) -> asyncio.Task[Any] | None:
        """The task that waits for the server or a job while none runs here.

        Cancelling it ends `run`.
        """
        is_busy = self._serving is not None and self._serving.slots.busy
        if is_busy or self.paused or self.closing or not self.running:
            return None
        return self._running

    def isRunning(self) -> bool:
        """Whether `run` has begun and has not ended; False once `pause` has waited for the jobs."""
        return self.running and not self._at_rest

    def isPaused(self) -> bool:
        """Whether this worker is paused; the queue may be as well."""
        return self.paused

    async def waitUntilReady(self) -> None:
        """Returns when the worker can take jobs (or, without processor, is connected).

        Raises the error that ended it instead; ConnectionClosedError if it was closed before.
        """
        if not self.closing and (self.processor is None or not (self._done or self.running)):
            await self.ledger()
            return
        await self._ready.wait()

    def describe(self) -> dict[str, Any]:
        """What other processes learn of this worker."""
        return {
            "name": self.name,
            "rawname": self.clientName,
            "id": self.id,
            "workerName": self.workerName,
            "concurrency": self._concurrency,
            "active": len(self.jobs),
            "consuming": self.is_consuming if self._serving is not None else None,
        }

    @property
    def is_consuming(self) -> bool:
        """Whether jobs reach this worker: all slots are busy, or the server answers its requests.

        Being connected is not enough. False while paused.
        """
        if self._serving is None or self.paused or self.closing:
            return False
        slots = self._serving.slots
        return slots.busy >= self._concurrency or slots.source.silent_seconds < _SILENT_SECONDS

    # --- what it tells -----------------------------------------------------------------

    def on_idle(self) -> None:
        """Called when no slot is busy any more: tells the listeners if the queue is drained."""
        if self._serving is not None and not self.forceClosing:
            self._serving.on_idle()

    def _on_stalled(self, job_id: str) -> None:
        self.emit_safely("stalled", job_id)

    def on_progress(self, job: Job, progress: Any) -> None:
        """Called when a job that runs here has reported its progress."""
        self.emit_safely("progress", job, progress)

    def on_removed(self, job: Job) -> None:
        """A job fetched here removed itself: the queue's listeners learn it, a worker's do not."""

    # --- its jobs ----------------------------------------------------------------------

    async def _process(
        self, job: Job, lease: Lease, on_sent: Callable[[], bool], begun: bool = False
    ) -> None: ...

    async def getNextJob(
        self, token: str, opts: Mapping[str, Any] | None = None
    ) -> Job[Data, Result] | None:
        """Claims one job by hand; waits up to `drainDelay` s when the queue was seen empty."""
        return await self._manual.next(token, checks.mapping("opts", opts).get("block", True))

    async def moveToActive(self, token: str) -> Job[Data, Result] | None:
        """Claims one job by hand if there is one, without emitting `active`: a step of a loop."""
        return await self._manual.next(token, block=False, tell=False)

    async def processJob(self, job: Job[Data, Result], token: str) -> None:
        """Runs the processor on a job that `getNextJob` gave, renews its lock meanwhile, and stores
        how it ended; a graceful close waits for it. A subclass may override it: a running worker
        calls it for each of its jobs then.

        A job that fails raises nothing here: the listeners hear `completed`, `failed`, or `error`
        if the token does not hold the job.
        """
        if self.processor is None:
            raise JetbullError("No process function is defined.")
        try:
            lease = await holding.lease_of(job, token, "moveToFinished")
        except JetbullError as error:
            self.complain(error, job)
            return
        if not self.opts.get("skipLockRenewal"):
            self.lockManager.start()
        is_by_hand = (job, token) not in self.jobs
        self._by_hand += 1
        self._hands_free.clear()
        try:
            await self._process(job, lease, lambda: False, begun=True)
            if is_by_hand and lease.ended and job.finishedOn:
                await ending.tell_drained(lease.store)
        finally:
            self._by_hand -= 1
            if not self._by_hand:
                self._hands_free.set()

    async def startStalledCheckTimer(self) -> None:
        """Brings back the jobs of dead workers from now on, also on a worker that fetches by hand.

        A worker that runs does it anyway, unless it has the option `skipStalledCheck`.
        """
        self._stalled_check.start(await self.ledger())

    async def runStalledJobsCheck(self) -> None:
        """Brings back the jobs whose locks have expired by now, once; `stalled` for each.

        A running worker does this all the time. What goes wrong is emitted as `error`.
        """
        try:
            await self._stalled_check.once(await self.ledger())
        except Exception as error:
            self.complain(error)

    async def rateLimit(self, expire_time_ms: int) -> None:
        """No job starts for this many ms, on all workers with a limiter.

        A processor raises `RateLimitError` afterwards, so that its own job waits too.
        """
        milliseconds = checks.number("rateLimit's time in ms", expire_time_ms)
        await gate.close_window(await self.ledger(), milliseconds)
        if self._serving is not None:
            self._serving.admission.block(milliseconds)

    async def rest_while_limited(self) -> None:
        """Starts nothing until the queue's rate window is over: a job said that it is limited."""
        if self._serving is not None:
            await self._serving.admission.rest()

    @staticmethod
    def RateLimitError() -> RateLimitError:
        """What a processor raises after `rateLimit`; the class is `jetbull.RateLimitError`."""
        return RateLimitError()

    def cancelJob(self, job_id: str, reason: str | None = None) -> bool:
        """Aborts the job's signal; False if it does not run here or takes no signal."""
        return self.lockManager.cancel_job(str(job_id), reason)

    def _cancel(self, job_id: str, reason: str | None) -> bool | None:
        """Answers a cancellation that came over the wire; None when the job runs elsewhere."""
        if job_id not in self.lockManager.get_tracked_job_ids():
            return None
        return self.cancelJob(job_id, reason)

    def cancelAllJobs(self, reason: str | None = None) -> None:
        """Aborts the signals of all jobs running here."""
        self.lockManager.cancel_all_jobs(reason)


__all__ = ["WorkerBody"]
