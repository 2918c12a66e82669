"""Job schedulers: jobs that come again, every so often or by a cron pattern."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from jetbull.checks import label, mapping, number, position
from jetbull.commands.completing import help_on
from jetbull.job import Job, JobOwner
from jetbull.ledger.adding import schedules
from jetbull.ledger.job import reading
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import public_state_of
from jetbull.repeating import default_repeat_strategy, is_over, next_by
from jetbull.scheduler_view import (
    from_hash as _transform_scheduler_data,  # noqa: F401 - a name of bullmq.job_scheduler
)
from jetbull.scheduler_view import shown as as_dictionary
from jetbull.schedulers import options
from jetbull.schedulers.following import advance
from jetbull.schedulers.registering import register
from jetbull.types.job_options import JobSchedulerJson


class JobScheduler:
    """The schedulers of one queue (BullMQ: JobScheduler)."""

    def __init__(self, queue: JobOwner, repeat_strategy: Any = None) -> None:
        self.queue = queue
        self.backend = queue.backend
        settings = queue.opts.get("settings") or {}
        self.repeat_strategy = (
            repeat_strategy or settings.get("repeatStrategy") or default_repeat_strategy
        )

    async def upsertJobScheduler(
        self,
        job_scheduler_id: str,
        repeat_opts: Mapping[str, Any],
        job_name: str | None = None,
        job_data: Any = None,
        opts: Mapping[str, Any] | None = None,
        override: bool = True,
        producer_id: str | None = None,
    ) -> Job | None:
        """Creates or updates a scheduler; its next job, or None (limit reached, end date past).

        Without `override` nothing is changed: the job after `producer_id` is made, if that is the
        scheduler's pending one.

        ConfigurationError (a ValueError) for options that exclude each other; JobError -10, -11
        when no slot is free.
        """
        job_scheduler_id = label("The id of a job scheduler", job_scheduler_id)
        repeat = options.checked(repeat_opts)
        if not override:
            current = await Job.fromId(self.queue, producer_id or "")
            return None if current is None else await advance(self.queue, current)
        given = dict(mapping("opts", opts))
        count = number(".count", repeat.get("count") or 0) + 1
        now = now_ms()
        if is_over(repeat, count, now):
            return None
        base = max(now, number("prevMillis", given.get("prevMillis") or 0))
        name = job_name or job_scheduler_id

        async def after(millis: int) -> int | None:
            return await next_by(self.repeat_strategy, millis, repeat, name)

        upcoming = None
        if repeat.get("pattern"):
            upcoming = await after(base)
            if upcoming is None:
                return None
            upcoming = max(upcoming, base)
        body = options.record_body(name, repeat, upcoming, job_data, given)
        job_opts = {**given, "repeat": options.of_jobs(repeat, count)}
        job = await register(self.queue, job_scheduler_id, body, job_opts, after)
        job.data = job_data
        return job

    async def removeJobScheduler(self, job_scheduler_id: str) -> int:
        """Removes a scheduler and its pending delayed job: 0, or 1 when it is unknown."""
        store = await self.queue.ledger()
        known = False
        while (stored := await schedules.read(store, job_scheduler_id)) is not None:
            known = True
            if stored.note:  # the job may be on its way
                await help_on(store, stored.note)
            job_id = schedules.job_id_of(job_scheduler_id, stored.next_ms)
            job = await reading.find(store, job_id)
            if job is not None and public_state_of(job.subject) != "delayed":
                job = None
            if not await schedules.delete(store, stored, job):
                continue  # an upsert came between, or a worker with the next job
            if job is not None:
                store.emit("removed", jobId=job_id, prev="delayed")
            break
        return 0 if known else 1

    async def isJobScheduler(self, job_scheduler_id: str) -> bool:
        """Whether a scheduler of this id exists."""
        return await schedules.read(await self.queue.ledger(), job_scheduler_id) is not None

    async def getScheduler(self, job_scheduler_id: str) -> JobSchedulerJson | None:
        """The scheduler as a dictionary, or None."""
        stored = await schedules.read(await self.queue.ledger(), job_scheduler_id)
        return None if stored is None else _shown(stored)

    async def getJobSchedulers(
        self, start: int = 0, end: int = -1, asc: bool = False
    ) -> list[JobSchedulerJson]:
        """Schedulers by next time, latest first unless `asc`; inclusive positions."""
        start, end = position("start", start), position("end", end)
        found = await schedules.read_all(await self.queue.ledger())
        ordered = found if asc else found[::-1]
        size = len(ordered)
        first = max(0, start + size if start < 0 else start)
        last = max(-1, end + size) if end < 0 else end
        return [_shown(s) for s in ordered[first : last + 1]]

    async def getSchedulersCount(self) -> int:
        """How many schedulers there are."""
        return len(await schedules.read_all(await self.queue.ledger()))


def _shown(stored: schedules.Scheduler) -> JobSchedulerJson:
    return cast(JobSchedulerJson, as_dictionary(stored.id, stored.body, stored.next_ms))


__all__ = ["JobScheduler", "default_repeat_strategy"]
