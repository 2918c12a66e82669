"""A worker's events as log lines."""

from __future__ import annotations

import logging
import time
from typing import Any

from jetbull import Job, Worker
from jetbull.errors import ServerUnavailable

__all__ = ["log_events"]

log = logging.getLogger("jetbull.worker")


def log_events(worker: Worker) -> None:
    """Tell in the log what becomes of the jobs."""
    last_error = ""

    def fields(job: Job) -> dict[str, Any]:
        data = job.data if isinstance(job.data, dict) else {}
        known = {
            "queue": worker.name,
            "jobId": job.id,
            "jobName": job.name,
            "attempt": job.attemptsMade,
        }
        if data.get("correlationId") is not None:
            known["correlationId"] = data["correlationId"]
        return known

    def on_completed(job: Job, result: Any) -> None:
        took = round(time.time() * 1000) - (job.processedOn or 0)
        log.info("job completed", extra={**fields(job), "durationMs": took})

    def on_failed(job: Job, error: BaseException) -> None:
        log.warning(
            "job failed: %s",
            error,
            # Where it was raised is for whoever looks for a mistake; the job keeps it as well.
            exc_info=error if log.isEnabledFor(logging.DEBUG) else None,
            extra={
                **fields(job),
                # Of one that was raised in a process of the pool only the name is here.
                "errorType": getattr(error, "kind", type(error).__name__),
                "final": job.finishedOn is not None and job.finishedOn > 0,
            },
        )

    def on_error(error: BaseException, job: Job | None = None) -> None:
        nonlocal last_error
        if isinstance(error, ServerUnavailable) and str(error) == last_error:
            return  # told already; the worker keeps trying
        last_error = str(error)
        log.warning("%s", error, extra=fields(job) if job is not None else {})

    def on_stalled(job_id: str) -> None:
        log.warning("job stalled: its worker was lost", extra={"jobId": job_id})

    def on_ready() -> None:
        log.info("worker ready", extra={"queue": worker.name, "concurrency": worker.concurrency})

    worker.on("ready", on_ready)
    worker.on("completed", on_completed)
    worker.on("failed", on_failed)
    worker.on("error", on_error)
    worker.on("stalled", on_stalled)
