"""Small insertions without a batch: noted as a whole first, then stored message by message.

    jbq.P.Q.note.<key>     the entries

Where a stream has one replica, a batch costs the server a file store of its own: three to nine
milliseconds, for two messages as for a hundred. Messages sent one behind the other take a tenth of
that, but a process can die between two of them. So all of them are in the note, which is there
first; from then on the insertion is decided, and whoever finds the note stores what is missing.

A note that somebody else than its process saw to is not removed: its last word takes its place.
Whoever is slower is refused, be it the note itself, sent once more since its answer was lost, or
the jobs that were missing when another one looked.

With the note go the waits of parents for their children, or the one key of a single job, which is
that of its deduplication id or the record of its scheduler: they are there before any of the jobs.
A note whose key was refused says nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from jetbull.errors import AckTimeout, Conflict, JetbullError, StreamMissing
from jetbull.ledger.adding.deduplication import is_key
from jetbull.ledger.adding.insertion import Entry, decode
from jetbull.ledger.adding.schedules import is_record
from jetbull.ledger.messages.clock import now_ms, parse_ms
from jetbull.ledger.messages.guard import HeaderMap, expect, unguarded, vanish
from jetbull.ledger.messages.names import CHILDREN
from jetbull.ledger.store.batch import Message
from jetbull.ledger.store.paging import read_all, read_named
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import Stored

MOST = 100  # messages: of more, each costs what a batch saves
_KIND = "note"
_MAX_BYTES = 128 * 1024
_FRESH_MS = 5_000  # others look into notes that are older than 15 s
# Longer than a note is sent again, and than a killed nats-server needs to give back, when this is
# gone, what it has overwritten.
_LAST_WORD_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Note:
    """A note in the stream, and the entries it holds; `time` is that of its message, if known.

    Of one that was written here it is known when it was sent, at `sent_ms`. One that somebody saw
    to before its answer was here has no `seq`.
    """

    store: QueueStore
    subject: str
    seq: int
    entries: Sequence[Entry]
    time: str = ""
    sent_ms: int = 0

    @property
    def is_fresh(self) -> bool:
        """Whether nobody else can have found the note yet: its jobs may be sent as they are.

        What comes later than that may have been stored and have run; of a job that is not kept
        then nothing refuses another one.
        """
        return self.seq > 0 and now_ms() - self.sent_ms < _FRESH_MS

    @property
    def jobs(self) -> list[Entry]:
        """Parents before those that can run: nobody finishes a child whose parent is not there."""
        stored = (e for e in self.entries if e.stored)
        return sorted(stored, key=lambda e: e.job.place.state != CHILDREN)

    @property
    def key(self) -> Message | None:
        """What has to be there, as it was noted, for the one job to be stored."""
        return next((m for e in self.entries for m in e.along if leads(m, e.store)), None)

    def waits(self) -> list[Message]:
        """What parents wait for, for whoever does not know whether it is there."""
        beside = (m for e in self.entries for m in e.beside)
        return [Message(m.subject, m.payload, unguarded(m.headers)) for m in beside]


def fits(store: QueueStore, entries: Sequence[Entry]) -> bool:
    """Whether the entries are few, and each can be stored whatever is stored meanwhile.

    Where the id of a flow's job was chosen, a job of it may exist; a deduplication key may be
    taken. Then all are stored or none, and that takes a batch. With several replicas a batch is
    quicker anyway.
    """
    if store.names.space.replicas > 1:
        return False
    if sum(e.size for e in entries) > MOST:
        return False
    if any(e.along or not (e.job.generated or _is_alone(e)) for e in entries):
        return False
    size = sum(len(e.job.record.fixed) + len(e.job.record.data) for e in entries)
    return size <= min(_MAX_BYTES, store.wire.max_payload // 2)


def _is_alone(entry: Entry) -> bool:
    """Whether the job has no family."""
    return entry.waits is None and entry.job.place.state != CHILDREN


def leads(message: Message, store: QueueStore) -> bool:
    """Whether the message is the key of a deduplication id, or the record of a scheduler."""
    return is_key(message, store) or is_record(message, store)


def new_key() -> str:
    """What a note can be called."""
    return uuid4().hex


async def write(store: QueueStore, entries: Sequence[Entry], key: str = "") -> Note:
    """Notes the entries; an error means that nothing is stored."""
    note = _message(store, entries, key)
    messages = [note, *(m for e in entries for m in e.beside)]
    wire = store.wire
    if wire.crowded:
        await wire.room()
    sent_ms = now_ms()
    answers = [wire.post_now(m.subject, m.payload, m.headers) for m in messages]
    wire.hurry()
    await asyncio.wait(answers)
    stored: list[tuple[Message, int]] = []
    refused: list[JetbullError] = []
    for message, answer in zip(messages, answers, strict=True):
        wait = _noted if message is note else _stored
        try:
            stored.append((message, await wait(store, message, answer)))
        except JetbullError as error:
            refused.append(error)
    if refused:
        for message, seq in stored:
            await store.purge(message.subject, seq=seq + 1)
        raise refused[0]
    return Note(store, note.subject, stored[0][1], entries, sent_ms=sent_ms)


@dataclass(frozen=True, slots=True)
class Posted:
    """A note that was sent, and its answer that is to come."""

    store: QueueStore
    message: Message
    answer: asyncio.Future[int]
    sent_ms: int


def post(store: QueueStore, text: bytes) -> Posted:
    """Sends a note of that text."""
    message, sent_ms = _guarded(subject_of(store), text), now_ms()
    answer = store.wire.post_now(message.subject, text, message.headers)
    store.wire.hurry()
    return Posted(store, message, answer, sent_ms)


async def stored(posted: Posted) -> Note:
    """The note, still without its entries, once it is there; an error means that it is not."""
    store, answer = posted.store, posted.answer
    await asyncio.wait([answer])
    seq = await _noted(store, posted.message, answer)
    return Note(store, posted.message.subject, seq, [], sent_ms=posted.sent_ms)


def withdraw(posted: Posted) -> None:
    """Removes a note of which no job was sent, without waiting; should that be lost, it is decided
    all the same.

    Once it is stored: a server may take the request for its removal before the note itself.
    """
    posted.answer.add_done_callback(partial(_removed, posted))


def _removed(posted: Posted, answer: asyncio.Future[int]) -> None:
    if not answer.cancelled() and answer.exception() is None:
        forget(Note(posted.store, posted.message.subject, answer.result(), []))


async def write_first(store: QueueStore, entry: Entry, key: str) -> Note:
    """Notes the entry, and then stores its key, which takes the place of an older one.

    `Conflict` when the key was refused. After another error the key may be there; then a worker
    finds the note.
    """
    message = _message(store, [entry], key)
    sent_ms = now_ms()
    seq = await store.put(message.subject, message.payload, message.headers)
    note = Note(store, message.subject, seq, [entry], sent_ms=sent_ms)
    try:
        for first in entry.along:
            await store.put(first.subject, first.payload, first.headers)
    except Conflict:
        forget(note)
        raise
    return note


def _message(store: QueueStore, entries: Sequence[Entry], key: str) -> Message:
    return _guarded(subject_of(store, key), b"".join(e.encode() for e in entries))


def _guarded(subject: str, text: bytes, seq: int = 0) -> Message:
    headers: HeaderMap = {}
    expect(headers, subject, seq)
    return Message(subject, text, headers)


def subject_of(store: QueueStore, key: str = "") -> str:
    """Where a note stands, of that name or a new one."""
    return store.names.aux(_KIND, key or new_key())


async def _noted(store: QueueStore, message: Message, answer: asyncio.Future[int]) -> int:
    """The sequence of a note; 0 when somebody saw to it before its answer was here."""
    try:
        return await _stored(store, message, answer)
    except Conflict:
        return 0


async def _stored(store: QueueStore, message: Message, answer: asyncio.Future[int]) -> int:
    try:
        return await answer
    except (AckTimeout, StreamMissing) as error:
        return await store.insist(message.subject, message.payload, message.headers, error)


def forget(note: Note) -> None:
    """Removes the note of jobs that were stored just now, without waiting: should that be lost, a
    worker finds the note. By its sequence: a purge costs the server more, but a server that was
    killed may give sequences out again, so `drop` is for whoever took a while.
    """
    wire = note.store.wire
    if wire.is_connected:
        subject = f"$JS.API.STREAM.MSG.DELETE.{note.store.names.space.jobs}"
        wire.send_now(subject, json.dumps({"seq": note.seq, "no_erase": True}).encode())


async def abandoned(store: QueueStore, old_enough_ms: int) -> list[Note]:
    """Notes of the queue with which nobody came to an end for so long."""
    found = [m for m in await read_all(store, store.names.all_aux(_KIND)) if m.data]
    return [await _read(store, m) for m in found if now_ms() - parse_ms(m.time) >= old_enough_ms]


async def held(store: QueueStore) -> set[tuple[str, str]]:
    """Queue (`qualified`) and id of the jobs of all notes of the prefix: they are on their way."""
    found = [m for m in await read_named(store, store.names.space.all_notes()) if m.data]
    notes = [await _read(store, message) for message in found]
    return {(e.store.names.qualified, e.job.job_id) for note in notes for e in note.jobs}


async def find(store: QueueStore, key: str) -> Note | None:
    """The note of that name, None when it is gone."""
    found = await _look(store, store.names.aux(_KIND, key))
    return None if found is None else await _read(store, found)


async def time_of(note: Note) -> str:
    """When the note was stored; nothing if somebody has seen to it."""
    found = await _look(note.store, note.subject)
    return "" if found is None else found.time


async def _look(store: QueueStore, subject: str) -> Stored | None:
    found = await store.wire.get_last(store.names.space.jobs, subject)
    return None if found is None or not found.data else found


async def is_held(note: Note, key: Message) -> bool:
    """Whether the note's key was stored, and is as it was."""
    found = await note.store.wire.get_last(note.store.names.space.jobs, key.subject)
    return found is not None and found.data == key.payload


