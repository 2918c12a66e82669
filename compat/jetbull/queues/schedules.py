"""A queue's schedulers, and v5's names for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Generic

from jetbull.checks import mapping
from jetbull.job import Job, JobOwner
from jetbull.job_scheduler import JobScheduler
from jetbull.ledger.messages.clock import now_ms
from jetbull.legacy import keys_like, outdated, repeat_keys, repeatable, scheduler_options
from jetbull.types.generics import Data, Result
from jetbull.types.job_options import JobSchedulerJson


class QueueSchedules(JobOwner, Generic[Data, Result]):
    """The part of `Queue` that keeps its schedulers."""

    jobsOpts: dict[str, Any]
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
    ) -> Job[Data, Result] | None:
        """See `JobScheduler.upsertJobScheduler`; Node's `{name, data, opts}` is taken too.

        `defaultJobOptions` are under the options of its jobs.
        """
        if isinstance(job_name, Mapping):
            template = job_name
            job_name, job_data = template.get("name"), template.get("data", job_data)
            opts = template.get("opts", opts)
        return await self.jobScheduler.upsertJobScheduler(
            job_scheduler_id,
            repeat_opts,
            job_name or job_scheduler_id,
            job_data,
            {**self.jobsOpts, **mapping("opts", opts)},
            override=override,
            producer_id=producer_id,
        )

    async def removeJobScheduler(self, job_scheduler_id: str) -> int:
        """0 removed, 1 unknown."""
        return await self.jobScheduler.removeJobScheduler(job_scheduler_id)

    async def isJobScheduler(self, job_scheduler_id: str) -> bool:
        """Whether a scheduler of this id exists."""
        return await self.jobScheduler.isJobScheduler(job_scheduler_id)

    async def getJobScheduler(self, job_scheduler_id: str) -> JobSchedulerJson | None:
        """The scheduler as a dictionary, or None."""
        return await self.jobScheduler.getScheduler(job_scheduler_id)

    async def getJobSchedulers(
        self, start: int = 0, end: int = -1, asc: bool = False
    ) -> list[JobSchedulerJson]:
        """Schedulers by next time, latest first unless `asc`; inclusive positions."""
        return await self.jobScheduler.getJobSchedulers(start, end, asc)

    async def getJobSchedulersCount(self) -> int:
        """How many schedulers there are."""
        return await self.jobScheduler.getSchedulersCount()

    # --- version 5 ---------------------------------------------------------------------

    async def addRepeatable(
        self, name: str, data: Any, opts: Mapping[str, Any]
    ) -> Job[Data, Result] | None:
        """What `add(name, data, {repeat: …})` of version 5 did: registers a scheduler.

        Gives its next job, or None when its limit or end date is past. One that was carried here
        from Redis is updated under the id it has.
        """
        repeat = dict(mapping("repeat", opts["repeat"]))
        key = await self._existing(repeat_keys(name, repeat, opts.get("jobId")))
        template = {k: v for k, v in opts.items() if k not in ("repeat", "jobId")}
        options = scheduler_options(repeat, now_ms())
        return await self.jobScheduler.upsertJobScheduler(key, options, name, data, template)

    async def getRepeatableJobs(
        self, start: int = 0, end: int = -1, asc: bool = False
    ) -> list[dict[str, Any]]:
        """v5's `getJobSchedulers`: `{key, name, id, endDate, tz, pattern, every, next}` each."""
        outdated("getRepeatableJobs", "getJobSchedulers")
        return [repeatable(s) for s in await self.getJobSchedulers(start, end, asc)]

    async def getRepeatableCount(self) -> int:
        """v5's name for `getJobSchedulersCount`."""
        outdated("getRepeatableCount", "getJobSchedulersCount")
        return await self.getJobSchedulersCount()

    async def removeRepeatableByKey(self, key: str) -> bool:
        """v5's name for `removeJobScheduler`; True when it existed."""
        outdated("removeRepeatableByKey", "removeJobScheduler")
        return await self.removeJobScheduler(await self._existing(keys_like(key))) == 0

    async def removeRepeatable(
        self, name: str, repeat_opts: Mapping[str, Any], job_id: str | None = None
    ) -> bool:
        """v5: removes the scheduler that `add(name, …, {repeat})` made; True when it existed."""
        outdated("removeRepeatable", "removeJobScheduler")
        key = await self._existing(repeat_keys(name, repeat_opts, job_id))
        return await self.removeJobScheduler(key) == 0

    async def _existing(self, keys: Sequence[str]) -> str:
        """The first of these ids that a scheduler has, else the first."""
        known = await asyncio.gather(*(self.jobScheduler.getScheduler(key) for key in keys))
        return next((key for key, there in zip(keys, known, strict=True) if there), keys[0])


__all__ = ["QueueSchedules"]
