"""One job of a scheduler, stored in one step with the scheduler's record."""

from __future__ import annotations

from typing import Any

from jetbull.commands.noting import is_quicker, store_pending
from jetbull.job import Job, JobOwner
from jetbull.ledger.adding import schedules
from jetbull.ledger.adding.adding import NewJob, message_for
from jetbull.ledger.adding.insertion import Entry
from jetbull.ledger.adding.note import new_key
from jetbull.ledger.job.moving import ensure_level
from jetbull.ledger.messages.names import is_schedule, state_of
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.store.store import QueueStore


def iteration(
    owner: JobOwner,
    scheduler_id: str,
    slot: int,
    body: dict[str, Any],
    job_opts: dict[str, Any],
    now: int,
) -> Job:
    """The job of a scheduler that is due at `slot` (ms); `now` is when it is made."""
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


async def save(
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
    called = new_key()
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


__all__ = ["iteration", "save"]
