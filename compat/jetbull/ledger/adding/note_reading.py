"""What notes there are, and whether one still stands."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from jetbull.ledger.adding.insertion import decode
from jetbull.ledger.adding.note import KIND, Note, subject_of
from jetbull.ledger.messages.clock import now_ms, parse_ms
from jetbull.ledger.store.batch import Message
from jetbull.ledger.store.paging import read_all, read_named
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

log = logging.getLogger("jetbull.ledger")


async def abandoned(store: QueueStore, old_enough_ms: int) -> list[Note]:
    """Notes of the queue that nobody has finished within that time."""
    found = await read_all(store, store.names.all_aux(KIND))
    return await _read_all(
        store, [m for m in found if now_ms() - parse_ms(m.time) >= old_enough_ms]
    )


async def held(store: QueueStore) -> set[tuple[str, str]]:
    """Queue (`qualified`) and id of the jobs of all notes of the prefix: they are on their way."""
    notes = await _read_all(store, await read_named(store, store.names.space.all_notes()))
    return {(e.store.names.qualified, e.job.job_id) for note in notes for e in note.jobs}


async def find(store: QueueStore, key: str) -> Note | None:
    """The note of that name, None when it is gone."""
    found = await _look(store, subject_of(store, key))
    return None if found is None else await _read(store, found)


async def time_of(note: Note) -> str:
    """When the note was stored; "" if it is gone or finished."""
    found = await _look(note.store, note.subject)
    return "" if found is None else found.time


async def has_ended(note: Note) -> bool:
    """Whether the note's last word is there: all of its jobs were stored."""
    found = await note.store.last(note.subject)
    return found is not None and not found.data


async def _look(store: QueueStore, subject: str) -> StoredMessage | None:
    found = await store.last(subject)
    return None if found is None or not found.data else found


async def is_held(note: Note, key: Message) -> bool:
    """Whether the note's key was stored, and is as it was."""
    found = await note.store.last(key.subject)
    return found is not None and found.data == key.payload


async def _read_all(store: QueueStore, found: Iterable[StoredMessage]) -> list[Note]:
    notes: list[Note] = []
    for message in found:
        if not message.data:
            continue  # its last word
        try:
            notes.append(await _read(store, message))
        except (LookupError, TypeError, ValueError) as error:
            # What no jetbull wrote keeps none of the others waiting.
            log.error("%s holds no note and is left where it is: %s", message.subject, error)
    return notes


async def _read(store: QueueStore, found: StoredMessage) -> Note:
    return Note(store, found.subject, found.seq, await decode(store, found.data), found.time)


__all__ = ["abandoned", "find", "has_ended", "held", "is_held", "time_of"]
