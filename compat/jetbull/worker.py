"""A worker: takes jobs of one queue and runs them through a processor."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Self, overload
from uuid import uuid4

from anyio import CapacityLimiter

from jetbull.backend import create_backend
from jetbull.beginning import begun
from jetbull.errors import (
    AckTimeout,
    ConnectionClosedError,
    JetbullError,
    ServerUnavailable,
    StoreError,
)
from jetbull.event_emitter import EventEmitter
from jetbull.job import Job
from jetbull.job_scheduler import JobScheduler
from jetbull.ledger.job.lease import Lease, LeaseLost
from jetbull.ledger.queue.metrics import MetricsRecorder
from jetbull.ledger.queue.presence import WORKERS, Announced
from jetbull.ledger.store.store import QueueStore
from jetbull.lock_manager import LockManager
from jetbull.options import DEFAULT_PREFIX
from jetbull.ready import Ready
from jetbull.schedulers.following import follow
from jetbull.shielding import Done, to_the_end, unless
from jetbull.tasks import background
from jetbull.telemetry.workers import trace_worker
from jetbull.types.generics import Data, Result
from jetbull.types.worker_options import WorkerOptions
from jetbull.workers.body import WorkerBody
from jetbull.workers.hand_driven import (
    _postgres_connection_error_types as _postgres_connection_error_types,  # as in bullmq.worker
)
from jetbull.workers.hand_driven import getCompleted as getCompleted
from jetbull.workers.manual import ManualFetch
from jetbull.workers.outcomes import run_job
from jetbull.workers.processors import AsyncProcessor, PlainProcessor, Processor
from jetbull.workers.serving import Serving
from jetbull.workers.settings import settled
from jetbull.workers.silence import unless_silent
from jetbull.workers.stalled_check import StalledCheck

log = logging.getLogger("jetbull.worker")

_AGAIN_SECONDS = 2.0  # before a worker begins anew after an error that ended it


class Worker(WorkerBody[Data, Result]):
    """BullMQ's Worker. `processor(job, token)` or `(job, token, signal)`, async or plain.

    Options in ms: `lockDuration`, `lockRenewTime`, `stalledInterval`, `runRetryDelay`; `drainDelay`
    in seconds; `concurrency`, `limiter {max, duration}`, `maxStalledCount`, `autorun`, `name`,
    `maxStartedAttempts`, `maximumRateLimitDelay` (ms between looks while rate limited),
    `metrics {maxDataPoints}` (minutes), `skipLockRenewal`, `skipStalledCheck`, `removeOnComplete`,
    `removeOnFail`, `settings {backoffStrategy}`; `connection`, `prefix`, `telemetry` and `streams`
    as for a Queue.
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
        self.opts = settled(opts, self._set_option)
        self.prefix: str = self.opts.get("prefix") or DEFAULT_PREFIX
        self.qualifiedName = f"{self.prefix}:{name}"
        self.id = uuid4().hex
        self.workerName: str | None = self.opts.get("name")
        suffix = f":w:{self.workerName}" if self.workerName else ""
        self.clientName = self.qualifiedName + suffix
        self.running = False
        self.paused = False
        self._at_rest = False  # paused, and no job runs any more
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
        self.processor = processor
        points = (self.opts.get("metrics") or {}).get("maxDataPoints")
        self.recorder = MetricsRecorder(int(points)) if points else None
        self.backend = create_backend(name, self.opts)
        self.client = self.bclient = self.backend.conn
        self.keys = self.backend.keys
        self.redisConnection = self.blockingRedisConnection = self.scripts = None
        self._job_scheduler: JobScheduler | None = None
        self._serving: Serving | None = None
        self._stalled_check = StalledCheck(self.opts, lambda job_id: self._on_stalled(job_id))
        self._stop = asyncio.Event()
        self._force = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()
        self._done: asyncio.Task[None] | None = None
        self._running: asyncio.Task[Any] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._ready = Ready()
        self._manual = ManualFetch(self)
        self._announced = Announced(WORKERS, self.describe)
        self._by_hand = 0  # jobs that `processJob` runs
        self._hands_free = asyncio.Event()
        self._hands_free.set()
        trace_worker(self)
        if processor is not None and self.opts.get("autorun", True):
            self._done = begun(self.run, "Worker")
            self._done.add_done_callback(self._look_back)

    # --- running -----------------------------------------------------------------------

    async def run(self) -> None:
        """Works until closed. JetbullError when called twice."""
        if self.processor is None:
            raise JetbullError("No process function is defined.")
        if self.running:
            raise JetbullError("Worker is already running")
        self.running = True
        if not self.closing:
            self._ready.begin_again()
        self._running = asyncio.current_task()
        self._ended.clear()
        try:
            await self._work()
        except Exception as error:  # one that will not pass, such as a missing certificate file
            if not self.closing:
                self._ready.never(error)
                self.complain(error)
            raise
        finally:
            self.running = False
            self._ended.set()

    async def _work(self) -> None:
        """Serves until closed; after an error that may pass it connects and begins anew."""
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
                await self.rest()

    async def _connect(self) -> QueueStore | None:
        """Connects, however long the server is away; None if the worker closes meanwhile."""
        pause = 0.25
        while not self.closing:
            try:
                return await unless(self._stop, self.ledger())
            except (AckTimeout, ServerUnavailable, StoreError) as error:
                self.complain(error)
                await self._rest(min(pause, self.opts["runRetryDelay"] / 1000))
                pause *= 2
        return None

    async def rest(self) -> None:
        """Waits before a retry, at most `runRetryDelay` ms, or until the worker closes."""
        await self._rest(min(_AGAIN_SECONDS, self.opts["runRetryDelay"] / 1000))

    async def _rest(self, seconds: float) -> None:
        """Waits for `seconds`, or until the worker closes."""
        await unless(self._stop, asyncio.sleep(seconds))

    async def _serve(self, store: QueueStore) -> None:
        self._serving = Serving(self, store, self._force)
        await self._serving.run(self._stop)

    def _look_back(self, done: asyncio.Task[None]) -> None:
        """Tells whoever let the program end before this worker had even begun."""
        if done.cancelled() and not self.closing and not self._ready.event.is_set():
            log.warning(
                "Worker of %s: its event loop ended before it had begun to work. Let the program "
                "go on as long as jobs are to run, and end it by `await worker.close()`.",
                self.name,
            )

    def _look_again(self) -> None:
        self._manual.look_again()
        if self._serving is not None:
            self._serving.slots.source.resting.rouse_all()

    # --- one job -----------------------------------------------------------------------

    async def _process(
        self, job: Job, lease: Lease, on_sent: Callable[[], bool], begun: bool = False
    ) -> None:
        """Runs a job; `begun`: the listeners have heard of its start already."""
        self.jobs.add((job, lease.token))
        self.drained = False
        assert self._call is not None
        controller = self.lockManager.track_job(
            job.id, lease.token, should_create_controller=self._arguments >= 3, lease=lease
        )
        arguments = (job, lease.token, controller and controller.signal)[: self._arguments]
        try:
            if not begun:
                if job.repeatJobKey:
                    await follow(self, job)
                    if not await lease.holds():  # the server was away, or slow
                        lost = f"The lock of job {job.id} was over before it could begin."
                        self.complain(LeaseLost(lost), job)
                        return
                try:
                    self.emit("active", job, "waiting")
                except Exception as error:
                    self.complain(error, job)
            # After `follow`: they are the worker's, not the scheduler's.
            for option in ("removeOnComplete", "removeOnFail"):
                if option in self.opts and option not in job.opts:
                    job.opts[option] = self.opts[option]
            if begun or getattr(self.processJob, "__func__", None) is WorkerBody.processJob:
                await run_job(self, job, lease, self._call, arguments, on_sent)
            else:  # a subclass has its own way with jobs
                await self.processJob(job, lease.token)
        finally:
            self.jobs.discard((job, lease.token))
            self.lockManager.untrack_job(job.id)

    # --- pausing and closing -----------------------------------------------------------

    async def pause(self, do_not_wait_active: bool = False) -> None:
        """No new jobs on this worker; waits for the running ones unless told not to.

        Cancelling it does not end that wait.
        """
        self.paused = True
        self._look_again()
        slots = None if self._serving is None else self._serving.slots
        try:
            if not do_not_wait_active:
                if slots is not None:
                    await to_the_end(slots.idle(), lambda: self.forceClosing or slots.stopping)
                self._at_rest = self.paused
        finally:
            self.emit_safely("paused")

    def resume(self) -> Done:
        """Takes jobs again. May be awaited or not."""
        if self.paused:
            self.paused = self._at_rest = False
            self._look_again()
            self.emit_safely("resumed")
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
        self._ready.never(ConnectionClosedError("Connection is closed"))
        if self._closing is None:
            self._closing = background(self._close())
        await to_the_end(self._closing, lambda: self.forceClosing)
        await self.backend.close()  # which jobs of the worker may have opened again

    async def _close(self) -> None:
        self.emit_safely("closing", "closing queue")
        if self._done is not None and self._done is not asyncio.current_task():
            await asyncio.gather(self._done, return_exceptions=True)
        await self._ended.wait()
        if self._by_hand:
            store = await self.ledger()
            await unless(self._force, unless_silent(self._hands_free, self, store))
        await self._stalled_check.close()
        await self._manual.close()
        await self.lockManager.close()
        await self._announced.close()
        await self.backend.close()
        self.closed = True
        self.emit_safely("closed")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


__all__ = ["Worker"]
