"""Jobs that have ended."""

from __future__ import annotations

from typing import Any

from jetbull import Job, Queue, Worker

__all__ = ["completed", "failed"]


async def completed(queue: Queue, job_id: str, value: Any = None) -> None:
    """A job that gave this value."""
    job, worker = await _taken(queue, job_id)
    await job.moveToCompleted(value, "token")
    await worker.close()


async def failed(queue: Queue, job_id: str, reason: str = "broken") -> None:
    """A job that failed for good."""
    job, worker = await _taken(queue, job_id)
    await job.moveToFailed(ValueError(reason), "token")
    await worker.close()


async def _taken(queue: Queue, job_id: str) -> tuple[Job, Worker]:
    await queue.add("generate-audio", {"bookId": "b"}, {"jobId": job_id})
    options = {"connection": queue.opts["connection"], "prefix": queue.opts["prefix"]}
    worker = Worker(queue.name, None, options)
    job = await worker.getNextJob("token")
    assert job is not None
    return job, worker
