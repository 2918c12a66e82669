"""Schedulers at work: registering one, and making the next job when the current one starts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from jetbull.commands.completing import help_on
from jetbull.commands.noting import is_quicker, store_pending
from jetbull.commands.preparing import prepare
from jetbull.error_code import refused
from jetbull.errors import (
    AckTimeout,
    JetbullError,
    JobError,
    ServerUnavailable,
    StoreError,
    StreamMissing,
)
from jetbull.job import Job, JobOwner
from jetbull.ledger.adding import notes, schedules
from jetbull.ledger.adding.adding import NewJob, message_for
from jetbull.ledger.adding.insertion import Entry
from jetbull.ledger.job import reading
from jetbull.ledger.job.moving import ensure_level
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import DELAYED, is_schedule, lane_of, public_state_of, state_of
from jetbull.ledger.messages.placing import turn
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.store.store import QueueStore
from jetbull.repeating import default_repeat_strategy, next_by, next_slot, to_millis
from jetbull.telemetry.jobs import advancing, registering


class SchedulingOwner(JobOwner, Protocol):
    """A worker, as far as schedulers need it."""

    @property
    def closing(self) -> bool:
        """Whether it takes no more jobs."""

    async def rest(self) -> None:
        """Waits before it tries again what the server did not answer, or until it closes."""

    def emit_safely(self, event: str, /, *args: Any) -> None:
        """Tells the listeners, whatever they raise."""


After = Callable[[int], Awaitable[int | None]]

_MAX_SLOTS = 32
_AWAY = (AckTimeout, ServerUnavailable, StreamMissing)
_REPLACEABLE = ("delayed", "waiting", "prioritized")


@registering
async def register(
    owner: JobOwner, scheduler_id: str, body: dict[str, Any], job_opts: dict[str, Any], after: After
) -> Job:
    """Stores or overwrites a scheduler and its one pending job.

    `body` as in `jetbull.ledger.adding.schedules`, with `next` computed for a pattern, whose next
    time `after` another it tells. JobError -10 when the pattern's slot holds a job that cannot be
    replaced and nothing else was, -11 when 32 slots are taken.
    """
    store = await owner.ledger()
    while True:
        stored, seq = await schedules.look(store, scheduler_id)
        replaced = await _pending_job(store, stored)
        now = now_ms()
        fresh = dict(body)
        slot, offset = _slot(fresh, stored, replaced, job_opts, now)
        if offset and (replaced is None or "offset" in body):
            fresh["offset"] = offset
        elif stored is not None and "offset" in stored.body:
            fresh["offset"] = stored.body["offset"]
        elif replaced is None or "pattern" in body:
            fresh["offset"] = 0
        if stored is None and "pattern" in body:
            replaced = await _left_behind(store, schedules.job_id_of(scheduler_id, slot))
        try:
            slot = await _free_slot(store, scheduler_id, slot, fresh.get("every"), replaced, after)
        except JobError:
            if await _is_still(store, scheduler_id, stored):
                raise
            continue  # the slot is that of another upsert, which came first
        fresh["next"] = slot
        fresh["ic"] = stored.body.get("ic", 1) if stored else 1
        job = _iteration(owner, scheduler_id, slot, fresh, job_opts, now)
        new = await _prepared(store, job)
        if replaced is not None and state_of(replaced[1].subject) == new.place.state == DELAYED:
            new.place = new.place._replace(lane=turn(lane_of(replaced[1].subject)))
        if await _save(store, scheduler_id, fresh, seq, new, replaced):
            store.promoter.arm(new.job_id, new.place.due_ms or now)
            return job


async def _is_still(
    store: QueueStore, scheduler_id: str, known: schedules.Scheduler | None
) -> bool:
    """Whether nobody stored or removed the scheduler since `known` was read."""
    stored = await schedules.read(store, scheduler_id)
    return (stored and stored.seq) == (known and known.seq)


async def _pending_job(
    store: QueueStore, stored: schedules.Scheduler | None
) -> tuple[str, Stored] | None:
    if stored is None:
        return None
    job_id = schedules.job_id_of(stored.id, stored.next_ms)
    pending = await _replaceable(store, job_id)
    if stored.note and pending is None:  # it may be on its way
        await help_on(store, stored.note)
        pending = await _replaceable(store, job_id)
    return pending


async def _left_behind(store: QueueStore, job_id: str) -> tuple[str, Stored] | None:
    """The job of a scheduler that is being removed: it goes next, unless somebody promoted it."""
    found = await reading.find(store, job_id)
    if found is None or public_state_of(found.subject) != "delayed":
        return None
    return job_id, found


async def _replaceable(store: QueueStore, job_id: str) -> tuple[str, Stored] | None:
    """The job, if no worker has it."""
    found = await reading.find(store, job_id)
    if found is None or public_state_of(found.subject) not in _REPLACEABLE:
        return None
    return job_id, found


async def _save(
    store: QueueStore,
    scheduler_id: str,
    body: dict[str, Any],
    seq: int,
    job: NewJob,
    replaced: tuple[str, Stored] | None = None,
) -> bool:
    """As `schedules.save`, or noted first where that is quicker."""
    subject = message_for(store, job).subject
    if not _takes_its_place(job, subject, replaced) or not is_quicker(store, [Entry(store, job)]):
        with store.wire.pace.timed(False, 2):
            return await schedules.save(store, scheduler_id, body, seq, job, replaced)
    if job.place.level:
        await ensure_level(store, job.place.level)
    if replaced is not None:
        job.tombstone = replaced[1].seq
    called = notes.new_key()
    record = schedules.message(store, scheduler_id, body, seq, called)
    if not await store_pending(store, job, record, called):
        return False
    await schedules.stored(store, job, subject, replaced)
    return True


def _takes_its_place(job: NewJob, subject: str, replaced: tuple[str, Stored] | None) -> bool:
    """Whether one message stores the job, and removes the replaced one."""
    if replaced is None:
        return True
    old_id, old = replaced
    return old_id == job.job_id and (
        state_of(old.subject) == state_of(subject) or not is_schedule(old.subject)
    )


def _slot(
    body: dict[str, Any],
    stored: schedules.Scheduler | None,
    replaced: tuple[str, Stored] | None,
    job_opts: dict[str, Any],
    now: int,
) -> tuple[int, int]:
    every = body.get("every")
    if not every:
        return int(body["next"]), 0
    offset = int(body.get("offset") or (job_opts.get("repeat") or {}).get("offset") or 0)
    same = stored is not None and stored.body.get("every") == every
    previous = stored.next_ms if stored is not None and same else None
    slot, offset = next_slot(previous, int(every), now, offset, body.get("startDate"))
    if replaced is not None and same and stored is not None:
        slot = stored.next_ms
    return slot, offset


async def _free_slot(
    store: QueueStore,
    scheduler_id: str,
    slot: int,
    every: int | None,
    replaced: tuple[str, Stored] | None,
    after: After,
) -> int:
    for _ in range(_MAX_SLOTS + 1):
        job_id = schedules.job_id_of(scheduler_id, slot)
        if replaced is not None and replaced[0] == job_id:
            return slot
        if await reading.find(store, job_id) is None:
            return slot
        if every:
            slot += int(every)
            continue
        # The job of this slot was promoted and runs or ran; the pending one is for a later slot.
        later = None if replaced is None else await after(slot)
        if later is None:
            raise refused(-10, "addJobScheduler")
        slot = later
    raise refused(-11, "addJobScheduler")


def _iteration(
    owner: JobOwner,
    scheduler_id: str,
    slot: int,
    body: dict[str, Any],
    job_opts: dict[str, Any],
    now: int,
) -> Job:
    repeat = {k: v for k, v in (job_opts.get("repeat") or {}).items() if v is not None}
    job_id = schedules.job_id_of(scheduler_id, slot)
    opts = {
        **job_opts,
        "jobId": job_id,
        "delay": max(0, slot - now),
        "timestamp": now,
        "prevMillis": slot,
        "repeatJobKey": scheduler_id,
        "repeat": repeat,
    }
    job = Job(owner, body["name"], body.get("data", {}), opts)
    job.repeatJobKey = scheduler_id
    return job


async def _prepared(store: QueueStore, job: Job) -> NewJob:
    return await prepare(store, job)


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
    limit, end = repeat.get("limit"), to_millis(repeat.get("endDate"))
    if (limit is not None and count > limit) or (end is not None and now > end):
        return None
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
        following = _iteration(owner, scheduler_id, slot, body, job_opts, now)
        new = await _prepared(store, following)
        if await _save(store, scheduler_id, body, stored.seq, new):
            store.promoter.arm(new.job_id, new.place.due_ms or now)
            return following


async def _following(
    owner: JobOwner, stored: schedules.Scheduler, repeat: dict[str, Any], job: Job, now: int
) -> int | None:
    every = stored.body.get("every") or repeat.get("every")
    if every:
        offset = int(stored.body.get("offset") or repeat.get("offset") or 0)
        start = to_millis(stored.body.get("startDate"))
        return next_slot(stored.next_ms, int(every), now, offset, start)[0]
    base = max(now, int(job.opts.get("prevMillis") or 0))
    strategy = (owner.opts.get("settings") or {}).get("repeatStrategy") or default_repeat_strategy
    options = {**repeat, "pattern": stored.body.get("pattern"), "tz": stored.body.get("tz")}
    options.pop("immediately", None)
    upcoming = await next_by(strategy, base, options, str(stored.body["name"]))
    return None if upcoming is None else max(upcoming, now)
