"""What the calls do, over the public interface of a queue."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

from jetbull import Job, Queue
from jetbull.errors import ConfigurationError, JetbullError, JobError
from jetbull.health import JobMessage, job_message, stream_facts

from .answers import (
    Added,
    Cleaned,
    DetailedJob,
    Found,
    JobList,
    ListedJob,
    NotFailed,
    NotFound,
    Refused,
    Retried,
    Status,
    Unknown,
)
from .errors import operation

__all__ = ["QueueService"]

_LISTED = ("waiting", "active", "completed", "failed", "delayed")
"""The states the old service knows."""
_LOOKS_WITHIN = 5.0
_LAST_LISTED = 100
_CLEANABLE = ("completed", "failed")
_CLEANED_AT_MOST = 1000
_UNSTARTED = ("waiting", "prioritized", "delayed", "active")
_PAGE = 500
_COMBINE_PAGE = "combine-page-audio"

log = logging.getLogger("jetbull.http")


class QueueService:
    """The old queue service. Errors of the queue become OperationFailedError."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    async def add(self, name: str, data: Mapping[str, Any], correlation_id: str) -> Added:
        """Add a job; the correlation id goes into its data."""
        async with operation(f"add {name} job"):
            job = await self._queue.add(name, {**data, "correlationId": correlation_id})
        log.info("job added", extra=_ids(job))
        stored = await self._message_of(job)
        if stored is None:
            return Added(job_id=str(job.id))
        return Added(job_id=str(job.id), subject=stored.subject, ack=stored.sequence)

    async def _message_of(self, job: Job) -> JobMessage | None:
        """None also where it cannot be read: the job is stored, and no error may deny it."""
        try:
            async with asyncio.timeout(_LOOKS_WITHIN):
                return await job_message(self._queue, str(job.id))
        except (JetbullError, TimeoutError) as error:
            log.warning("where the job is stored is not known: %s", error, extra=_ids(job))
            return None

    async def status(self) -> Status:
        """How many jobs there are in each state."""
        async with operation("get queue status", _LOOKS_WITHIN):
            counts = await self._queue.getJobCounts(*_LISTED)
            facts = await stream_facts(self._queue)
        return Status.of(counts, facts)

    async def jobs(self, status: str) -> JobList | Refused:
        """The first 101 jobs of a state: waiting ones oldest first, finished ones newest first."""
        if status not in _LISTED:
            return Refused(
                error="Invalid status. Use: waiting, active, completed, failed, or delayed"
            )
        async with operation(f"get {status} jobs", _LOOKS_WITHIN):
            oldest_first = status not in _CLEANABLE
            found = await self._queue.getJobs([status], 0, _LAST_LISTED, oldest_first)
        listed = [ListedJob(**ListedJob.fields_of(job)) for job in found]
        return JobList(jobs=listed, status=status, total=len(listed))

    async def job(self, job_id: str) -> Found | Unknown:
        """One job with its state and options."""
        async with operation(f"get job {job_id}", _LOOKS_WITHIN):
            job = await self._find(job_id)
            state = await job.getState() if job is not None else "unknown"
        if job is None or state == "unknown":  # gone, or removed in between
            return Unknown()
        return Found(job=DetailedJob(**ListedJob.fields_of(job), state=state, opts=job.opts))

    async def clean(self, status: str) -> Cleaned | Refused:
        """Remove up to 1,000 completed or failed jobs."""
        if status not in _CLEANABLE:
            return Refused(error="Can only clean completed or failed jobs")
        async with operation(f"clean {status} jobs"):
            removed = await self._queue.clean(0, _CLEANED_AT_MOST, status)
        log.info("jobs cleaned", extra={"status": status, "removed": len(removed)})
        return Cleaned(message=f"Cleaned {status} jobs", status=status)

    async def _find(self, job_id: str) -> Job | None:
        try:
            return await self._queue.getJob(job_id)
        except ConfigurationError:  # no job can have this id: it is too long
            return None

    async def retry(self, job_id: str) -> Retried | NotFound | NotFailed:
        """Let a failed job wait again."""
        async with operation(f"retry job {job_id}"):
            job = await self._find(job_id)
            if job is None:
                return NotFound()
            if await job.getState() == "failed":
                try:
                    await job.retry()
                except JobError as refusal:
                    # Somebody else retried or removed it in between.
                    log.info("retry refused: %s", refusal, extra=_ids(job))
                else:
                    log.info("job retried", extra=_ids(job))
                    message = f"Job {job_id} added back to queue"
                    return Retried(message=message, job_id=job_id)
            state = await job.getState()
        return NotFound() if state == "unknown" else NotFailed(current_state=state)

    async def cancel_page_audio_combination_job(self, page_id: str) -> dict[str, int]:
        """Cancel the page's `combine-page-audio` jobs, waiting or running.

        Gives `{"cancelledJobs": n}`: those removed, and the running ones whose worker was told.
        """
        cancelled = 0
        async with operation(f"cancel page audio combination of page {page_id}"):
            ids = [str(job.id) async for job in self._unfinished() if _combines(job, page_id)]
            for job_id in ids:
                cancelled += await self._queue.cancelJob(job_id, "cancelled by request")
        log.info("page audio cancelled", extra={"pageId": page_id, "cancelled": cancelled})
        return {"cancelledJobs": cancelled}

    cancelPageAudioCombinationJob = cancel_page_audio_combination_job

    async def _unfinished(self) -> AsyncIterator[Job]:
        for state in _UNSTARTED:
            start = 0
            while page := await self._queue.getJobs([state], start, start + _PAGE - 1, True):
                for job in page:
                    yield job
                start += _PAGE


def _ids(job: Job) -> dict[str, Any]:
    """What every log line of a job bears."""
    data = job.data if isinstance(job.data, Mapping) else {}
    known = {"jobId": job.id, "jobName": job.name, "correlationId": data.get("correlationId")}
    return {field: value for field, value in known.items() if value is not None}


def _combines(job: Job, page_id: str) -> bool:
    data = job.data if isinstance(job.data, Mapping) else {}
    return job.name == _COMBINE_PAGE and data.get("pageId") == page_id
