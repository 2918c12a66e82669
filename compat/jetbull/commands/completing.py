"""Making noted insertions whole: whoever finds a note stores what is missing of it.

That is the process that wrote it, when something was in the way; another one that needs a job of
it; or, if its process is gone, a worker.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from functools import partial
from time import monotonic

from jetbull.commands.announcing import announce_taken
from jetbull.commands.preparing import announcer, renumber
from jetbull.errors import (
    AckTimeout,
    BatchTooLarge,
    Conflict,
    ConnectionClosedError,
    JetbullError,
    StoreError,
)
from jetbull.ledger.adding import note_ending, note_reading, noted_jobs
from jetbull.ledger.adding.adding import message_for, stand_behind
from jetbull.ledger.adding.insertion import Entry
from jetbull.ledger.adding.note import Note, leads
from jetbull.ledger.adding.schedules import is_record
from jetbull.ledger.messages.names import CHILDREN, GONE, state_of
from jetbull.ledger.messages.record import Record
from jetbull.ledger.parents import parentage, releasing
from jetbull.ledger.parents.bookkeeping import expectation
from jetbull.ledger.store.batch import PATIENCE, Message, commit, most_in_batch
from jetbull.ledger.store.grouping import OnStored
from jetbull.ledger.store.store import QueueStore

_PAUSE_SECONDS = 0.02

log = logging.getLogger("jetbull.noting")


@contextmanager
def in_part() -> Iterator[None]:
    """Says in the error of a full store that it has taken some of the jobs."""
    try:
        yield
    except StoreError as error:
        raise StoreError(
            f"{error} Others of these jobs are stored; a worker stores the rest when it can.",
            error.code,
        ) from error


async def complete(note: Note, among: Sequence[Entry]) -> list[Entry]:
    """Stores those of its jobs `among` these that are not there, nor have been, and removes the
    note; which were stored.

    They are stored as one batch, together with the end of the note. One by one would not be safe: a
    job that is there at the look may have run and be gone when its turn comes, and so may all of
    them if another process finishes the note. Nothing would refuse to store them again.
    """
    wire, done = note.store.wire, list[Entry]()
    deadline = monotonic() + PATIENCE
    while (found := await noted_jobs.missing(note, [e for e in among if e.stored])) is not None:
        absent, taken = found
        done += await store_rest(taken)
        if not absent:
            await _release(note.jobs)
            await note_ending.drop(note)
            break
        # Where some were there, all waits were.
        all_missing = len(absent) == len(note.jobs)
        waits = await noted_jobs.missing_waits(note) if all_missing else []
        part = absent if waits else absent[: most_in_batch(wire) - 1]
        is_last = len(part) == len(absent)
        # Behind the jobs: of a batch that a store is too full for, the first messages stay.
        guard = note_ending.last_word(note) if is_last else note_ending.reminder(note)
        messages = [*waits, *(message_for(e.store, e.job) for e in part), guard]
        try:
            await commit(wire, note.store.names.space.jobs, messages, patience=0)
            done += part
        except (AckTimeout, Conflict):
            if monotonic() > deadline:
                raise
            continue
        except BatchTooLarge:
            if waits or len(part) < most_in_batch(wire):
                raise
            continue
        if is_last:
            await _release(note.jobs)
            break
    return done


async def take_back(store: QueueStore, stored: Sequence[tuple[str, int]]) -> int:
    """Removes stored jobs (subject, sequence) because others of theirs were refused, beginning with
    the last. How many are left: it ends at the first one that a worker has already.
    """
    for left in range(len(stored), 0, -1):
        subject, seq = stored[left - 1]
        if not await store.purge(subject, seq=seq + 1):
            return left
    return 0


async def help_on(store: QueueStore, called: str) -> None:
    """Returns when what a note of that name holds is stored, if its process is gone by this one.

    As long as that one may be about to store it, it has the time to: a job that was stored here,
    has run meanwhile and is not kept, would be stored by it once more.
    """
    while (note := await note_reading.find(store, called)) is not None:
        if note.is_left:
            for entry in note.jobs:
                await put_again(entry, note)
            return
        await asyncio.sleep(_PAUSE_SECONDS)


async def finish_abandoned(store: QueueStore, old_enough_ms: int) -> list[Entry]:
    """Stores what is missing of the queue's notes whose process is gone; what was stored."""
    done: list[Entry] = []
    found = await note_reading.abandoned(store, old_enough_ms)
    if found:
        log.warning(
            "%d insertions into queue %s are stored to their end", len(found), store.names.name
        )
    for note in found:
        try:
            done += await _finish(note)
        except ConnectionClosedError:
            raise
        except JetbullError as error:
            log.warning("the jobs of %s are not stored yet: %s", note.subject, error)
    return done


