"""A worker process from its start to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from signal import Signals
from typing import Any

import anyio

from jetbull import AbortSignal, Job, UnrecoverableError, Worker
from jetbull.errors import ConfigurationError

from .events import log_events
from .loading import Call, as_call, close
from .logs import log_fields
from .pool import ProcessPool
from .settings import WorkerSettings
from .signals import STOP_SIGNALS, stop_signals

__all__ = ["work"]

log = logging.getLogger("jetbull.worker")


async def work(processor: Any, reference: str, settings: WorkerSettings) -> bool:
    """Run a worker with this processor until a signal; whether all its jobs finished.

    A processor may have `worker_options`, a mapping: options of a Worker that the settings leave
    open. One with `close()` or `aclose()` is closed at the end.
    """
    pool: ProcessPool | None = None
    if isinstance(processor, Worker):
        worker = _fitted(processor, reference, settings)
    elif settings.pool == "processes":
        options = _options(processor, settings)
        pool = ProcessPool(reference, options["concurrency"])
        worker = Worker(settings.queue, _told(pool.run, 2, settings.queue), options)
    else:
        options = _options(processor, settings)
        call, arguments = as_call(processor, options["concurrency"], reference)
        worker = Worker(settings.queue, _told(call, arguments, settings.queue), options)
    log_events(worker)
    try:
        with anyio.open_signal_receiver(*stop_signals()) as signals:
            async with anyio.create_task_group() as tasks:
                if processor is not worker or not worker.opts.get("autorun", True):
                    tasks.start_soon(worker.run)
                await anext(signals)
                await _stop(worker, settings.grace, signals)
    finally:
        if pool is not None:
            await pool.close()
        if not isinstance(processor, Worker):
            await close(processor)
    return not worker.forceClosing


def _options(processor: Any, settings: WorkerSettings) -> dict[str, Any]:
    """The Worker's: what was set, else the processor's own, else the settings' defaults."""
    told = {
        "concurrency": ("concurrency", settings.concurrency),
        "lock": ("lockDuration", round(settings.lock * 1000)),
        "max_stalled": ("maxStalledCount", settings.max_stalled),
    }
    return {
        **dict(told[name] for name in ("concurrency", "lock")),
        **getattr(processor, "worker_options", {}),
        **dict(told[name] for name in told if name in settings.model_fields_set),
        "connection": settings.nats_url,
        "prefix": settings.prefix,
        "autorun": False,
    }


def _fitted(worker: Worker, reference: str, settings: WorkerSettings) -> Worker:
    """A Worker of the caller's own; its queue is its own affair."""
    if worker.processor is None:
        raise ConfigurationError(f"{reference!r} is a Worker without a processor.")
    if settings.pool == "processes":
        raise ConfigurationError(
            f"{reference!r} is a Worker, whose jobs run in this process: for --pool processes "
            "(WORKER_POOL) name its processor."
        )
    if "concurrency" in settings.model_fields_set:
        worker.concurrency = settings.concurrency
    return worker


def _told(call: Call, arguments: int, queue: str) -> Call:
    """The processor with the job's ids on every log record, and the signal where it takes one.

    One that takes no signal is cancelled when the job is, which is then failed for good.
    """

    async def run(job: Job, token: str, signal: AbortSignal | None) -> Any:
        with log_fields(
            queue=queue,
            jobId=job.id,
            jobName=job.name,
            attempt=job.attemptsMade + 1,
            correlationId=job.data.get("correlationId") if isinstance(job.data, dict) else None,
        ):
            if arguments >= 3:
                return await call(job, token, signal)
            if signal is None:
                return await call(job, token)
            return await _cancellable(lambda: call(job, token), signal)

    return run


async def _cancellable(call: Callable[[], Awaitable[Any]], signal: AbortSignal) -> Any:
    task = asyncio.ensure_future(call())
    cancelled = asyncio.ensure_future(signal.wait())
    try:
        await asyncio.wait([task, cancelled], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise UnrecoverableError(f"The job was cancelled: {signal.reason or 'no reason given'}.")
    finally:
        for one in (task, cancelled):
            one.cancel()
        await asyncio.gather(task, cancelled, return_exceptions=True)


async def _stop(worker: Worker, grace: float, signals: AsyncIterator[Signals]) -> None:
    """Close gracefully; by force after the grace time (s) or at another signal."""
    log.info("stopping: running jobs may finish", extra={"running": len(worker.jobs)})

    async def force() -> None:
        with anyio.move_on_after(grace):
            # The end of a terminal may be told twice, by the system and by the shell.
            while await anext(signals) not in STOP_SIGNALS:
                continue
        log.warning("stopping now: jobs are left to others", extra={"left": len(worker.jobs)})
        await worker.close(force=True)

    async with anyio.create_task_group() as stopping:
        stopping.start_soon(force)
        await worker.close()
        stopping.cancel_scope.cancel()
    log.info("worker stopped")
