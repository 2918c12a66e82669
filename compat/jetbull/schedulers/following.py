"""Making a scheduler's next job, when the pending one starts."""

from __future__ import annotations

from typing import Any, Protocol

from jetbull.commands.preparing import prepare
from jetbull.commands.storing import arm
from jetbull.errors import AckTimeout, JetbullError, ServerUnavailable, StoreError, StreamMissing
from jetbull.job import Job, JobOwner
from jetbull.ledger.adding import schedules
from jetbull.ledger.job import reading
from jetbull.ledger.messages.clock import now_ms
from jetbull.repeating import default_repeat_strategy, is_over, next_by, next_slot, to_millis
from jetbull.schedulers.iteration import iteration, save
from jetbull.telemetry.jobs import advancing

_AWAY = (AckTimeout, ServerUnavailable, StreamMissing)


class SchedulingOwner(JobOwner, Protocol):
    """A worker, as far as schedulers need it."""

    @property
    def closing(self) -> bool:
        """Whether it takes no more jobs."""

    async def rest(self) -> None:
        """Waits before it tries again what the server did not answer, or until it closes."""

    def emit_safely(self, event: str, /, *args: Any) -> None:
        """Tells the listeners, whatever they raise."""


async def follow(worker: SchedulingOwner, job: Job) -> None:
    """Makes the next job of the scheduler this one belongs to, if it is its pending one.

    Where the server is away, or its store is full, that is waited for, as the schedule would stand
    still. Each failure is told as the worker's `error` event; the job itself runs.
    """
    while True:
        try:
            await advance(worker, job)
            return
        except Exception as error:
            worker.emit_safely(
                "error",
                JetbullError(f"Failed to add repeatable job for next iteration: {error}"),
            )
            passes = isinstance(error, _AWAY) or type(error) is StoreError
            if not passes or worker.closing:
                return
        await worker.rest()


@advancing
async def advance(owner: JobOwner, job: Job) -> Job | None:
    """Makes the next job, if `job` is the pending one of its scheduler and the schedule goes on."""
    store = await owner.ledger()
    scheduler_id = str(job.repeatJobKey)
    repeat = dict(job.opts.get("repeat") or {})
    count = int(repeat.get("count") or 0) + 1
    now = now_ms()
    if is_over(repeat, count, now):
        return None
    end = to_millis(repeat.get("endDate"))
    while True:
        stored = await schedules.read(store, scheduler_id)
        if stored is None or schedules.job_id_of(scheduler_id, stored.next_ms) != job.id:
            return None
        body = dict(stored.body)
        slot = await _following(owner, stored, repeat, job, now)
        if slot is None or (end is not None and slot > end and "pattern" in stored.body):
            return None
        body["next"] = slot
        body["ic"] = int(body.get("ic", 1)) + 1
        job_opts = {k: v for k, v in job.opts.items() if k not in ("jobId", "delay", "timestamp")}
        job_opts["repeat"] = {**repeat, "count": count}
        if await reading.find(store, schedules.job_id_of(scheduler_id, slot)) is not None:
            store.emit("duplicated", jobId=schedules.job_id_of(scheduler_id, slot))
            return None
        following = iteration(owner, scheduler_id, slot, body, job_opts, now)
        new = await prepare(store, following)
        if await save(store, scheduler_id, body, stored.seq, new):
            arm(store, new.job_id, new.place)
            return following


async def _following(
    owner: JobOwner, stored: schedules.Scheduler, repeat: dict[str, Any], job: Job, now: int
) -> int | None:
    every = stored.body.get("every") or repeat.get("every")
    if every:
        offset = int(stored.body.get("offset") or repeat.get("offset") or 0)
        start = to_millis(stored.body.get("startDate"))
        previous = stored.next_ms + _lag(job, repeat, stored.next_ms, int(every))
        return next_slot(previous, int(every), now, offset, start)[0]
    base = max(now, int(job.opts.get("prevMillis") or 0))
    strategy = (owner.opts.get("settings") or {}).get("repeatStrategy") or default_repeat_strategy
    options = {**repeat, "pattern": stored.body.get("pattern"), "tz": stored.body.get("tz")}
    options.pop("immediately", None)
    upcoming = await next_by(strategy, base, options, str(stored.body["name"]))
    return None if upcoming is None else max(upcoming, now)


def _lag(job: Job, repeat: dict[str, Any], slot: int, every: int) -> int:
    """How much later than its slot (ms) a job out of Redis was due.

    BullMQ 4 to 5.53 counted some intervals in whole multiples, and ran each job an offset later.
    """
    offset = int(repeat.get("offset") or 0)
    due = job.timestamp + int(job.opts.get("delay") or 0)
    return offset if slot % every == 0 and due >= slot + offset else 0


__all__ = ["SchedulingOwner", "advance", "follow"]
