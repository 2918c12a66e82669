"""Small insertions without a batch: noted as a whole first, then stored message by message.

    jbq.P.Q.note.<key>     the entries

Where a stream has one replica, a batch costs the server a file store of its own: three to nine
milliseconds, for two messages as for a hundred. Messages sent one behind the other take a tenth of
that, but a process can die between two of them. So all of them are in the note, which is there
first; from then on the insertion is decided, and whoever finds the note stores what is missing.

A note that another process finishes is not removed: its last word, an empty message, takes its
place. Whatever comes later is refused by that: the note itself, if it is sent once more because its
answer was lost, and jobs that a third process found missing.

With the note go the waits of parents for their children: they are there before any of the jobs.

A single job may have a key, that of its deduplication id or the record of its scheduler. Note, key
and job leave in one write, each of which is refused unless the one before it was stored just then.
A note whose key was refused means nothing: its job was never added.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from jetbull.errors import AckTimeout, Conflict, JetbullError, StreamMissing
from jetbull.ledger.adding.insertion import Entry
from jetbull.ledger.adding.note import Note, guarded, subject_of
from jetbull.ledger.adding.note_ending import forget
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.guard import OUT_OF_ROW, in_row
from jetbull.ledger.messages.names import CHILDREN
from jetbull.ledger.messages.templates import wait_slots
from jetbull.ledger.parents.bookkeeping import AWAITED
from jetbull.ledger.store.batch import Message
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import Wire
from jetbull.ledger.wire.many_stored import ForMessages

MOST = 100  # messages: of more, each costs what a batch saves
_MAX_BYTES = 128 * 1024
_JOB = 2  # its number, behind note and key


def fits(store: QueueStore, entries: Sequence[Entry]) -> bool:
    """Whether the entries are few, and each can be stored whatever is stored meanwhile.

    The chosen id of a flow's job may exist already, and a deduplication key may be taken. Then all
    or none have to be stored, which takes a batch. With several replicas a batch is quicker anyway.
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
    return entry.parent is None and entry.job.place.state != CHILDREN


async def write(
    store: QueueStore, entries: Sequence[Entry], meanwhile: Callable[[], None] | None = None
) -> Note:
    """Notes the entries; an error means that nothing is stored.

    `meanwhile` runs while the server stores them: it makes ready what comes next.
    """
    note = _message(store, entries, "")
    wire = store.wire
    if wire.crowded:
        await wire.room()
    sending = wire.begin_many(1 + sum(e.size - e.stored for e in entries), _untold)
    wire.ready_one(sending, 0, note.subject, note.payload, note.headers)
    _make_ready(wire, sending, entries)
    sent_ms = now_ms()
    wire.send_ready(sending, lambda: True)
    if meanwhile is not None:
        meanwhile()
    errors = await sending.future
    if errors:
        await _send_again(Note(store, note.subject, 0, entries), note, sending, errors)
    return Note(store, note.subject, sending.stored[0], entries, sent_ms=sent_ms)


def _untold(numbers: list[int]) -> None:
    """What goes with a note is nobody's job."""


def _make_ready(wire: Wire, sending: ForMessages, entries: Sequence[Entry]) -> None:
    """The waits of parents, numbered from 1 in the order of `Entry.beside`."""
    number = 0
    for entry in entries:
        parent = entry.awaited_by
        if parent is not None:
            number += 1
            token, values = wait_slots(parent.job_id, parent.child_key)
            wait = (number, token, values, AWAITED)
            wire.ready_filled(sending, parent.store.templates.wait, [wait])


