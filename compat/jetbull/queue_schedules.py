"""A queue's schedulers, and v5's names for them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from jetbull.job import Job, JobOwner
from jetbull.job_scheduler import JobScheduler


class QueueSchedules(JobOwner):
    """The scheduling half of `Queue`."""

    _scheduler: JobScheduler | None = None

    @property
    def jobScheduler(self) -> JobScheduler:
        """The queue's schedulers as an object of their own."""
        if self._scheduler is None:
            self._scheduler = JobScheduler(self)
        return self._scheduler

    async def upsertJobScheduler(
        self,
        job_scheduler_id: str,
        repeat_opts: Mapping[str, Any],
        job_name: str | Mapping[str, Any] | None = None,
        job_data: Any = None,
        opts: Mapping[str, Any] | None = None,
        override: bool = True,
        producer_id: str | None = None,
    ) -> Job | None:
        """See `JobScheduler.upsertJobScheduler`; Node's `{name, data, opts}` is taken too."""
        if isinstance(job_name, Mapping):
            template = job_name
            job_name, job_data = template.get("name"), template.get("data", job_data)
            opts = template.get("opts", opts)
        return await self.jobScheduler.upsertJobScheduler(
            job_scheduler_id,
            repeat_opts,
            job_name or job_scheduler_id,
            job_data,
            opts,
            override=override,
            producer_id=producer_id,
        )

    async def removeJobScheduler(self, job_scheduler_id: str) -> int:
        """0 removed, 1 unknown."""
        return await self.jobScheduler.removeJobScheduler(job_scheduler_id)

    async def isJobScheduler(self, job_scheduler_id: str) -> bool:
        return await self.jobScheduler.isJobScheduler(job_scheduler_id)

    async def getJobScheduler(self, job_scheduler_id: str) -> dict[str, Any] | None:
        return await self.jobScheduler.getScheduler(job_scheduler_id)

    async def getJobSchedulers(
        self, start: int = 0, end: int = -1, asc: bool = False
    ) -> list[dict[str, Any]]:
        return await self.jobScheduler.getJobSchedulers(start, end, asc)

    async def getJobSchedulersCount(self) -> int:
        return await self.jobScheduler.getSchedulersCount()

    # --- version 5 ---------------------------------------------------------------------

    async def getRepeatableJobs(
        self, start: int = 0, end: int = -1, asc: bool = False
    ) -> list[dict[str, Any]]:
        """v5's name for `getJobSchedulers`."""
        _outdated("getRepeatableJobs", "getJobSchedulers")
        return await self.getJobSchedulers(start, end, asc)

    async def removeRepeatableByKey(self, key: str) -> bool:
        """v5's name for `removeJobScheduler`; True when it existed."""
        _outdated("removeRepeatableByKey", "removeJobScheduler")
        return await self.removeJobScheduler(key) == 0

    async def removeRepeatable(
        self, name: str, repeat_opts: Mapping[str, Any], job_id: str | None = None
    ) -> bool:
        """v5: removes the scheduler that `add(name, …, {repeat})` made; True when it existed."""
        _outdated("removeRepeatable", "removeJobScheduler")
        return await self.removeJobScheduler(repeat_key(name, repeat_opts, job_id)) == 0


def repeat_key(name: str, repeat: Mapping[str, Any], job_id: str | None = None) -> str:
    """The scheduler id that stands for a v5 repeatable job."""
    if repeat.get("key"):
        return str(repeat["key"])
    when = repeat.get("pattern") or repeat.get("cron") or repeat.get("every")
    end = repeat.get("endDate") or ""
    return f"{name}:{job_id or repeat.get('jobId') or ''}:{end}:{repeat.get('tz') or ''}:{when}"


_warned: set[str] = set()


def _outdated(old: str, new: str) -> None:
    if old not in _warned:
        _warned.add(old)
        warnings.warn(
            f"{old} is BullMQ 5's name; use {new}.", DeprecationWarning, stacklevel=3
        )


__all__ = ["QueueSchedules", "repeat_key"]
