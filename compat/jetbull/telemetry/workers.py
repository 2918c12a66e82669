"""The spans of a `Worker`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from jetbull.ledger.job.lease import Lease
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.record import dumps
from jetbull.lock_manager import LockManager
from jetbull.shielding import Done
from jetbull.telemetry.attributes import SpanKind
from jetbull.telemetry.attributes import TelemetryAttributes as Names
from jetbull.telemetry.interfaces import Telemetry
from jetbull.telemetry.jobs import processing
from jetbull.telemetry.tracing import (
    Operation,
    Traced,
    begin,
    metadata_of,
    telemetry_of,
    trace,
    wrap,
)

# Not at run time: the steps of a job are traced, so `Job` stands upon these files.
if TYPE_CHECKING:
    from jetbull.job import Job


class TracedWorker(Protocol):
    """What the spans need of a worker: what they tell, and the methods they are put around."""

    id: str
    name: str
    workerName: str | None
    opts: dict[str, Any]
    paused: bool
    closing: bool
    lockManager: LockManager

    def resume(self) -> Done:
        """Takes jobs again."""

    async def close(self, force: bool = False) -> None:
        """Ends the worker."""

    async def getNextJob(self, token: str, opts: Mapping[str, Any] | None = None) -> Job | None:
        """Claims one job by hand."""

    async def _process(
        self, job: Job, lease: Lease, on_sent: Callable[[], bool], begun: bool = False
    ) -> None: ...

    def _on_stalled(self, job_id: str) -> None: ...


def trace_worker(worker: TracedWorker) -> None:
    """Puts spans around what a worker does, if it has a telemetry."""
    telemetry = telemetry_of(worker.opts)
    if telemetry is None:
        return
    who: dict[str, Any] = {Names.WorkerId: worker.id, Names.WorkerName: worker.workerName}
    operations = {
        "pause": Operation(
            given=lambda a: {**who, Names.WorkerDoNotWaitActive: a["do_not_wait_active"]}
        ),
        "rateLimit": Operation(
            given=lambda a: {
                Names.WorkerId: worker.id,
                Names.WorkerRateLimit: a["expire_time_ms"],
            }
        ),
        "startStalledCheckTimer": Operation(given=lambda _: who),
        "close": Operation(given=lambda a: {**who, Names.WorkerForceClose: a["force"]}),
    }
    close = worker.close
    wrap(worker, telemetry, operations)
    _once(worker, close)
    _trace_processing(worker, telemetry, who)
    _trace_fetching(worker, telemetry, who)
    _trace_resuming(worker, telemetry, who)
    _trace_upkeep(worker, telemetry, who)


def _replace(owner: object, name: str, method: Callable[..., Any]) -> None:
    setattr(owner, name, method)


def _once(worker: TracedWorker, untraced: Callable[..., Any]) -> None:
    """A worker closes once, however often it is told to."""
    traced = worker.close

    @functools.wraps(untraced)
    async def close(force: bool = False) -> None:
        await (untraced if worker.closing else traced)(force)

    _replace(worker, "close", close)


def _trace_processing(worker: TracedWorker, telemetry: Telemetry, who: Mapping[str, Any]) -> None:
    plain = worker._process

    async def process(
        job: Job, lease: Lease, on_sent: Callable[[], bool], begun: bool = False
    ) -> None:
        async def body(traced: Traced) -> None:
            traced.set({**who, Names.JobId: job.id, Names.JobName: job.name})
            processing[job] = traced
            try:
                await plain(job, lease, on_sent, begun)
            finally:
                del processing[job]
                traced.set(
                    {
                        Names.JobAttemptFinishedTimestamp: job.finishedOn or now_ms(),
                        Names.JobProcessedTimestamp: job.processedOn,
                    }
                )

        name, metadata = worker.name, metadata_of(job.opts)
        await trace(telemetry, SpanKind.CONSUMER, name, "process", name, body, metadata)

    _replace(worker, "_process", process)


def _trace_fetching(worker: TracedWorker, telemetry: Telemetry, who: Mapping[str, Any]) -> None:
    plain = worker.getNextJob

    @functools.wraps(plain)
    async def get_next_job(token: str, opts: Mapping[str, Any] | None = None) -> Job | None:
        # As in BullMQ the span is that of a job that was found: it belongs to the job's trace.
        job = await plain(token, opts)
        traced = begin(
            telemetry,
            SpanKind.INTERNAL,
            worker.name,
            "getNextJob",
            worker.name,
            None if job is None else metadata_of(job.opts),
        )
        options = dumps({"block": (opts or {}).get("block", True)})
        found = None if job is None else job.id
        traced.set({**who, Names.WorkerOptions: options, Names.JobId: found})
        traced.end()
        return job

    _replace(worker, "getNextJob", get_next_job)


def _trace_resuming(worker: TracedWorker, telemetry: Telemetry, who: Mapping[str, Any]) -> None:
    plain = worker.resume

    @functools.wraps(plain)
    def resume() -> Done:
        if not worker.paused:
            return plain()
        traced = begin(telemetry, SpanKind.INTERNAL, worker.name, "resume", worker.name)
        traced.set(who)
        try:
            return plain()
        finally:
            traced.end()

    _replace(worker, "resume", resume)


def _trace_upkeep(worker: TracedWorker, telemetry: Telemetry, who: Mapping[str, Any]) -> None:
    """What the worker does by itself belongs to no trace of whoever made the worker."""
    stalled, renew = worker._on_stalled, worker.lockManager._renew
    root = getattr(telemetry.contextManager, "root", lambda: None)

    def on_stalled(job_id: str) -> None:
        operation = "moveStalledJobsToWait"
        name = worker.name
        traced = begin(telemetry, SpanKind.INTERNAL, name, operation, name, context=root())
        traced.set({**who, Names.WorkerStalledJobs: [job_id]})
        traced.event("job stalled", {Names.JobId: job_id})
        try:
            stalled(job_id)
        finally:
            traced.end()

    async def extend_locks(job_ids: Sequence[str]) -> None:
        async def body(traced: Traced) -> None:
            traced.set({**who, Names.WorkerJobsToExtendLocks: list(job_ids)})
            await renew(list(job_ids))

        kind, name = SpanKind.INTERNAL, worker.name
        await trace(telemetry, kind, name, "extendLocks", name, body, context=root())

    _replace(worker, "_on_stalled", on_stalled)
    _replace(worker.lockManager, "_renew", extend_locks)


__all__ = ["trace_worker"]
