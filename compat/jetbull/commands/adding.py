"""From a caller's job to a stored one: id, place, parent, deduplication, events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from jetbull.commands import deduplicating, linking
from jetbull.commands.announcing import announce
from jetbull.errors import JobError
from jetbull.ledger import blobs, reading
from jetbull.ledger.adding import NewJob, add_many
from jetbull.ledger.adding import add as store_job
from jetbull.ledger.clock import now_ms
from jetbull.ledger.collector import collector_paused
from jetbull.ledger.placing import Place, delayed, waiting
from jetbull.ledger.record import Record, dumps, to_bytes
from jetbull.ledger.store import QueueStore
from jetbull.options import check_size

if TYPE_CHECKING:
    from jetbull.job import Job

_TURN = 1000  # jobs until others have their turn
_ZERO = ("attempts", "delay")  # defaults that need not be stored


def record_of(job: Job, store: QueueStore) -> Record:
    """The record a fresh job is stored as. ValueError when the data is not JSON."""
    data = to_bytes(dumps(job.data))
    opts = {k: v for k, v in job.opts.items() if v is not None and not (v == 0 and k in _ZERO)}
    check_size(job.name, data, opts)
    fixed: dict[str, Any] = {"name": job.name, "timestamp": job.timestamp, "opts": opts}
    if job.parent:
        fixed["parentKey"] = job.parentKey
        fixed["parent"] = linking.link(store, job.parent)
    if job.repeatJobKey:
        fixed["repeatJobKey"] = job.repeatJobKey
    if job.deduplication_id:
        fixed["deduplicationId"] = job.deduplication_id
    head: dict[str, Any] = {}
    if job.delay:
        head["delay"] = job.delay
    if job.priority:
        head["priority"] = int(job.priority)
    return Record.new(fixed, data, head)


def place_of(job: Job) -> Place:
    """Where a fresh job goes; delay counts from its timestamp."""
    if job.delay:
        due = int(job.timestamp + job.delay)
        if due > now_ms():
            return delayed(due, int(job.priority or 0))
    return waiting(int(job.priority or 0), bool(job.opts.get("lifo")))


async def prepare(store: QueueStore, job: Job, place: Place | None = None) -> NewJob:
    """The ledger's form of a job, with its id."""
    # Before anything is awaited: a delay of 1 ms must not be over by the time it is looked at.
    where = place or place_of(job)
    record = record_of(job, store)
    number = str((await store.ids.take())[0])  # custom ids use up numbers too
    custom = job.id
    job_id = str(custom) if custom not in (None, "") else number
    await blobs.externalize(store, job_id, record)

    told = _announcer(store, job_id, record, where)
    return NewJob(job_id, record, where, custom in (None, ""), told)


async def add(store: QueueStore, job: Job) -> str:
    """Stores one job; the id of the job that now stands for it."""
    rule = deduplicating.rule_of(job.opts) if "deduplication" in job.opts else None
    if job.parent:
        await linking.require_parent(store, job)  # before a number is used up
    new = await prepare(store, job)
    if rule is not None and not await _is_there(store, new):
        job_id = await deduplicating.add(store, new, rule)
    elif job.parent:
        job_id = await linking.add_child(store, new)
    else:
        job_id = new.job_id
        while not await store_job(store, new):
            if not new.generated:
                store.emit("duplicated", jobId=job_id)
                break
            # A custom id took this number before the counter reached it.
            job_id = new.job_id = str((await store.ids.take())[0])
            new.on_stored = _announcer(store, job_id, new.record, new.place)
    _arm(store, job_id, new.place)
    return job_id


async def _is_there(store: QueueStore, new: NewJob) -> bool:
    return not new.generated and await reading.find(store, new.job_id) is not None


async def add_bulk(store: QueueStore, jobs: Sequence[Job]) -> list[str]:
    """Stores many jobs in order, in one atomic step if the server takes so many at once.

    Jobs with a deduplication id are stored one after the other.
    """
    if any("deduplication" in job.opts for job in jobs):
        return await _add_each(store, jobs)
    have_parents = any(job.parent for job in jobs)
    if have_parents and not await _parents_are_there(store, jobs):
        return await _add_each(store, jobs)
    prepared = await _prepare_many(store, jobs)
    if have_parents:
        if not await linking.add_children(store, prepared):
            return await _add_each(store, jobs)
        for job, new in zip(jobs, prepared, strict=True):
            job.id = new.job_id
            _arm(store, new.job_id, new.place)
        return [new.job_id for new in prepared]
    for job, new, stored in zip(jobs, prepared, await add_many(store, prepared), strict=True):
        job.id = new.job_id
        if not stored:
            if new.generated:
                job.id = None
                job.id = await add(store, job)
            else:
                store.emit("duplicated", jobId=new.job_id)
        else:
            _arm(store, new.job_id, new.place)
    return [str(job.id) for job in jobs]


async def _add_each(store: QueueStore, jobs: Sequence[Job]) -> list[str]:
    for job in jobs:
        job.id = await add(store, job)
    return [str(job.id) for job in jobs]


async def _parents_are_there(store: QueueStore, jobs: Sequence[Job]) -> bool:
    for job in {job.parentKey: job for job in jobs if job.parent}.values():
        try:
            await linking.require_parent(store, job)
        except JobError:
            return False
    return True


async def _prepare_many(store: QueueStore, jobs: Sequence[Job]) -> list[NewJob]:
    prepared: list[NewJob] = []
    room = blobs.room(store)
    numbers = await store.ids.take(len(jobs))
    for at in range(0, len(jobs), _TURN):
        with collector_paused():
            turn = slice(at, at + _TURN)
            some = [
                _new_job(store, job, str(number))
                for job, number in zip(jobs[turn], numbers[turn], strict=True)
            ]
        for new in some:
            if len(new.record.data) > room:
                await blobs.externalize(store, new.job_id, new.record)
        prepared += some
        await asyncio.sleep(0)  # locks of this process's workers want renewal meanwhile
    return prepared


def _new_job(store: QueueStore, job: Job, number: str) -> NewJob:
    custom = job.id
    job_id = str(custom) if custom not in (None, "") else number
    record, where = record_of(job, store), place_of(job)
    told = _announcer(store, job_id, record, where)
    return NewJob(job_id, record, where, custom in (None, ""), told)


def _arm(store: QueueStore, job_id: str, place: Place) -> None:
    if place.due_ms:
        store.promoter.arm(job_id, place.due_ms)


def _announcer(
    store: QueueStore, job_id: str, record: Record, place: Place
) -> Callable[[int], None]:
    # Not of the NewJob itself: a cycle per job would be left to the garbage collector.
    return lambda _: announce(store, job_id, record, place)
