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
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from jetbull.errors import AckTimeout, Conflict, JetbullError, StreamMissing
from jetbull.ledger.adding.insertion import Entry
from jetbull.ledger.adding.note import Note, guarded, subject_of
from jetbull.ledger.adding.note_ending import forget
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import CHILDREN
from jetbull.ledger.store.batch import Message
from jetbull.ledger.store.store import QueueStore

MOST = 100  # messages: of more, each costs what a batch saves
_MAX_BYTES = 128 * 1024


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
    message, sent_ms = guarded(subject_of(store), text), now_ms()
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
    return guarded(subject_of(store, key), b"".join(e.encode() for e in entries))


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


__all__ = ["MOST", "Posted", "fits", "post", "stored", "withdraw", "write", "write_first"]
