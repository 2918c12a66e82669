"""The ledger's form of a caller's job: its record, its place, its id."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from jetbull.checks import label
from jetbull.commands.announcing import announce
from jetbull.commands.draft import Draft
from jetbull.errors import ConfigurationError
from jetbull.ledger.adding.adding import NewJob
from jetbull.ledger.belongings import blobs
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.placing import Place, delayed, waiting
from jetbull.ledger.messages.record import Record, dumps_of, to_bytes
from jetbull.ledger.parents.parentage import link
from jetbull.ledger.store.collector import collector_paused
from jetbull.ledger.store.store import QueueStore
from jetbull.options import NEW_JOB, check_size, check_types

_TURN = 1000  # jobs until others have their turn
_ZERO = ("attempts", "delay")  # defaults that need not be stored


def record_of(job: Draft, store: QueueStore) -> Record:
    """The record a fresh job is stored as. ValueError when the data is not JSON."""
    if type(job.name) is not str:
        if job.name is None:
            raise ConfigurationError("A job needs a name: it is None.")
        label("The name of a job", job.name)
    data = to_bytes(dumps_of(f"the data of job {job.name!r}", job.data))
    opts = {} if job.opts == NEW_JOB else _to_store(job.opts)
    check_size(job.name, data, opts)
    fixed: dict[str, Any] = {"name": str(job.name), "timestamp": job.timestamp, "opts": opts}
    if job.parent:
        fixed["parentKey"] = job.parentKey
        fixed["parent"] = link(store.names.space.prefix, job.parent)
    if job.repeatJobKey:
        fixed["repeatJobKey"] = job.repeatJobKey
    if job.deduplication_id:
        fixed["deduplicationId"] = str(job.deduplication_id)
    head: dict[str, Any] = {}
    if job.delay:
        head["delay"] = job.delay
    if job.priority:
        head["priority"] = int(job.priority)
    record = Record.new(fixed, data, head)
    blobs.check_given(store, record)
    return record


def _to_store(opts: dict[str, Any]) -> dict[str, Any]:
    """The options without defaults."""
    return {k: v for k, v in opts.items() if v is not None and not (v == 0 and k in _ZERO)}


def place_of(job: Draft) -> Place:
    """Where a fresh job goes; delay counts from its timestamp, and what falls due goes to the tail
    (or by priority), also if it was due before it was added.
    """
    priority = int(job.priority or 0)
    if not job.delay:
        return waiting(priority, bool(job.opts.get("lifo")))
    due = int(job.timestamp + job.delay)
    return delayed(due, priority) if due > now_ms() else waiting(priority)


def place_as_of(now: int, record: Record) -> Place:
    """Where a job goes whose delay, if it has one, begins `now`."""
    delay = int(record.head.get("delay", 0))
    if delay > 0:
        return delayed(now + delay, record.priority)
    return waiting(record.priority, bool(record.opts.get("lifo")))


async def prepare(store: QueueStore, job: Draft, whole: bool = False) -> NewJob:
    """The ledger's form of a job, with its id. `whole`: what is large is not put elsewhere yet,
    since it is not decided whether the job will be stored.
    """
    check_types(job.opts)
    # Before anything is awaited: a delay of 1 ms must not be over by the time it is looked at.
    where = place_of(job)
    record = record_of(job, store)
    number = str((await store.ids.take())[0])  # custom ids use up numbers too
    new = _new_job(store, job, record, where, number)
    if not whole:
        await blobs.externalize(store, new.job_id, new.record)
    return new


async def prepare_many(
    store: QueueStore,
    jobs: Sequence[Draft],
    whole: bool = False,
    places: Sequence[Place | None] | None = None,
) -> list[NewJob]:
    """As `prepare`, for many."""
    parts: list[tuple[Draft, Record, Place]] = []
    where = [None] * len(jobs) if places is None else places
    for at in range(0, len(jobs), _TURN):
        if at:
            await asyncio.sleep(0)  # locks of this process's workers want renewal meanwhile
        with collector_paused():
            turn = zip(jobs[at : at + _TURN], where[at : at + _TURN], strict=True)
            parts += [_parts_of(store, job, place) for job, place in turn]
    numbers = await store.ids.take(len(jobs))  # a bad row uses up none
    with collector_paused():
        prepared = [
            _new_job(store, *of, str(number)) for of, number in zip(parts, numbers, strict=True)
        ]
    if not whole:
        for at in range(0, len(jobs), _TURN):
            some = prepared[at : at + _TURN]
            await blobs.externalize_many(store, [(new.job_id, new.record) for new in some])
    return prepared


async def renumber(store: QueueStore, new: NewJob) -> None:
    """Gives the job the next number: a custom id took its own before the counter came to it."""
    old, new.job_id = new.job_id, str((await store.ids.take())[0])
    if not blobs.is_whole(new.record):
        new.record = await blobs.inline(store, old, new.record)
        await blobs.externalize(store, new.job_id, new.record)
    new.tombstone = 0
    new.on_stored = announcer(store, new.job_id, new.record, new.place)


def announcer(
    store: QueueStore, job_id: str, record: Record, place: Place
) -> Callable[[int], None]:
    """What tells listeners of a new job, once it is stored."""
    # Not of the NewJob itself: a cycle per job would be left to the garbage collector.
    return lambda _: announce(store, job_id, record, place)


def _parts_of(store: QueueStore, job: Draft, place: Place | None) -> tuple[Draft, Record, Place]:
    check_types(job.opts)
    return job, record_of(job, store), place or place_of(job)


def _new_job(store: QueueStore, job: Draft, record: Record, where: Place, number: str) -> NewJob:
    custom = job.id
    job_id = str(custom) if custom not in (None, "") else number
    told = announcer(store, job_id, record, where)
    new = NewJob(job_id, record, where, custom in (None, ""), told)
    if not new.generated and len(record.data) > blobs.own_room(store):
        new.whole = record.data
    return new


__all__ = [
    "announcer",
    "place_as_of",
    "place_of",
    "prepare",
    "prepare_many",
    "record_of",
    "renumber",
]
