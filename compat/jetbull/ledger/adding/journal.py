"""Insertions that no batch can hold: written down as a whole first, then stored part by part.

    jbq.P.Q.bulk.<key>         {"parts": n, "done": i}: how far it is; -1 while it is written down
    jbq.P.Q.part.<key>-<i>     the entries of one part

Each part is one atomic batch with the next state of the first message, guarded by the last one
seen. So whoever goes on with it, the process that began or any worker after its death, stores each
part exactly once. What was not written down to its end never happened.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from jetbull.errors import StoreError
from jetbull.ledger.adding.insertion import Entry, decode
from jetbull.ledger.messages.clock import now_ms, parse_ms
from jetbull.ledger.messages.guard import expected, vanish
from jetbull.ledger.messages.names import last_token
from jetbull.ledger.queue.counting import list_subjects
from jetbull.ledger.store.batch import Message
from jetbull.ledger.store.paging import read_all
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

_BESIDE = 2  # messages in the batch of a part that are not of its entries

_HEAD, _PART = "bulk", "part"
_SPARE = 4096  # bytes of a message that are no entries
_UNWRITTEN = -1
# A killed nats-server can give back what was overwritten a moment before by something that is gone
# since: the last word stays long enough for the server to note it.
_LAST_WORD_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Journal:
    """One large insertion: how many parts it has, how many are stored, and the guard's sequence."""

    store: QueueStore
    key: str
    parts: int
    done: int
    seq: int

    @property
    def written(self) -> bool:
        """Whether the whole of it was written down; else it is to be forgotten."""
        return self.done != _UNWRITTEN

    @property
    def over(self) -> bool:
        """Whether all parts are stored."""
        return self.done == self.parts


async def write(
    store: QueueStore, entries: Sequence[Entry], most: int
) -> tuple[Journal, list[list[Entry]]]:
    """Writes the entries down in parts for batches of at most `most` messages.

    From then on they are decided. `Conflict` when it took so long that somebody cleared it away:
    then nothing is stored.
    """
    journal = await _put(Journal(store, uuid4().hex, 0, _UNWRITTEN, 0))
    parts: list[list[Entry]] = [[]]
    texts: list[bytes] = []
    count = size = 0
    room = store.wire.max_payload - _SPARE
    for entry in entries:
        text = entry.encode()
        if texts and (count + entry.size > most - _BESIDE or size + len(text) > room):
            await store.put(_part(journal, len(parts) - 1), b"".join(texts), {})
            parts.append([])
            texts, count, size = [], 0, 0
        parts[-1].append(entry)
        texts.append(text)
        count, size = count + entry.size, size + len(text)
    await store.put(_part(journal, len(parts) - 1), b"".join(texts), {})
    return await _put(replace(journal, parts=len(parts), done=0)), parts


async def part_of(journal: Journal) -> list[Entry] | None:
    """The entries of the next part; None when it was stored meanwhile.

    StoreError when it was not, and they are gone.
    """
    store = journal.store
    found = await store.last(_part(journal, journal.done))
    if found is not None and found.data:
        return await decode(store, found.data)
    now = await current(journal)
    if now is not None and now.seq == journal.seq:
        raise StoreError(f"Part {journal.done} of the bulk {journal.key} is not there any more.")
    return None


def advance(journal: Journal) -> list[Message]:
    """What goes with the next part: a guard that it is stored once, and the end of what was
    written down of it.
    """
    head = _message(replace(journal, done=journal.done + 1))
    if journal.done + 1 == journal.parts:
        vanish(head.headers, _LAST_WORD_SECONDS)
    end = Message(_part(journal, journal.done), b"")
    vanish(end.headers, 1)
    return [head, end]


async def current(journal: Journal) -> Journal | None:
    """The insertion as it is now, or None when it was removed."""
    found = await journal.store.last(journal.store.names.aux(_HEAD, journal.key))
    return None if found is None else _read(journal.store, found)


async def abandoned(store: QueueStore, old_enough_ms: int) -> list[Journal]:
    """Unfinished insertions of the queue with which nobody went on for so long."""
    found = await read_all(store, store.names.all_aux(_HEAD))
    old = [m for m in found if now_ms() - parse_ms(m.time) >= old_enough_ms]
    return [journal for journal in (_read(store, m) for m in old) if not journal.over]


async def forget(journal: Journal) -> None:
    """Drops what was not written down to its end; `clear_strays` removes its parts.

    Only as it was seen: its process may have come to the end meanwhile.
    """
    await journal.store.delete(journal.seq)


async def clear_strays(store: QueueStore) -> None:
    """Removes parts of insertions that are over or were dropped.

    A killed nats-server may have given back those of insertions that are over.
    """
    parts = await list_subjects(store, store.names.all_aux(_PART))
    if not parts:
        return
    heads = [_read(store, m) for m in await read_all(store, store.names.all_aux(_HEAD))]
    unfinished = {journal.key for journal in heads if not journal.over}
    for key in {last_token(subject).rpartition("-")[0] for subject in parts} - unfinished:
        # A server of a cluster that is behind may not know of it: the leader does.
        now = await current(Journal(store, key, 0, 0, 0))
        if now is not None and not now.over:
            unfinished.add(key)
    for subject in parts:
        if last_token(subject).rpartition("-")[0] not in unfinished:
            await store.purge(subject)


def _part(journal: Journal, number: int) -> str:
    return journal.store.names.aux(_PART, f"{journal.key}-{number}")


def _read(store: QueueStore, found: StoredMessage) -> Journal:
    body = json.loads(found.data)
    return Journal(store, last_token(found.subject), body["parts"], body["done"], found.seq)


def _message(journal: Journal) -> Message:
    subject = journal.store.names.aux(_HEAD, journal.key)
    body = {"parts": journal.parts, "done": journal.done}
    return Message(subject, json.dumps(body).encode(), expected(subject, journal.seq))


async def _put(journal: Journal) -> Journal:
    message = _message(journal)
    seq = await journal.store.put(message.subject, message.payload, message.headers)
    return replace(journal, seq=seq)


__all__ = [
    "Journal",
    "abandoned",
    "advance",
    "clear_strays",
    "current",
    "forget",
    "part_of",
    "write",
]
