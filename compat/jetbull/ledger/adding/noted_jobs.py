"""What became of the jobs of a note: which are there, which have been, which are missing."""

from __future__ import annotations

from collections.abc import Sequence

from jetbull.ledger.adding import note_reading
from jetbull.ledger.adding.adding import stand_behind
from jetbull.ledger.adding.insertion import Entry, by_queue
from jetbull.ledger.adding.note import Note
from jetbull.ledger.adding.schedules import is_record
from jetbull.ledger.job.reading import newest_of
from jetbull.ledger.messages.clock import stamp
from jetbull.ledger.messages.names import GONE, state_of
from jetbull.ledger.messages.record import Record
from jetbull.ledger.queue import event_evidence
from jetbull.ledger.store.batch import MARGIN_MS, Message
from jetbull.ledger.store.paging import read_last


async def came_and_went(note: Note) -> list[Entry]:
    """Those of its jobs that were stored and of which nothing is left: they are not missing.

    If another process has finished the note meanwhile, these are all of its jobs.
    """
    time = await note_reading.time_of(note)
    if not time and await note_reading.has_ended(note):
        return note.jobs
    if not time and (note.key is None or is_record(note.key, note.store)):
        return note.jobs
    gone: list[Entry] = []
    for store, entries in by_queue(note.jobs):
        # Without its time, what is told of a chosen id may be of an earlier job.
        ids = [e.job.job_id for e in entries if time or e.job.generated]
        since = time or stamp(note.sent_ms - MARGIN_MS)
        past = await event_evidence.came_and_went(store, ids, since)
        gone += [e for e in entries if e.job.job_id in past]
    return gone


async def missing(note: Note, among: Sequence[Entry]) -> tuple[list[Entry], list[Entry]] | None:
    """Of these jobs of the note those that are not there and never were, and those whose id belongs
    to another job. None if another process has finished the note.

    The first may be stored only as long as all of them are still missing and the note stands, so
    they have to be stored in one batch.
    """
    time = await note_reading.time_of(note)
    if not time:
        return None
    absent: list[Entry] = []
    taken: list[Entry] = []
    for store, entries in by_queue(among):
        away: list[Entry] = []
        newest = await newest_of(store, [e.job.job_id for e in entries])
        for entry in entries:
            found, job = newest.get(entry.job.job_id), entry.job
            if found is None or state_of(found.subject) == GONE:
                await stand_behind(store, job, 0 if found is None else found.seq)
            if found is None:
                away.append(entry)
            elif not Record.decode(found.data).same_job(job.record):
                (away if state_of(found.subject) == GONE else taken).append(entry)
        past = await event_evidence.came_and_went(store, [e.job.job_id for e in away], time)
        absent += [e for e in away if e.job.job_id not in past]
    return absent, taken


async def missing_waits(note: Note) -> list[Message]:
    """The waits of its parents for its jobs that are not stored yet.

    One that is there is not stored again: the end of the child would remove the newer message, and
    a server that is killed after that would give back the older one, which it had overwritten.
    """
    waits = [message for entry in note.entries for message in entry.beside]
    found = await read_last(note.store, [message.subject for message in waits])
    there = {message.subject for message in found}
    return [message for message in waits if message.subject not in there]


__all__ = ["came_and_went", "missing", "missing_waits"]
