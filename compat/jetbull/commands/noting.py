"""Storing a few new jobs as one step, the quicker way: as a batch, or noted first (`adding.notes`).

Where a note was left, its process is gone: what is missing of it is stored by a worker.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from enum import Enum
from time import monotonic

from jetbull.commands.preparing import announcer, renumber
from jetbull.errors import Conflict, ConnectionClosedError, JetbullError, StoreError
from jetbull.ledger.adding import deduplication, notes
from jetbull.ledger.adding.adding import NewJob, message_for
from jetbull.ledger.adding.insertion import Entry
from jetbull.ledger.adding.notes import Note
from jetbull.ledger.messages.guard import guard_of
from jetbull.ledger.messages.names import CHILDREN, GONE, state_of
from jetbull.ledger.messages.record import Record
from jetbull.ledger.parents import parentage, releasing
from jetbull.ledger.parents.bookkeeping import expectation
from jetbull.ledger.store.batch import PATIENCE, Message, commit
from jetbull.ledger.store.grouping import OnStored
from jetbull.ledger.store.store import QueueStore

_PAUSE_SECONDS = 0.02

log = logging.getLogger("jetbull.noting")


def is_quicker(store: QueueStore, entries: Sequence[Entry]) -> bool:
    """Whether the entries can be noted, and that takes less time than a batch."""
    return notes.fits(store, entries) and store.wire.pace.takes_first(_count(entries))


async def store_noted(store: QueueStore, entries: Sequence[Entry]) -> bool:
    """Stores the entries if that `is_quicker`; False when not, or when there are none to store."""
    if not any(entry.stored for entry in entries) or not is_quicker(store, entries):
        return False
    with store.wire.pace.timed(True, _count(entries)):
        await _store(store, entries)
    return True


async def _store(store: QueueStore, entries: Sequence[Entry]) -> None:
    note = await notes.write(store, entries)
    wire, jobs = store.wire, note.jobs
    if note.repeated:
        await _see_to(note, jobs)
        return
    messages = [message_for(e.store, e.job) for e in jobs]
    answers = [wire.post_now(m.subject, m.payload, m.headers) for m in messages]
    wire.hurry()
    await asyncio.wait(answers)
    errors = [answer.exception() for answer in answers]
    full = next((error for error in errors if type(error) is StoreError), None)
    if full is not None and await _take_back(store, messages, answers):
        await notes.undo(note)
        raise full
    refused = [e for e, error in zip(jobs, errors, strict=True) if error is not None]
    if refused:
        await _see_to(note, refused)
    else:
        notes.forget(note)


async def _see_to(note: Note, missing: Sequence[Entry]) -> None:
    """Stores those of its jobs that are not there, nor have been, and removes the note."""
    try:
        gone = await notes.came_and_went(note)
        await _store_rest([e for e in missing if e not in gone])
    except StoreError as error:
        raise StoreError(
            f"{error} Others of these jobs are stored; a worker stores the rest when it can.",
            error.code,
        ) from error
    await _release(note.jobs)
    await notes.drop(note)


async def _take_back(
    store: QueueStore, messages: Sequence[Message], answers: Sequence[asyncio.Future[int]]
) -> bool:
    """Removes what was stored of jobs of which others were refused; False if a worker has one."""
    for message, answer in reversed(list(zip(messages, answers, strict=True))):
        if answer.exception() is None and not await store.purge(
            message.subject, seq=answer.result() + 1
        ):
            return False
    return True


async def store_owner(store: QueueStore, job: NewJob, dedup_id: str, until: int, seq: int) -> bool:
    """Stores a job and its deduplication key (which was `seq`), for which that `is_quicker`.

    False when the key was refused, or the job's number was taken and it has another one now.
    """
    called = notes.new_key()
    key = deduplication.message(store, dedup_id, job.job_id, until, seq, note=called)
    entry = Entry(store, job, along=[key])
    with store.wire.pace.timed(True, entry.size):
        try:
            note = await notes.write(store, [entry], called)
        except Conflict:
            return False
        if not note.repeated and await _put_at_once(entry):
            notes.forget(note)
            return True
        try:
            put = await _put_again(entry, note)
        except StoreError as error:
            if type(error) is StoreError:  # a full store
                await notes.undo(note)
            raise
    if put is _Put.TAKEN:
        await notes.undo(note)
        await renumber(store, job)
        return False
    await notes.drop(note)
    return True


async def store_pending(store: QueueStore, job: NewJob, record: Message, called: str) -> bool:
    """Stores a scheduler's record, which names the note, and its next job; for which that
    `is_quicker`.

    False when the record was refused, or another job has the id: a worker began with the one that
    was to be replaced. The record is as good for that one.
    """
    entry = Entry(store, job, along=[record])
    with store.wire.pace.timed(True, entry.size):
        try:
            note = await notes.write_first(store, entry, called)
        except Conflict:
            return False
        if await _put_at_once(entry):
            notes.forget(note)
            return True
        try:
            put = await _put_again(entry, note)
        except StoreError as error:
            if type(error) is StoreError and not guard_of(record.headers)[1]:  # a full store
                await notes.undo(note)
            raise
    await notes.drop(note)
    return put is not _Put.TAKEN


async def help_on(store: QueueStore, called: str) -> None:
    """Stores what is missing of a note of that name, whoever is busy with it."""
    note = await notes.find(store, called)
    if note is not None:
        gone = await notes.came_and_went(note)
        await _store_rest([e for e in note.jobs if e not in gone])


async def finish_abandoned(store: QueueStore, old_enough_ms: int) -> list[Entry]:
    """Stores what is missing of the queue's notes whose process is gone; what was stored."""
    done: list[Entry] = []
    found = await notes.abandoned(store, old_enough_ms)
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
    gone = await notes.came_and_went(note)
    done, key = [e for e in note.jobs if e not in gone], note.key
    if key is not None:
        done = await _store_rest(done) if await notes.is_held(note, key) else []
        await notes.drop(note)
        return done
    try:
        if gone:  # some were there, so all waits were
            done = await _store_rest(done)
        else:
            await commit(note.store.wire, note.store.names.space.jobs, note.messages())
    except Conflict:  # some are there
        done = await _store_rest(done)
    await _release(note.jobs)
    await notes.drop(note)
    return done


