"""Changing when a delayed job is due."""

from __future__ import annotations

import asyncio

from jetbull.error_code import refused
from jetbull.errors import Conflict, JobError
from jetbull.ledger.job import late, reading
from jetbull.ledger.job.moving import move
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import DELAYED, lane_of, state_of
from jetbull.ledger.messages.placing import delayed
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.store.store import QueueStore


async def change_delay(
    store: QueueStore, job_id: str, delay_ms: float, due_ms: int | None = None
) -> None:
    """Due in `delay_ms` from now, or at `due_ms`."""
    repeated = False
    while True:
        try:
            found = await delayed_job(store, job_id, "changeDelay")
        except JobError:
            if repeated:
                return  # the message whose answer was lost, and the job was due since
            raise
        if late.is_firing(found.record):
            await asyncio.sleep(late.LOOK_SECONDS)
            continue
        record = found.record.copy()
        record.head["delay"] = delay_ms
        due = int(now_ms() + delay_ms) if due_ms is None else due_ms
        place = delayed(due, record.priority, lane_of(found.subject))
        if place.due_ms == found.record.head["due"]:
            return
        try:
            await move(store, job_id, found, record, place)
        except Conflict as rival:
            repeated = repeated or rival.repeated
            continue
        store.emit("delayed", jobId=job_id, delay=str(place.due_ms))
        return


async def delayed_job(store: QueueStore, job_id: str, command: str) -> Stored:
    """The job as it is stored; JobError for `command` when it is gone or not delayed."""
    found = await reading.find(store, job_id)
    if found is None and command != "promote":  # to promote, gone is as good as not delayed
        raise refused(-1, command, job_id)
    if found is None or state_of(found.subject) != DELAYED:
        raise refused(-3, command, job_id, "delayed")
    return found


__all__ = ["change_delay", "delayed_job"]
