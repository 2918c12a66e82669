"""The end of a note: its jobs are all there, or none of them will be."""

from __future__ import annotations

import json
from contextlib import suppress

from jetbull.errors import Conflict
from jetbull.ledger.adding.note import Note, guarded
from jetbull.ledger.messages.guard import vanish
from jetbull.ledger.store.batch import Message

# Longer than a note is sent again, and than a killed nats-server needs to give back, when this is
# gone, what it has overwritten.
_LAST_WORD_SECONDS = 3600


def forget(note: Note) -> None:
    """Removes the note of jobs that were stored just now, without waiting; if the request is lost,
    a worker finds the note later.

    The note is named by its sequence, which costs the server less than a purge by its subject. A
    server that was killed may give a sequence out again: notes that are older are for `drop`.
    """
    wire = note.store.wire
    if wire.is_connected:
        subject = f"$JS.API.STREAM.MSG.DELETE.{note.store.names.space.jobs}"
        wire.send_now(subject, json.dumps({"seq": note.seq, "no_erase": True}).encode())


async def undo(note: Note) -> None:
    """Removes a note of which no job is stored, and what was stored beside it, unless that changed
    since.
    """
    await note.store.purge(note.subject)
    for message in (m for entry in note.entries for m in entry.beside):
        found = await note.store.last(message.subject)
        if found is not None and found.data == message.payload:
            await note.store.purge(message.subject, seq=found.seq + 1)


async def drop(note: Note) -> None:
    """Ends a note all of whose jobs are stored.

    One that this process wrote is removed. In the place of any other its last word is stored, for
    the process that wrote it may send it once more.
    """
    if note.sent_ms:
        await note.store.purge(note.subject)
        return
    word = last_word(note)
    with suppress(Conflict):  # somebody else did
        await note.store.put(word.subject, word.payload, word.headers)


def last_word(note: Note) -> Message:
    """The message that ends the note; it, and the batch it is in, is refused unless the note still
    stands.
    """
    word = guarded(note.subject, b"", note.seq)
    vanish(word.headers, _LAST_WORD_SECONDS)
    return word


def reminder(note: Note) -> Message:
    """A message for a batch that does not end the note: the batch is refused unless the note still
    stands.
    """
    word = guarded(note.subject, b"", note.seq)
    vanish(word.headers, 1)
    return Message(f"{note.subject}-part", word.payload, word.headers)


__all__ = ["drop", "forget", "last_word", "reminder", "undo"]