async def undo(note: Note) -> None:
    """Removes the note and what went with it, as far as it is as it was: no job of it is there."""
    await note.store.purge(note.subject)
    wire, stream = note.store.wire, note.store.names.space.jobs
    for message in (m for entry in note.entries for m in entry.beside):
        found = await wire.get_last(stream, message.subject)
        if found is not None and found.data == message.payload:
            await note.store.purge(message.subject, seq=found.seq + 1)


async def drop(note: Note) -> None:
    """Ends the note: all of its jobs are stored. Its process may still send it, unless that is here
    and has its answer.
    """
    if note.sent_ms:
        await note.store.purge(note.subject)
        return
    word = last_word(note)
    with suppress(Conflict):  # somebody else did
        await note.store.put(word.subject, word.payload, word.headers)


def last_word(note: Note) -> Message:
    """What ends the note, if it still stands, together with what is stored in the same step."""
    word = _guarded(note.subject, b"", note.seq)
    vanish(word.headers, _LAST_WORD_SECONDS)
    return word


def reminder(note: Note) -> Message:
    """What is refused, with what is stored in the same step, unless the note still stands."""
    word = _guarded(note.subject, b"", note.seq)
    vanish(word.headers, 1)
    return Message(f"{note.subject}-part", word.payload, word.headers)


async def _read(store: QueueStore, found: Stored) -> Note:
    return Note(store, found.subject, found.seq, await decode(store, found.data), found.time)


__all__ = [
    "MOST",
    "Note",
    "abandoned",
    "drop",
    "find",
    "fits",
    "forget",
    "held",
    "is_held",
    "last_word",
    "leads",
    "new_key",
    "post",
    "reminder",
    "stored",
    "time_of",
    "undo",
    "withdraw",
    "write",
    "write_first",
]