async def _send_again(
    note: Note, message: Message, sending: ForMessages, errors: dict[int, Exception]
) -> None:
    """Sends those whose answer was lost; if one is refused, the others are removed.

    A sequence of 0 for the note itself means that another process has finished it.
    """
    store, messages = note.store, [message, *(m for e in note.entries for m in e.beside)]
    refused: list[JetbullError] = []
    for number in sorted(errors):
        m, error = messages[number], errors[number]
        try:
            if not isinstance(error, AckTimeout | StreamMissing):
                raise error
            seq = await store.insist(m.subject, m.payload, m.headers, error)
            sending.stored[number] = seq
        except JetbullError as rival:
            if number == 0 and isinstance(rival, Conflict):
                sending.stored[number] = 0
            else:
                refused.append(rival)
    if not refused:
        return
    for number, seq in sorted(sending.stored.items()):
        await store.purge(messages[number].subject, seq=seq + 1)
    raise refused[0]


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
    seq = await _noted(store, posted.message, _answered(answer))
    return Note(store, posted.message.subject, seq, [], sent_ms=posted.sent_ms)


def _answered(answer: asyncio.Future[int]) -> int | BaseException:
    return answer.exception() or answer.result()


def withdraw(posted: Posted) -> None:
    """Removes a note of which no job was sent, without waiting; if the request is lost, its jobs
    are stored by a worker after all.

    It is sent once the note is stored: a server may handle a request to remove a message before the
    message itself.
    """
    posted.answer.add_done_callback(partial(_removed, posted))


def _removed(posted: Posted, answer: asyncio.Future[int]) -> None:
    if not answer.cancelled() and answer.exception() is None:
        forget(Note(posted.store, posted.message.subject, answer.result(), []))


async def write_first(
    store: QueueStore, entry: Entry, key: str, job: Message
) -> tuple[Note, Exception | None]:
    """Notes the entry, and stores its key, which may take the place of an older one, and its `job`.

    What kept the job from being stored; a `Conflict` of `OUT_OF_ROW` if only that something else
    was stored meanwhile. `Conflict` is raised when the key was refused: then nothing is left. After
    another error the key may be there; then a worker finds the note.
    """
    note, first, wire = _message(store, [entry], key), entry.along[0], store.wire
    if store.event_log.crowded:
        await store.event_log.flush()
    if wire.crowded:
        await wire.room()

    def tell(numbers: list[int]) -> None:
        if _JOB in numbers and entry.job.on_stored is not None:
            entry.job.on_stored(sending.stored[_JOB])

    sending = wire.begin_many(3, tell)
    for number, m in enumerate((note, first, job)):
        behind = f"{key}{number - 1}" if number else ""
        called = f"{key}{number}" if number < _JOB else ""
        wire.ready_one(sending, number, m.subject, m.payload, in_row(m.headers, behind, called))
    sent_ms = now_ms()
    wire.send_ready(sending, lambda: True)
    errors = await sending.future
    if not errors:
        return Note(store, note.subject, sending.stored[0], [entry], sent_ms=sent_ms), None
    seq = await _noted(store, note, sending.stored.get(0) or errors[0])
    noted = Note(store, note.subject, seq, [entry], sent_ms=sent_ms)
    try:
        await _lead(store, first, errors.get(1))
    except Conflict:
        if seq:
            forget(noted)
        raise
    return noted, errors.get(_JOB)


async def _lead(store: QueueStore, key: Message, error: Exception | None) -> None:
    """Stores the key of a note that is there, if it was not stored with it."""
    if isinstance(error, AckTimeout | StreamMissing):
        await store.insist(key.subject, key.payload, key.headers, error)
    elif isinstance(error, Conflict) and error.code == OUT_OF_ROW:
        await store.put(key.subject, key.payload, key.headers)
    elif error is not None:
        raise error


def _message(store: QueueStore, entries: Sequence[Entry], key: str) -> Message:
    return guarded(subject_of(store, key), b"".join(e.encode() for e in entries))


async def _noted(store: QueueStore, message: Message, answer: int | BaseException) -> int:
    """The sequence of a note; 0 when another process finished it before its answer was here."""
    if isinstance(answer, int):
        return answer
    try:
        if not isinstance(answer, AckTimeout | StreamMissing):
            raise answer
        return await store.insist(message.subject, message.payload, message.headers, answer)
    except Conflict:
        return 0


__all__ = ["MOST", "Posted", "fits", "post", "stored", "withdraw", "write", "write_first"]