async def _finish(note: Note) -> list[Entry]:
    for e in note.entries:
        e.told.append(announcer(e.store, e.job.job_id, e.job.record, e.job.place))
    key = note.key
    if key is not None:
        if not await note_reading.is_held(note, key):
            await note.store.purge(note.subject, seq=note.seq + 1)  # it was never added
            return []
        done = [entry for entry in note.jobs if await put_again(entry, note) is Put.STORED]
        await note_ending.drop(note)
        return done
    return await complete(note, note.jobs)


async def store_rest(entries: Sequence[Entry]) -> list[Entry]:
    """Stores those that are not there, one by one; which these were."""
    return [entry for entry in entries if await _store_missing(entry)]


async def _store_missing(entry: Entry) -> bool:
    while True:
        put = await _put(entry)
        if put is not Put.TAKEN:
            return put is Put.STORED
        if any(leads(m, entry.store) for m in entry.along):
            return False  # its owner sees to it, or is gone and never said that it was added
        if not entry.job.generated:
            entry.stored = False
            entry.told = [partial(announce_taken, entry.store, entry.job.job_id)]
            return False
        await _renumber(entry)


class Put(Enum):
    """What became of one job of a note."""

    STORED = "it is there now"
    THERE = "it was there, or has been"
    TAKEN = "another job has its id"


async def _put(
    entry: Entry, on_stored: OnStored | None = None, ending: Message | None = None
) -> Put:
    """Stores a job of a note, in one step with what ends the note, if that is given; `Conflict`
    where that was refused.
    """
    store, job = entry.store, entry.job
    deadline = monotonic() + PATIENCE
    while True:
        message = message_for(store, job)
        try:
            if ending is None:
                await store.put(message.subject, message.payload, message.headers, on_stored)
                return Put.STORED
            both = [message, ending]
            seq = await commit(store.wire, store.names.space.jobs, both, patience=0)
            if on_stored is not None:
                on_stored(seq - 1)
            return Put.STORED
        except Conflict:
            found = await store.newest(job.job_id)
            if found is None and ending is not None:
                raise
            if found is None:
                # A new leader of a cluster refuses by a message that nobody sees, or ever will.
                if monotonic() > deadline:
                    raise
                await asyncio.sleep(_PAUSE_SECONDS)
            elif Record.decode(found.data).same_job(job.record):
                if on_stored is not None:
                    on_stored(found.seq)
                return Put.THERE
            elif state_of(found.subject) != GONE:
                return Put.TAKEN
            await stand_behind(store, job, 0 if found is None else found.seq)


async def put_again(entry: Entry, note: Note) -> Put:
    """As `_put`, for a job that could not be stored at once, or whose answer was lost.

    While its note stands, the job is stored in one step with the end of the note: between a look
    and the attempt another process may have stored the job, and it may have run and be gone.
    Nothing else would refuse to store it again.
    """
    told = entry.job.on_stored
    deadline = monotonic() + PATIENCE
    while True:
        stands = bool(await note_reading.time_of(note))
        # One that is there is not put to the test: it may be trimmed before the attempt.
        found = await entry.store.newest(entry.job.job_id)
        if found is not None and Record.read(found.data).same_job(entry.job.record):
            if told is not None:
                told(found.seq)
            return Put.THERE
        if await noted_jobs.came_and_went(note):
            break
        if await _is_overtaken(note):
            return Put.TAKEN
        try:
            return await _put(entry, told, note_ending.last_word(note) if stands else None)
        except (AckTimeout, Conflict):
            if not stands or monotonic() > deadline:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)
    if told is not None:
        told(0)
    return Put.THERE


async def _is_overtaken(note: Note) -> bool:
    """Whether the scheduler of the noted job is another one by now: whoever wrote that has removed
    the job in whose place this one was to come.
    """
    key = note.key
    if key is None or not is_record(key, note.store):
        return False
    return not await note_reading.is_held(note, key)


async def _renumber(entry: Entry) -> None:
    """Another number for the job, and for what its parent waits for."""
    store, job, old = entry.store, entry.job, entry.beside
    await renumber(store, job)
    entry.told = [] if job.on_stored is None else [job.on_stored]
    parent = await parentage.parent_of(store, job.record, job.job_id)
    if parent is None:
        return
    entry.parent, entry.along = parent, []
    wait = expectation(parent)
    await store.put(wait.subject, wait.payload, wait.headers)
    for wait in old:
        await store.purge(wait.subject)


async def _release(entries: Sequence[Entry]) -> None:
    """Lets parents go whose children were done before they were there themselves."""
    for entry in entries:
        if entry.job.place.state == CHILDREN:
            await releasing.release(entry.store, entry.job.job_id)


__all__ = [
    "Put",
    "complete",
    "finish_abandoned",
    "help_on",
    "in_part",
    "put_again",
    "store_rest",
    "take_back",
]
