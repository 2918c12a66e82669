"""Job schedulers: jobs that come again, every so often or by a cron pattern."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from jetbull.checks import label, mapping, number, numeral, position, shown
from jetbull.commands import iterations
from jetbull.commands.completing import help_on
from jetbull.errors import ConfigurationError, Conflict
from jetbull.job import Job, JobOwner
from jetbull.ledger.adding import schedules
from jetbull.ledger.job import reading
from jetbull.ledger.job.moving import move
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import public_state_of
from jetbull.ledger.messages.placing import REMOVED
from jetbull.options import check_number
from jetbull.repeating import default_repeat_strategy, next_by, to_millis
from jetbull.scheduler_view import (
    from_hash as _transform_scheduler_data,  # noqa: F401 - a name of bullmq.job_scheduler
)
from jetbull.scheduler_view import shown as as_dictionary
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
        repeat = dict(mapping("The repeat options", repeat_opts))
        _check(repeat)
        if repeat.get("every"):
            repeat["every"] = _interval(repeat["every"])
        if repeat.get("limit") is not None:
            repeat["limit"] = numeral(repeat["limit"])
            check_number(".limit", repeat["limit"])
        if not override:
            current = await Job.fromId(self.queue, producer_id or "")
            return None if current is None else await iterations.advance(self.queue, current)
        given = dict(mapping("opts", opts))
        count = number(".count", repeat.get("count") or 0) + 1
        limit = repeat.get("limit")
        now = now_ms()
        end = to_millis(repeat.get("endDate"))
        if (limit is not None and count > limit) or (end is not None and now > end):
            return None
        base = max(now, number("prevMillis", given.get("prevMillis") or 0))
        name = job_name or job_scheduler_id
        body: dict[str, Any] = {"name": name}

        async def after(millis: int) -> int | None:
            return await next_by(self.repeat_strategy, millis, repeat, name)

        if repeat.get("pattern"):
            upcoming = await after(base)
            if upcoming is None:
                return None
            body["next"] = max(upcoming, base)
        body.update(
            {
                "tz": repeat.get("tz"),
                "pattern": repeat.get("pattern"),
                "every": repeat.get("every"),
                "limit": limit,
                "offset": repeat.get("offset") if repeat.get("every") else None,
                "startDate": to_millis(repeat.get("startDate")),
                "endDate": end,
            }
        )
        body = {k: v for k, v in body.items() if v is not None}
        body["data"] = {} if job_data is None else job_data
        if given:
            body["opts"] = given
        stored_repeat = {k: v for k, v in repeat.items() if k != "immediately"}
        for date in ("startDate", "endDate"):
            if date in stored_repeat:
                stored_repeat[date] = to_millis(stored_repeat[date])
        job_opts = {**given, "repeat": {**stored_repeat, "count": count}}
        job = await iterations.register(self.queue, job_scheduler_id, body, job_opts, after)
        job.data = job_data
        return job

    async def removeJobScheduler(self, job_scheduler_id: str) -> int:
        """Removes a scheduler and its pending delayed job: 0, or 1 when it is unknown."""
        store = await self.queue.ledger()
        known = None
        while (stored := await schedules.read(store, job_scheduler_id)) is not None:
            known = stored
            if await schedules.delete(store, stored):
                break
        if known is None:
            return 1
        if known.note:  # the job may be on its way
            await help_on(store, known.note)
        job_id = schedules.job_id_of(job_scheduler_id, known.next_ms)
        while True:
            found = await reading.find(store, job_id)
            if found is None or public_state_of(found.subject) != "delayed":
                return 0
            again = await schedules.read(store, job_scheduler_id)
            if again is not None and again.next_ms == known.next_ms:
                return 0  # an upsert came between, whose job it is now
            try:
                await move(store, job_id, found, found.record.with_head({}), REMOVED)
            except Conflict:
                continue
            store.emit("removed", jobId=job_id, prev="delayed")
            return 0

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


def _interval(every: Any) -> float:
    given: float = numeral(every)
    check_number(".every", given)
    if given < 1:
        raise ConfigurationError(f".every is at least 1 ms, not {every!r}.")
    return given


def _check(repeat: Mapping[str, Any]) -> None:
    if repeat.get("pattern") and repeat.get("every"):
        raise ConfigurationError(
            "Both .pattern and .every options are defined for this repeatable job"
        )
    if not repeat.get("pattern") and not repeat.get("every"):
        raise ConfigurationError(
            "Either .pattern or .every options must be defined for this repeatable job"
        )
    for option in ("pattern", "tz"):
        if not isinstance(repeat.get(option) or "", str):
            raise ConfigurationError(f".{option} is a text, not {repeat[option]!r}.")
    number(".offset", repeat.get("offset") or 0)
    for option in ("startDate", "endDate"):
        if repeat.get(option) and to_millis(repeat[option]) is None:
            raise ConfigurationError(
                f".{option} is a time (ms since 1970, ISO 8601 text or a datetime), not "
                f"{shown(repeat[option])}."
            )
    if repeat.get("immediately") and repeat.get("startDate"):
        raise ConfigurationError(
            "Both .immediately and .startDate options are defined for this repeatable job"
        )


__all__ = ["JobScheduler", "default_repeat_strategy"]
