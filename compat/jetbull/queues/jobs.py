"""Reaching single jobs of a queue by their id, without loading them first."""

from __future__ import annotations

from typing import Any, Literal

from jetbull import checks
from jetbull.commands import changing, children, logs, orphans
from jetbull.event_emitter import EventEmitter
from jetbull.flow_reader import queue_of
from jetbull.job import Job, JobOwner


class QueueJobs(JobOwner, EventEmitter):
    """The part of `Queue` that writes to jobs by id."""

    async def addJobLog(self, job_id: str, log_row: str, keep_logs: int = 0) -> int:
        """Appends a row to a job's log; the number of rows kept. JobError -1 if it is gone."""
        keep = checks.number("keepLogs", keep_logs or 0)
        return await logs.append(await self.ledger(), str(job_id), log_row, keep)

    async def clearJobLogs(self, job_id: str, keep_logs: int = 0) -> None:
        """Removes a job's log but its last `keep_logs` rows."""
        keep = checks.number("keepLogs", keep_logs or 0)
        await logs.clear(await self.ledger(), str(job_id), keep)

    async def updateJobProgress(self, job_id: str, progress: Any) -> None:
        """Stores a job's progress and tells the listeners. JobError -1 if it is gone."""
        await changing.update_progress(await self.ledger(), str(job_id), progress)
        self.emit_safely("progress", str(job_id), progress)

    async def getDependencies(
        self,
        parent_id: str,
        type: Literal["pending", "processed"] = "pending",
        start: int = 0,
        end: int = -1,
    ) -> dict[str, Any]:
        """`{items, total, jobs}` of a parent's children; positions are inclusive.

        An item is `{id: <child key>}`, for processed children `{id, v: <their value>}`; `jobs`
        holds the children that are still stored.
        """
        start, end = checks.position("start", start), checks.position("end", end)
        store = await self.ledger()
        found = await children.page(store, str(parent_id), type, start, end)
        jobs = [
            await Job.load(queue_of(self, owner), job_id, stored.record)
            for owner, job_id, stored in found.jobs
        ]
        return {"items": found.items, "total": found.total, "jobs": jobs}

    async def removeOrphanedJobs(self, count: int = 1000, limit: int = 0) -> int:
        """Removes what belongs to jobs that no longer exist; for how many jobs.

        `limit` ends the search after so many (0: none). `count` was BullMQ's page size in Redis.
        """
        return await orphans.remove(await self.ledger(), checks.number("limit", limit))


__all__ = ["QueueJobs"]
