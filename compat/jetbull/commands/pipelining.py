"""Storing many plain jobs as one step, in one go: their note, and they themselves behind it.

Nobody waits between the note (`adding.notes`) and the jobs: the server stores in the order in which
it was sent, so wherever any of the jobs is, the note was there before. It stores the first while
the last are still being made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

from jetbull.commands.announcing import announce_many
from jetbull.commands.completing import see_to, store_rest, take_back
from jetbull.errors import AckTimeout, Conflict, StoreError, StreamMissing
from jetbull.ledger.adding import notes
from jetbull.ledger.adding.adding import NewJob, message_for
from jetbull.ledger.adding.insertion import Entry, encode_plain
from jetbull.ledger.adding.notes import Note
from jetbull.ledger.job.moving import ensure_level
from jetbull.ledger.job.reading import find_many
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import HEAD, WAIT, escape
from jetbull.ledger.messages.placing import placed
from jetbull.ledger.store.collector import collector_paused
from jetbull.ledger.store.store import QueueStore

_MOST = 1000  # jobs: what every server takes in a batch, for whoever finds the note
_TURN = 250  # jobs until answers are read
_SURE_SECONDS = 5.0  # a worker looks into notes that are older than 15 s


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
    begun: float = 0.0

    @property
    def is_sure(self) -> bool:
        """Whether nobody else can have stored any of the jobs yet."""
        return monotonic() - self.begun < _SURE_SECONDS

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
    if len({job.job_id for job in jobs}) < len(jobs) or not store.wire.pace.takes_first(len(jobs)):
        return False
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
    subject, sent_ms = notes.subject_of(store), now_ms()
    answer = wire.post_now(subject, text)
    refused = await _send(sending, answer)
    seq, error = await _outcome(answer)
    if not refused:
        if seq:
            notes.forget(Note(store, subject, seq, []))
        elif isinstance(error, AckTimeout):
            await store.purge(subject)
        sending.tell_rest({})
        return
    entries = [Entry(store, job) for job in sending.jobs]
    note = Note(store, subject, seq, entries, sent_ms=sent_ms, repeated=not seq)
    full = next((e for e in [error, *refused.values()] if type(e) is StoreError), None)
    if full is not None and await _take_back(sending):
        await notes.undo(note)
        raise full
    if isinstance(error, AckTimeout | StreamMissing):
        await store.insist(subject, text, {}, error)
    await _settle(sending, note, refused)


async def _send(sending: _Sending, note: asyncio.Future[int]) -> dict[int, Exception]:
    """Sends the jobs behind the note, whose answer comes meanwhile; what was not stored, by number.

    If the note was lost with its connection, no more are sent: the next one may be up already.
    """
    store, wire = sending.store, sending.store.wire
    sending.begun = monotonic()
    whole = wire.begin_many(len(sending.jobs), sending.on_stored)
    plain: list[tuple[int, bytes, bytes]] = []
    for start in range(0, len(sending.jobs), _TURN):
        if note.done() and isinstance(lost := note.exception(), Exception):
            for number in range(start, len(sending.jobs)):
                whole.refuse(number, lost)
            break
        with collector_paused():
            for number, job in enumerate(sending.jobs[start : start + _TURN], start):
                if job.place.state == WAIT and not job.tombstone:
                    plain.append((number, escape(job.job_id).encode(), sending.records[number]))
                    continue
                wire.post_filled_many(whole, store.templates.new, plain)
                plain.clear()
                m = message_for(store, job)
                wire.post_one(whole, number, m.subject, m.payload, m.headers)
            wire.post_filled_many(whole, store.templates.new, plain)
            plain.clear()
        if start + _TURN < len(sending.jobs):
            await asyncio.sleep(0)
    wire.hurry()
    errors = await whole.future
    sending.stored = whole.stored
    return errors


async def _outcome(answer: asyncio.Future[int]) -> tuple[int, Exception | None]:
    await asyncio.wait([answer])
    error = answer.exception()
    if isinstance(error, AckTimeout | StoreError):
        return 0, error
    return answer.result(), None


async def _take_back(sending: _Sending) -> bool:
    """Removes what was stored; False if a worker has one."""
    stored = sorted(sending.stored.items())
    if not await take_back(sending.store, [(sending.subject(n), seq) for n, seq in stored]):
        return False
    for number, _ in stored if sending.at_once else ():
        sending.store.emit("removed", jobId=sending.jobs[number].job_id, prev="waiting")
    return True


async def _settle(sending: _Sending, note: Note, refused: dict[int, Exception]) -> None:
    """Stores what was refused, unless it is there, under an id that is free."""
    store = sending.store
    entries = {number: note.entries[number] for number in refused}
    existing = await find_many(store, [e.job.job_id for e in entries.values()])
    free: list[Entry] = []
    doubtful: list[Entry] = []
    for number, entry in entries.items():
        job, told = entry.job, entry.job.on_stored
        if told is not None:
            entry.told.append(told)
        if not (isinstance(refused[number], Conflict) and sending.is_sure):
            doubtful.append(entry)
        elif job.generated or job.job_id not in existing:
            free.append(entry)
        else:
            entry.told = [partial(_tell_duplicate, store, job.job_id)]
    await store_rest(free)
    if doubtful or not note.seq:
        await see_to(note, doubtful)
    else:
        notes.forget(note)
    sending.tell_rest(entries)


def _tell_duplicate(store: QueueStore, job_id: str, _: int) -> None:
    store.emit("duplicated", jobId=job_id)


__all__ = ["store_plain"]
