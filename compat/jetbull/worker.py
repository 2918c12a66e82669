"""A worker: takes jobs of one queue and runs them through a processor."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Generic, Self, overload
from uuid import uuid4

from anyio import CapacityLimiter

from jetbull.admission import Admission
from jetbull.backend import create_backend
from jetbull.commands import iterations
from jetbull.errors import (
    AckTimeout,
    ConnectionClosedError,
    JetbullError,
    RateLimitError,
    ServerUnavailable,
    StoreError,
)
from jetbull.event_emitter import EventEmitter
from jetbull.hand_driven import HandDriven
from jetbull.hand_driven import (
    _postgres_connection_error_types as _postgres_connection_error_types,  # as in bullmq.worker
)
from jetbull.hand_driven import getCompleted as getCompleted
from jetbull.job import Job
from jetbull.job_scheduler import JobScheduler
from jetbull.ledger import gate, intake
from jetbull.ledger.idle import is_drained
from jetbull.ledger.lease import Lease, Ticket
from jetbull.ledger.metrics import MetricsRecorder
from jetbull.ledger.presence import Presence
from jetbull.ledger.repair import Repair
from jetbull.ledger.retention import Keep
from jetbull.ledger.store import QueueStore
from jetbull.lock_manager import LockManager
from jetbull.manual import ManualFetch
from jetbull.options import DEFAULT_PREFIX, keep_policy
from jetbull.outcomes import run_job
from jetbull.processors import AsyncProcessor, PlainProcessor, Processor, in_thread, is_async, takes
from jetbull.shielding import Done, to_the_end
from jetbull.telemetry.workers import trace_worker
from jetbull.types.generics import Data, Result
from jetbull.types.worker_options import WorkerOptions
from jetbull.upkeep import Upkeep
from jetbull.worker_settings import positive, settled
from jetbull.worker_slots import Slots

log = logging.getLogger("jetbull.worker")

_SILENT_SECONDS = 10.0  # requests for jobs are answered, if only in the negative, every 5 s
_AGAIN_SECONDS = 2.0  # before a worker begins anew after an error that ended it


class Worker(HandDriven, Generic[Data, Result]):
    """BullMQ's Worker. `processor(job, token)` or `(job, token, signal)`, async or plain.

    Options in ms: `lockDuration`, `lockRenewTime`, `stalledInterval`, `runRetryDelay`; `drainDelay`
    in seconds; `concurrency`, `limiter {max, duration}`, `maxStalledCount`, `autorun`, `name`,
    `maxStartedAttempts`, `maximumRateLimitDelay` (ms between looks while rate limited),
    `metrics {maxDataPoints}` (minutes), `skipLockRenewal`, `skipStalledCheck`.
    """

    @overload
    def __init__(
        self,
        name: str,
        processor: AsyncProcessor[Data, Result],
        opts: WorkerOptions | Mapping[str, Any] | None = None,
    ) -> None: ...

    @overload
    def __init__(
        self,
        name: str,
        processor: PlainProcessor[Data, Result],
        opts: WorkerOptions | Mapping[str, Any] | None = None,
    ) -> None: ...

    @overload
    def __init__(
        self,
        name: str,
        processor: None,
        opts: WorkerOptions | Mapping[str, Any] | None = None,
    ) -> None: ...

    def __init__(
        self,
        name: str,
        processor: Processor | None,
        opts: WorkerOptions | Mapping[str, Any] | None = None,
    ) -> None:
        EventEmitter.__init__(self)
        self.name = name
        self.processor = processor
        self.opts = settled(opts)
        self.prefix: str = self.opts.get("prefix") or DEFAULT_PREFIX
        self.qualifiedName = f"{self.prefix}:{name}"
        self.id = uuid4().hex
        self.workerName: str | None = self.opts.get("name")
        suffix = f":w:{self.workerName}" if self.workerName else ""
        self.clientName = self.qualifiedName + suffix
        self.running = False
        self.paused = False
        self.closing = False
        self.forceClosing = False
        self.closed = False
        self.drained = False
        self.jobs: set[tuple[Job[Data, Result], str]] = set()
        self.lock_duration = int(self.opts["lockDuration"])
        self.lockManager = LockManager(
            self, self.opts["lockRenewTime"], self.lock_duration, self.id, self.workerName
        )
        self._concurrency = int(self.opts["concurrency"])
        self._threads = CapacityLimiter(max(1, self._concurrency))
        points = (self.opts.get("metrics") or {}).get("maxDataPoints")
        self.recorder = MetricsRecorder(int(points)) if points else None
        self.backend = create_backend(name, self.opts)
        self.client = self.bclient = self.backend.conn
        self.keys = self.backend.keys
        self.redisConnection = self.blockingRedisConnection = self.scripts = None
        self._job_scheduler: JobScheduler | None = None
        self._call: Callable[..., Any] | None = None
        self._slots: Slots | None = None
        self._admission: Admission | None = None
        self._stop = asyncio.Event()
        self._force = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()
        self._done: asyncio.Task[None] | None = None
        self._running: asyncio.Task[Any] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._idle_check: asyncio.Task[None] | None = None
        self._repair: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._manual = ManualFetch(self)
        trace_worker(self)
        if processor is not None:
            self._arguments = takes(processor)
            self._call = processor if is_async(processor) else in_thread(processor, self._threads)
            if self.opts.get("autorun", True):
                self._done = asyncio.ensure_future(self.run())

    # --- facts -------------------------------------------------------------------------

    async def ledger(self) -> QueueStore:
        """The queue's place in the ledger."""
        return await self.backend.ledger()

    @property
    def jobScheduler(self) -> JobScheduler:
        """The schedulers of the worker's queue."""
        if self._job_scheduler is None:
            self._job_scheduler = JobScheduler(self)
        return self._job_scheduler

    @property
    def concurrency(self) -> int:
        """Jobs run at once; may be set while running."""
        return self._concurrency

    @concurrency.setter
    def concurrency(self, value: int) -> None:
        positive("concurrency", value)
        self._concurrency = int(value)
        self._threads.total_tokens = max(1, self._concurrency)
        if self._slots is not None:
            self._slots.grow(self._concurrency)
            self._slots.source.rouse()

    @property
    def processing(self) -> set[tuple[Job[Data, Result], str]]:
        """The jobs running now, with their tokens."""
        return self.jobs

    @property
    def waiting(self) -> asyncio.Task[Any] | None:
        """The task that waits for a job while none runs here; cancelling it ends `run`."""
        slots = self._slots
        if slots is None or slots.busy or self.paused or self.closing:
            return None
        return self._running if self.running else None

    def isRunning(self) -> bool:
        return self.running

    def isPaused(self) -> bool:
        return self.paused

    async def waitUntilReady(self) -> None:
        """Returns when the worker can take jobs (or, without processor, is connected)."""
        if self.processor is None or not (self._done or self.running):
            await self.ledger()
        else:
            await self._ready.wait()

    # --- running -----------------------------------------------------------------------

    async def run(self) -> None:
        """Works until closed. JetbullError when called twice."""
        if self.processor is None:
            raise JetbullError("No process function is defined.")
        if self.running:
            raise JetbullError("Worker is already running")
        self.running = True
        self._running = asyncio.current_task()
        self._ended.clear()
        try:
            while (store := await self._connect()) is not None:
                try:
                    await self._serve(store)
                    return
                except ConnectionClosedError:
                    raise
                except Exception as error:
                    task = asyncio.current_task()
                    if task is not None and task.cancelling():
                        raise asyncio.CancelledError from error
                    # A worker that ends here would look alive and take no job.
                    self.complain(error)
                    await self._rest(min(_AGAIN_SECONDS, self.opts["runRetryDelay"] / 1000))
        finally:
            self.running = False
            self._ended.set()

    async def _connect(self) -> QueueStore | None:
        """Connects, however long the server is away; None when closed meanwhile."""
        pause = 0.25
        while not self.closing:
            try:
                return await self.ledger()
            except (AckTimeout, ServerUnavailable, StoreError) as error:
                self.complain(error)
                await self._rest(min(pause, self.opts["runRetryDelay"] / 1000))
                pause *= 2
        return None

    async def _rest(self, seconds: float) -> None:
        """Waits so long, or until the worker closes."""
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            pass

    def complain(self, error: Exception, *args: Any) -> None:
        """Emits `error`; what its listeners raise is logged, for the worker has to go on."""
        if not (isinstance(error, JetbullError) or self.has_listeners("error")):
            log.error("worker of %s", self.name, exc_info=error)
        try:
            self.emit("error", error, *args)
        except Exception:
            log.exception("a listener of 'error' failed")

    async def _serve(self, store: QueueStore) -> None:
        admission = Admission(
            store,
            self.opts.get("limiter"),
            self._look_again,
            int(self.opts["maximumRateLimitDelay"]),
        )
        slots = Slots(self, store, admission, self._process)
        self._admission, self._slots = admission, slots
        presence = Presence(store, self.describe, self._cancel)
        stop = asyncio.ensure_future(self._stop.wait())
        loops: list[asyncio.Future[Any]] = []
        try:
            await admission.open()
            await slots.source.open()
            await presence.open()
            loops.append(asyncio.ensure_future(slots.source.run()))
            if not self.opts.get("skipStalledCheck"):
                loops.append(self._start_repair(store))
                loops.append(asyncio.ensure_future(Upkeep(store).run()))
            if self.name == intake.QUEUE:
                loops.append(asyncio.ensure_future(intake.Intake(store).run()))
            if not self.opts.get("skipLockRenewal"):
                self.lockManager.start()
            slots.grow(self._concurrency)
            self._ready.set()
            self.emit("ready")
            done, _ = await asyncio.wait([stop, *loops], return_when=asyncio.FIRST_COMPLETED)
            for loop in done - {stop}:
                loop.result()
        finally:
            await self._wind_down(slots, [stop, *loops])
            await presence.close()
            await slots.source.close()
            await admission.close()

    async def _wind_down(self, slots: Slots, loops: list[asyncio.Future[Any]]) -> None:
        if self.forceClosing or not self.closing:
            await slots.kill()
        else:
            killed = asyncio.ensure_future(self._force.wait())
            stopped = asyncio.ensure_future(slots.stop())
            await asyncio.wait([killed, stopped], return_when=asyncio.FIRST_COMPLETED)
            if not stopped.done():
                await slots.kill()
            killed.cancel()
            await asyncio.gather(stopped, killed, return_exceptions=True)
        if self._idle_check is not None:
            await asyncio.gather(self._idle_check, return_exceptions=True)
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)

    async def startStalledCheckTimer(self) -> None:
        """Brings back the jobs of dead workers from now on, also on a worker that fetches by hand.

        A worker that runs does it anyway, unless it has the option `skipStalledCheck`.
        """
        self._start_repair(await self.ledger())

    def _start_repair(self, store: QueueStore) -> asyncio.Task[None]:
        if self._repair is None or self._repair.done():
            repair = Repair(store, self.opts["maxStalledCount"], self._on_stalled, self._keep_of)
            self._repair = asyncio.ensure_future(repair.run())
        return self._repair

    def _cancel(self, job_id: str, reason: str | None) -> bool | None:
        """Answers a cancellation that came over the wire; None when the job runs elsewhere."""
        if job_id not in self.lockManager.get_tracked_job_ids():
            return None
        return self.cancelJob(job_id, reason)

    def describe(self) -> dict[str, Any]:
        """What other processes learn of this worker."""
        return {
            "name": self.name,
            "rawname": self.clientName,
            "id": self.id,
            "workerName": self.workerName,
            "concurrency": self._concurrency,
            "active": len(self.jobs),
            "consuming": self.is_consuming,
        }

    @property
    def is_consuming(self) -> bool:
        """Whether jobs reach this worker: all slots are busy, or the server answers its requests.

        Being connected is not enough. False while paused.
        """
        slots = self._slots
        if slots is None or self.paused or self.closing:
            return False
        return slots.busy >= self._concurrency or slots.source.silent_seconds < _SILENT_SECONDS

    def _look_again(self) -> None:
        self._manual.look_again()
        if self._slots is not None:
            self._slots.source.rouse()

    def _on_stalled(self, job_id: str) -> None:
        self.emit("stalled", job_id)

    def _keep_of(self, ticket: Ticket, state: str) -> Keep:
        option = "removeOnComplete" if state == "completed" else "removeOnFail"
        return keep_policy(ticket.stored.record.opts.get(option, self.opts.get(option)))

    def on_idle(self) -> None:
        """No slot is busy any more: tell the listeners once the queue is drained."""
        if self._idle_check is None or self._idle_check.done():
            self._idle_check = asyncio.ensure_future(self._check_drained())

    async def _check_drained(self) -> None:
        store = await self.ledger()
        if await is_drained(store, lambda: self._slots is None or self._slots.busy > 0):
            self.drained = True
            store.emit("drained")
            self.emit("drained")

    # --- one job -----------------------------------------------------------------------

    def on_progress(self, job: Job, progress: Any) -> None:
        """A job that runs here told its progress."""
        self.emit_safely("progress", job, progress)

    def on_removed(self, job: Job) -> None:
        """A job fetched here removed itself: the queue's listeners learn it, a worker's do not."""

    async def _process(self, job: Job, lease: Lease, on_sent: Callable[[], bool]) -> None:
        for option in ("removeOnComplete", "removeOnFail"):
            if option not in job.opts and option in self.opts:
                job.opts[option] = self.opts[option]
        self.jobs.add((job, lease.token))
        self.drained = False
        assert self._call is not None
        controller = self.lockManager.track_job(
            job.id, lease.token, should_create_controller=self._arguments >= 3, lease=lease
        )
        arguments = (job, lease.token, controller and controller.signal)[: self._arguments]
        try:
            if job.repeatJobKey:
                await iterations.follow(self, job)
            try:
                self.emit("active", job, "waiting")
            except Exception as error:
                self.complain(error, job)
            await run_job(self, job, lease, self._call, arguments, on_sent)
        finally:
            self.jobs.discard((job, lease.token))
            self.lockManager.untrack_job(job.id)

    async def getNextJob(
        self, token: str, opts: Mapping[str, Any] | None = None
    ) -> Job[Data, Result] | None:
        """Claims one job by hand; waits up to `drainDelay` s when the queue was seen empty."""
        return await self._manual.next(token, (opts or {}).get("block", True))

    async def rateLimit(self, expire_time_ms: int) -> None:
        """Nothing starts for so many ms, on all workers with a limiter.

        A processor raises `RateLimitError` afterwards, so that its own job waits too.
        """
        await gate.close_window(await self.ledger(), expire_time_ms)
        if self._admission is not None:
            self._admission.block(expire_time_ms)

    @staticmethod
    def RateLimitError() -> RateLimitError:
        return RateLimitError()

    def cancelJob(self, job_id: str, reason: str | None = None) -> bool:
        """Aborts the job's signal; False if it does not run here or takes no signal."""
        return self.lockManager.cancel_job(str(job_id), reason)

    def cancelAllJobs(self, reason: str | None = None) -> None:
        """Aborts the signals of all jobs running here."""
        self.lockManager.cancel_all_jobs(reason)

    # --- pausing and closing -----------------------------------------------------------

    async def pause(self, do_not_wait_active: bool = False) -> None:
        """No new jobs on this worker; waits for the running ones unless told not to.

        Cancelling it does not end that wait.
        """
        self.paused = True
        self._look_again()
        slots = self._slots
        try:
            if slots is not None and not do_not_wait_active:
                await to_the_end(slots.idle(), lambda: self.forceClosing or slots.stopping)
        finally:
            self.emit("paused")

    def resume(self) -> Done:
        """Takes jobs again. May be awaited or not."""
        if self.paused:
            self.paused = False
            self._look_again()
            self.emit("resumed")
        return Done()

    async def close(self, force: bool = False) -> None:
        """Ends the worker: running jobs finish first, or with `force` are left to another worker.

        Cancelling a graceful close does not end its wait; a second call, with `force`, does.
        """
        self.closing = True
        self.paused = False
        if force:
            self.forceClosing = True
            self.lockManager.cancel_all_jobs("worker force-closed")
            self._force.set()
        self._stop.set()
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
        await to_the_end(self._closing, lambda: self.forceClosing)

    async def _close(self) -> None:
        self.emit("closing", "closing queue")
        if self._done is not None and self._done is not asyncio.current_task():
            await asyncio.gather(self._done, return_exceptions=True)
        await self._ended.wait()
        if self._repair is not None:
            self._repair.cancel()
            await asyncio.gather(self._repair, return_exceptions=True)
        await self._manual.close()
        await self.lockManager.close()
        await self.backend.close()
        self.closed = True
        self.emit("closed")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


__all__ = ["Worker"]
