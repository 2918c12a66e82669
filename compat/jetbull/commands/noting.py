"""Storing a few new jobs as one step, the quicker way: as a batch, or noted first (`ledger.notes`).

Where a note was left, its process is gone: what is missing of it is stored by a worker.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from time import monotonic

from jetbull.commands.preparing import announcer, renumber
from jetbull.errors import Conflict, ConnectionClosedError, JetbullError
from jetbull.ledger import notes, parentage, releasing
from jetbull.ledger.adding import is_free_again, is_stored, message_for
from jetbull.ledger.batch import commit
from jetbull.ledger.bookkeeping import expectation
from jetbull.ledger.insertion import Entry
from jetbull.ledger.names import CHILDREN
from jetbull.ledger.notes import Note
from jetbull.ledger.store import QueueStore

log = logging.getLogger("jetbull.noting")


async def store_noted(store: QueueStore, entries: Sequence[Entry]) -> bool:
    """Stores the entries if they can be noted and that is the quicker way; False when not."""
    pace, count = store.wire.pace, sum(e.size for e in entries)
    if not notes.fits(store, entries) or not pace.takes_first(count):
        return False
    begun = monotonic()
    note = await notes.write(store, entries)
    wire, jobs = store.wire, note.jobs
    messages = [message_for(e.store, e.job) for e in jobs]
    answers = [wire.post_now(m.subject, m.payload, m.headers) for m in messages]
    wire.hurry()
    await asyncio.wait(answers)
    refused = [e for e, answer in zip(jobs, answers, strict=True) if answer.exception() is not None]
    if refused:
        await _store_rest(refused)
        await _release(jobs)
    notes.forget(note)
    pace.first_took(monotonic() - begun, count)
    return True


async def finish_abandoned(store: QueueStore, old_enough_ms: int) -> list[Entry]:
    """Stores what is missing of the queue's notes whose process is gone; what was stored."""
    done: list[Entry] = []
    for note in await notes.abandoned(store, old_enough_ms):
        log.warning("some jobs of queue %s were noted and not all stored", store.names.name)
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
    done = note.jobs
    try:
        await commit(note.store.wire, note.store.names.space.jobs, note.messages())
    except Conflict:  # some are there, so all waits were
        done = await _store_rest(note.jobs)
    await _release(note.jobs)
    await notes.drop(note)
    return done


async def _store_rest(entries: Sequence[Entry]) -> list[Entry]:
    """Stores those that are not there, one by one; which these were."""
    return [entry for entry in entries if await _store_missing(entry)]


async def _store_missing(entry: Entry) -> bool:
    store, job = entry.store, entry.job
    while True:
        message = message_for(store, job)
        try:
            await store.put(message.subject, message.payload, message.headers)
        except Conflict:
            if await is_stored(store, job):
                return False
            if not await is_free_again(store, job):
                await _renumber(entry)  # somebody chose that number for an id
            continue
        return True


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


__all__ = ["finish_abandoned", "store_noted"]
