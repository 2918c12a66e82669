"""Storing or overwriting a scheduler and its one pending job."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from jetbull.commands.completing import help_on
from jetbull.commands.preparing import prepare
from jetbull.commands.storing import arm
from jetbull.error_code import refused
from jetbull.errors import JobError
from jetbull.job import Job, JobOwner
from jetbull.ledger.adding import schedules
from jetbull.ledger.job import reading
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import DELAYED, lane_of, public_state_of, state_of
from jetbull.ledger.messages.placing import turn
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.store.store import QueueStore
from jetbull.repeating import next_slot
from jetbull.schedulers.iteration import iteration, save
from jetbull.telemetry.jobs import registering

After = Callable[[int], Awaitable[int | None]]

_MAX_SLOTS = 32
_REPLACEABLE = ("delayed", "waiting", "prioritized")


@registering
async def register(
    owner: JobOwner, scheduler_id: str, body: dict[str, Any], job_opts: dict[str, Any], after: After
) -> Job:
    """Stores or overwrites a scheduler and its one pending job, which is given.

    `body` is what the scheduler's record will hold, for a pattern with its `next` time; `after`
    gives the time of a pattern that follows another. JobError -10 when the slot of a pattern holds
    a job that cannot be replaced and no other one was, -11 when 32 slots are taken.
    """
    store = await owner.ledger()
    async with store.turns.at(store.names.aux("sched", scheduler_id)):
        return await _register(owner, store, scheduler_id, body, job_opts, after)


async def _register(
    owner: JobOwner,
    store: QueueStore,
    scheduler_id: str,
    body: dict[str, Any],
    job_opts: dict[str, Any],
    after: After,
) -> Job:
    while True:
        now = now_ms()
        # Most probably the pending job, or one in the place of the first one of a new scheduler.
        first = schedules.job_id_of(scheduler_id, _slot(body, None, None, job_opts, now)[0])
        likely = store.upcoming.get(scheduler_id, first)
        stored, seq, found = await schedules.look_for_both(store, scheduler_id, likely)
        replaced = await _pending_job(store, stored, likely, found)
        slot, offset = _slot(body, stored, replaced, job_opts, now)
        fresh = {**body, **_offset(body, offset, stored, replaced)}
        if stored is None and "pattern" in body:
            replaced = await _left_behind(
                store, schedules.job_id_of(scheduler_id, slot), likely, found
            )
        free = "" if found else likely
        try:
            slot = await _free_slot(
                store, scheduler_id, slot, fresh.get("every"), replaced, after, free
            )
        except JobError:
            if await _is_still(store, scheduler_id, stored):
                raise
            continue  # the slot is that of another upsert, which came first
        fresh["next"] = slot
        fresh["ic"] = stored.body.get("ic", 1) if stored else 1
        job = iteration(owner, scheduler_id, slot, fresh, job_opts, now)
        new = await prepare(store, job)
        if replaced is not None and state_of(replaced[1].subject) == new.place.state == DELAYED:
            new.place = new.place._replace(lane=turn(lane_of(replaced[1].subject)))
        if await save(store, scheduler_id, fresh, seq, new, replaced):
            store.upcoming.remember(scheduler_id, new.job_id)
            arm(store, new.job_id, new.place)
            return job


async def _is_still(
    store: QueueStore, scheduler_id: str, known: schedules.Scheduler | None
) -> bool:
    """Whether nobody stored or removed the scheduler since `known` was read."""
    stored = await schedules.read(store, scheduler_id)
    return (stored and stored.seq) == (known and known.seq)


async def _pending_job(
    store: QueueStore, stored: schedules.Scheduler | None, likely: str, found: Stored | None
) -> tuple[str, Stored] | None:
    """The pending job, unless a worker has it; `found` is the one of the id that is `likely`."""
    if stored is None:
        return None
    job_id = schedules.job_id_of(stored.id, stored.next_ms)
    if found is not None and job_id == likely:
        return (job_id, found) if _is_replaceable(found) else None
    pending = await _replaceable(store, job_id)
    if stored.note and pending is None:  # it may be on its way
        await help_on(store, stored.note)
        pending = await _replaceable(store, job_id)
    return pending


async def _left_behind(
    store: QueueStore, job_id: str, likely: str, found: Stored | None
) -> tuple[str, Stored] | None:
    """The job of a scheduler that is being removed: it goes next, unless somebody promoted it."""
    if job_id != likely:
        found = await reading.find(store, job_id)
    if found is None or public_state_of(found.subject) != "delayed":
        return None
    return job_id, found


async def _replaceable(store: QueueStore, job_id: str) -> tuple[str, Stored] | None:
    """The job, if no worker has it."""
    found = await reading.find(store, job_id)
    return None if found is None or not _is_replaceable(found) else (job_id, found)


def _is_replaceable(job: Stored) -> bool:
    return public_state_of(job.subject) in _REPLACEABLE


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


def _offset(
    body: dict[str, Any],
    offset: int,
    stored: schedules.Scheduler | None,
    replaced: tuple[str, Stored] | None,
) -> dict[str, Any]:
    """The field `offset` of the record, if it is to have one: that of the slot, or the old one."""
    if stored is None or replaced is None or "offset" in body:
        return {"offset": offset}
    return {"offset": stored.body["offset"]} if "offset" in stored.body else {}


async def _free_slot(
    store: QueueStore,
    scheduler_id: str,
    slot: int,
    every: int | None,
    replaced: tuple[str, Stored] | None,
    after: After,
    free: str,
) -> int:
    """The slot, or a later one if its job is there; the job of the id `free` was not just now."""
    for _ in range(_MAX_SLOTS + 1):
        job_id = schedules.job_id_of(scheduler_id, slot)
        if replaced is not None and replaced[0] == job_id:
            return slot
        if job_id == free or await reading.find(store, job_id) is None:
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


__all__ = ["After", "register"]
