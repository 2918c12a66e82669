"""Storing many plain jobs as one step: first their note, and the jobs right behind it.

While the server stores the note (`adding.notes`), the first jobs are made ready; while it stores
these, the others are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from jetbull.commands.announcing import announce_many, announce_taken
from jetbull.commands.completing import complete, in_part, store_rest, take_back
from jetbull.errors import Conflict, StoreError
from jetbull.ledger.adding import note_ending, notes
from jetbull.ledger.adding.adding import NewJob, make_ready, tombstones
from jetbull.ledger.adding.insertion import Entry, encode_plain
from jetbull.ledger.adding.note import Note
from jetbull.ledger.job.moving import ensure_level
from jetbull.ledger.job.reading import find_many
from jetbull.ledger.messages.names import HEAD
from jetbull.ledger.messages.placing import placed
from jetbull.ledger.store.collector import collector_paused
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire.many_stored import ForMessages

_MOST = 1000  # jobs: what every server takes in a batch, for whoever finds the note
_TURN = 64  # jobs until they are sent, and answers are read


@dataclass(slots=True)
class _Sending:
    """The jobs on their way, as they are stored, and how it went.

    Of jobs with new ids listeners hear `at_once`; where one may be a duplicate, of all in order.
    """

    store: QueueStore
    jobs: Sequence[NewJob]
    records: list[bytes]
    at_once: bool
    stored: dict[int, int] = field(default_factory=dict)  # sequences, by the job's number

    def on_stored(self, numbers: list[int]) -> None:
        """Hears of those that were stored, in the reader."""
        if self.at_once:
            self.tell(numbers)

    def tell(self, numbers: Iterable[int]) -> None:
        jobs = (self.jobs[number] for number in numbers)
        announce_many(self.store, ((j.job_id, j.record, j.place) for j in jobs))

    def tell_rest(self, others: dict[int, Entry]) -> None:
        """What was not told at once; `others` are those that were refused first."""
        for number in range(len(self.jobs)):
            if number in others:
                for told in others[number].told:
                    told(0)
            elif not self.at_once:
                self.tell([number])

    def subject(self, number: int) -> str:
        job = self.jobs[number]
        return self.store.names.job(job.place.state, job.job_id, job.place.lane)


async def store_plain(store: QueueStore, jobs: Sequence[NewJob]) -> bool:
    """Stores jobs that need nothing but a free id; False when another way is quicker, or they do
    not fit.

    One whose chosen id exists counts as a duplicate, one whose number was taken has another.
    """
    if store.names.space.replicas > 1 or not 0 < len(jobs) <= _MOST:
        return False
    if not store.wire.is_connected:
        return False  # a batch waits for the server
    if len({job.job_id for job in jobs}) < len(jobs) or not store.wire.pace.takes_first(len(jobs)):
        return False
    chosen = [job.job_id for job in jobs if not job.generated]
    if chosen and await tombstones(store, chosen):
        return False  # they would be refused first, and stored behind the others
    with collector_paused():
        records = [placed(job.record, job.place, job.tombstone).encode() for job in jobs]
        text = b"".join(encode_plain(store, jobs, records))
    if len(text) > store.wire.max_payload // 2:
        return False
    for level in {job.place.level for job in jobs}:
        if level:
            await ensure_level(store, level)
    with store.wire.pace.timed(True, len(jobs)):
        at_once = all(job.generated for job in jobs)
        await _store(_Sending(store, jobs, records, at_once), text)
    if any(job.place.state == HEAD for job in jobs):
        await store.hint("head")
    return True


async def _store(sending: _Sending, text: bytes) -> None:
    store, wire = sending.store, sending.store.wire
    if store.event_log.crowded:
        await store.event_log.flush()
    if wire.crowded:
        await wire.room()
    whole = wire.begin_many(len(sending.jobs), sending.on_stored)
    posted = notes.post(store, text)
    _make_ready(sending, whole, 0)  # while the server stores the note
    try:
        note = await notes.stored(posted)
    except asyncio.CancelledError:
        notes.withdraw(posted)
        raise
    refused = await _send(sending, whole, note)
    if not refused:
        note_ending.forget(note)
        sending.tell_rest({})
        return
    note = replace(note, entries=[Entry(store, job) for job in sending.jobs])
    full = next((error for error in refused.values() if type(error) is StoreError), None)
    absent = set[int]()
    if full is not None:
        stored = sorted(sending.stored)
        left = await take_back(store, [(sending.subject(n), sending.stored[n]) for n in stored])
        if not left:
            for number in stored if sending.at_once else ():
                store.emit("removed", jobId=sending.jobs[number].job_id, prev="waiting")
            await note_ending.undo(note)
            raise full
        absent.update(stored[left:])
    with in_part():
        await _settle(sending, note, refused, absent)


def _make_ready(sending: _Sending, whole: ForMessages, start: int) -> None:
    with collector_paused():
        jobs = enumerate(sending.jobs[start : start + _TURN], start)
        make_ready(sending.store, whole, ((n, job, sending.records[n]) for n, job in jobs))


async def _send(sending: _Sending, whole: ForMessages, note: Note) -> dict[int, Exception]:
    """Sends the jobs; what was not stored, by number."""
    wire = sending.store.wire
    cancelled: asyncio.CancelledError | None = None
    for start in range(0, len(sending.jobs), _TURN):
        if start:
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError as error:
                cancelled = error  # it is decided by now: the rest is sent first
            _make_ready(sending, whole, start)
        wire.send_ready(whole, lambda: note.is_fresh)
    if cancelled is not None:
        raise cancelled
    errors = await whole.future
    sending.stored = whole.stored
    return errors


async def _settle(
    sending: _Sending, note: Note, refused: dict[int, Exception], absent: set[int]
) -> None:
    """Stores what is `absent`, and what was refused unless it is there; under ids that are free."""
    store = sending.store
    entries = {number: note.entries[number] for number in sorted({*refused, *absent})}
    existing = await find_many(store, [e.job.job_id for e in entries.values()])
    free: list[Entry] = []
    doubtful: list[Entry] = []
    for number, entry in entries.items():
        job, told = entry.job, entry.job.on_stored
        if told is not None and not (number in absent and sending.at_once):
            entry.told.append(told)
        if number not in absent and not (isinstance(refused[number], Conflict) and note.is_fresh):
            doubtful.append(entry)
        elif job.generated or job.job_id not in existing:
            free.append(entry)
        else:
            entry.told = [partial(announce_taken, store, job.job_id)]
    await store_rest(free)
    await complete(note, doubtful)
    sending.tell_rest(entries)


__all__ = ["store_plain"]
