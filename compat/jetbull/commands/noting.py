"""Storing a few new jobs as one step in the way that is quicker: as a batch, or noted first
(`adding.notes`).

If the process dies before it removes its note, a worker stores what is missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from jetbull.commands.completing import Put, complete, in_part, put_again, take_back
from jetbull.commands.preparing import renumber
from jetbull.errors import Conflict, StoreError
from jetbull.ledger.adding import deduplication, note_ending, notes
from jetbull.ledger.adding.adding import NewJob, make_ready, message_for
from jetbull.ledger.adding.insertion import Entry
from jetbull.ledger.adding.note import Note, in_order, new_key
from jetbull.ledger.messages.guard import OUT_OF_ROW, guard_of
from jetbull.ledger.messages.placing import placed
from jetbull.ledger.store.batch import Message
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire.many_stored import ForMessages


def is_quicker(store: QueueStore, entries: Sequence[Entry]) -> bool:
    """Whether the entries can be noted first, and that takes less time than a batch."""
    if not store.wire.is_connected:
        return False  # a batch waits for the server
    return notes.fits(store, entries) and store.wire.pace.takes_first(_count(entries))


async def store_noted(store: QueueStore, entries: Sequence[Entry]) -> bool:
    """Stores the entries if that `is_quicker`; False when not, or when there are none to store."""
    if not any(entry.stored for entry in entries) or not is_quicker(store, entries):
        return False
    with store.wire.pace.timed(True, _count(entries)):
        await _store(store, entries)
    return True


async def _store(store: QueueStore, entries: Sequence[Entry]) -> None:
    wire, jobs = store.wire, in_order(entries)
    sending = wire.begin_many(len(jobs), _told_later)
    note = await notes.write(store, entries, partial(_make_ready, sending, jobs))
    wire.send_ready(sending, lambda: note.is_fresh)
    errors = await sending.future
    if not errors:
        note_ending.forget(note)
        return
    refused = [jobs[number] for number in sorted(errors)]
    full = next((error for error in errors.values() if type(error) is StoreError), None)
    if full is not None:
        there = sorted(sending.stored)
        stored = [(_subject(jobs[n]), sending.stored[n]) for n in there]
        left = await take_back(store, stored)
        if not left:
            await note_ending.undo(note)
            raise full
        refused += [jobs[n] for n in there[left:]]
    with in_part():
        await complete(note, refused)


def _make_ready(sending: ForMessages, jobs: Sequence[Entry]) -> None:
    for number, entry in enumerate(jobs):
        job = entry.job
        text = placed(job.record, job.place, job.tombstone).encode()
        make_ready(entry.store, sending, [(number, job, text)])


def _told_later(numbers: list[int]) -> None:
    """Listeners hear of the jobs once all are stored."""


def _subject(entry: Entry) -> str:
    job = entry.job
    return entry.store.names.job(job.place.state, job.job_id, job.place.lane)


async def store_owner(store: QueueStore, job: NewJob, dedup_id: str, until: int, seq: int) -> bool:
    """Stores a job and its deduplication key (which was `seq`), for which that `is_quicker`.

    False when the key was refused, or the job's number was taken and it has another one now;
    `Conflict` when the id that was chosen for it was.
    """
    called = new_key()
    key = deduplication.message(store, dedup_id, job.job_id, until, seq, note=called)
    entry = Entry(store, job, along=[key])
    with store.wire.pace.timed(True, entry.size):
        try:
            note, error = await notes.write_first(store, entry, called, message_for(store, job))
        except Conflict:
            return False
        put = await _store_job(entry, note, error)
    if put is Put.TAKEN:
        await note_ending.undo(note)
        if not job.generated:
            raise Conflict(f"Another job has the id {job.job_id}.")
        await renumber(store, job)
    return put is not Put.TAKEN


async def store_pending(store: QueueStore, job: NewJob, record: Message, called: str) -> bool:
    """Stores a scheduler's record, which names the note, and its next job; for which that
    `is_quicker`.

    False when the record was refused, or another job has the id: a worker began with the one that
    was to be replaced. The record is as good for that one.
    """
    entry = Entry(store, job, along=[record])
    with store.wire.pace.timed(True, entry.size):
        try:
            note, error = await notes.write_first(store, entry, called, message_for(store, job))
        except Conflict:
            return False
        is_new = guard_of(record.headers)[1] == 0
        put = await _store_job(entry, note, error, may_be_undone=is_new)
    if put is Put.TAKEN:
        await note_ending.drop(note)
    return put is not Put.TAKEN


async def _store_job(
    entry: Entry, note: Note, kept: Exception | None, may_be_undone: bool = True
) -> Put:
    """Stores the one job of a note whose key is there, if something `kept` it from that, and ends
    the note unless the job's id is taken.

    An error leaves the note to a worker; that of a full store undoes it, if it `may_be_undone`.
    """
    if kept is None or await _put_at_once(entry, note, kept):
        note_ending.forget(note)
        return Put.STORED
    try:
        put = await put_again(entry, note)
    except StoreError as error:
        if type(error) is StoreError and may_be_undone:
            await note_ending.undo(note)
        raise
    if put is not Put.TAKEN:
        await note_ending.drop(note)
    return put


async def _put_at_once(entry: Entry, note: Note, error: Exception) -> bool:
    """Stores a job that something else kept from its key; False when it is refused for itself, if
    only because its answer was lost, or when others may see to the note by now.
    """
    if not (isinstance(error, Conflict) and error.code == OUT_OF_ROW and note.is_fresh):
        return False
    wire, message = entry.store.wire, message_for(entry.store, entry.job)
    answer = wire.post_now(message.subject, message.payload, message.headers, entry.job.on_stored)
    wire.hurry()
    await asyncio.wait([answer])
    return answer.exception() is None


def _count(entries: Sequence[Entry]) -> int:
    return sum(entry.size for entry in entries)


__all__ = ["is_quicker", "store_noted", "store_owner", "store_pending"]