async def _store_rest(entries: Sequence[Entry]) -> list[Entry]:
    """Stores those that are not there, one by one; which these were."""
    return [entry for entry in entries if await _store_missing(entry)]


async def _store_missing(entry: Entry) -> bool:
    while True:
        put = await _put(entry)
        if put is not _Put.TAKEN:
            return put is _Put.STORED
        if any(notes.leads(m, entry.store) for m in entry.along):
            return False  # its owner sees to it, or is gone and never said that it was added
        if not entry.job.generated:
            entry.stored = False
            entry.told = [lambda _: entry.store.emit("duplicated", jobId=entry.job.job_id)]
            return False
        await _renumber(entry)


async def _put_at_once(entry: Entry) -> bool:
    """Stores the job by one message; False when something was in the way, if only a lost answer."""
    wire, message = entry.store.wire, message_for(entry.store, entry.job)
    answer = wire.post_now(message.subject, message.payload, message.headers, entry.job.on_stored)
    wire.hurry()
    await asyncio.wait([answer])
    return answer.exception() is None


class _Put(Enum):
    STORED = "it is there now"
    THERE = "it was there, or has been"
    TAKEN = "another job has its id"


async def _put(entry: Entry, on_stored: OnStored | None = None) -> _Put:
    store, job = entry.store, entry.job
    deadline = monotonic() + PATIENCE
    while True:
        message = message_for(store, job)
        try:
            await store.put(message.subject, message.payload, message.headers, on_stored)
            return _Put.STORED
        except Conflict:
            found = await store.newest(job.job_id)
            if found is None:
                # A new leader of a cluster refuses by a message that nobody sees, or ever will.
                if monotonic() > deadline:
                    raise
                await asyncio.sleep(_PAUSE_SECONDS)
            elif Record.decode(found.data).same_job(job.record):
                if on_stored is not None:
                    on_stored(found.seq)
                return _Put.THERE
            elif state_of(found.subject) != GONE:
                return _Put.TAKEN
            job.tombstone = 0 if found is None else found.seq


async def _put_again(entry: Entry, note: Note) -> _Put:
    """As `_put`, for a job that something was in the way of, if only a lost answer."""
    told = entry.job.on_stored
    if not await notes.came_and_went(note):
        return await _put(entry, told)
    if told is not None:
        told(0)
    return _Put.THERE


async def _renumber(entry: Entry) -> None:
    """Another number for the job, and for what its parent waits for."""
    store, job, old = entry.store, entry.job, entry.beside
    await renumber(store, job)
    entry.told = [] if job.on_stored is None else [job.on_stored]
    parent = await parentage.parent_of(store, job.record, job.job_id)
    if parent is None:
        return
    entry.waits, entry.along = expectation(parent), []
    await store.put(entry.waits.subject, entry.waits.payload, entry.waits.headers)
    for wait in old:
        await store.purge(wait.subject)


async def _release(entries: Sequence[Entry]) -> None:
    """Lets parents go whose children were done before they were there themselves."""
    for entry in entries:
        if entry.job.place.state == CHILDREN:
            await releasing.release(entry.store, entry.job.job_id)


def _count(entries: Sequence[Entry]) -> int:
    return sum(entry.size for entry in entries)


__all__ = [
    "finish_abandoned",
    "help_on",
    "is_quicker",
    "store_noted",
    "store_owner",
    "store_pending",
]
