"""A parent's books: for whom it waits, and what became of the others.

Every child a parent waits for is a message of its own (`pend`), itself a schedule, so that its
outcome replaces it in one step.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from jetbull.errors import Conflict
from jetbull.ledger.belongings import blobs
from jetbull.ledger.messages.clock import FAR_FUTURE_MS
from jetbull.ledger.messages.guard import HeaderMap, drop, expect, timer, vanish
from jetbull.ledger.messages.names import NOTHING, PENDING, last_token
from jetbull.ledger.messages.record import to_bytes
from jetbull.ledger.parents.parentage import Parent
from jetbull.ledger.store.batch import Message
from jetbull.ledger.store.paging import read_named
from jetbull.ledger.store.replicas import up_to_date
from jetbull.ledger.store.store import QueueStore

PROCESSED, FAILED_KIND, UNSUCCESSFUL = "processed", "failed", "unsuccessful"
AWAITED = b"null"
#: body of a pending entry whose child need not be in the store yet: it is carried here later
ELSEWHERE = b'"elsewhere"'
_PARENTS_KNOWN = 1000


def pending_message(store: QueueStore, parent_id: str, child_key: str) -> tuple[str, HeaderMap]:
    """Subject and headers of 'this parent waits for this child'; `store` is the parent's."""
    subject = store.names.dependency(PENDING, parent_id, child_key)
    headers: HeaderMap = {}
    target = store.names.dependency(NOTHING, parent_id, child_key)
    timer(headers, FAR_FUTURE_MS, target)
    return subject, headers


def expectation(parent: Parent) -> Message:
    """The message by which a parent waits for a child that is new to it."""
    subject, headers = pending_message(parent.store, parent.job_id, parent.child_key)
    expect(headers, subject, 0)
    return Message(subject, AWAITED, headers)


async def book(parent: Parent, kind: str, value: str, before: int = 0) -> bool:
    """Replaces the pending entry by the outcome; False when it was not pending.

    With `before` one that was stored after that sequence is left: it waits for a later job.
    """
    store, stream = parent.store, parent.store.names.space.jobs
    pending = store.names.dependency(PENDING, parent.job_id, parent.child_key)
    headers: HeaderMap = {}
    if kind == NOTHING:
        vanish(headers, 1)
    reference = await blobs.write_if_large(store, parent.job_id, value)
    if reference is not None:
        headers[blobs.REFERENCE_HEADER], value = reference, "null"
    subject = store.names.dependency(kind, parent.job_id, parent.child_key)
    # A direct get costs half of what the leader's word costs, but may be behind.
    quick = partial(store.wire.get_one, stream, {"last_by_subj": pending})
    for look in (quick, partial(store.wire.get_last, stream, pending)):
        found = await look()
        if found is None:
            continue
        if 0 < before < found.seq:
            return False
        drop(headers, pending, found.seq)
        try:
            await store.put(subject, to_bytes(value), headers)
        except Conflict:
            continue
        return True
    return False


async def is_booked(parent: Parent, kind: str) -> bool:
    """Whether that stands in the books as the child's outcome."""
    store = parent.store
    subject = store.names.dependency(kind, parent.job_id, parent.child_key)
    return await store.last(subject) is not None


async def has_pending(store: QueueStore, parent_id: str) -> bool:
    """Whether any child of the parent is unfinished.

    Asked of the leader: of the last two children that finish together, at least the later one must
    see that none is left, or nobody would let the parent go. From where the first was found before,
    for the server looks through all that match to find the first of all, or the last.
    """
    wire, stream, known = store.wire, store.names.space.jobs, store.pending_from
    subject = store.names.dependencies(parent_id, PENDING)
    found = None
    if parent_id in known:
        found = await wire.get_next(stream, subject, known[parent_id])
    found = found or await wire.get_next(stream, subject, 1)
    if found is None:
        known.pop(parent_id, None)
        return False
    if parent_id not in known and len(known) >= _PARENTS_KNOWN:
        known.pop(next(iter(known)))
    known[parent_id] = found.seq
    return True


async def unsuccessful(store: QueueStore, parent_id: str) -> str | None:
    """The key of the last child that failed and fails its parent, if there is one."""
    found = await store.last(store.names.dependencies(parent_id, UNSUCCESSFUL))
    return None if found is None else last_token(found.subject)


async def has_unsuccessful(store: QueueStore, parent_id: str) -> bool:
    """Whether a child that fails its parent has failed."""
    return await unsuccessful(store, parent_id) is not None


async def entries(store: QueueStore, parent_id: str, kind: str = "*") -> dict[str, dict[str, Any]]:
    """kind -> child key -> value, for all children ever booked, or those of one kind."""
    books: dict[str, dict[str, Any]] = {}
    pattern = store.names.dependencies(parent_id, kind)
    for message in await up_to_date(store, pattern, partial(read_named, store, pattern)):
        value = json.loads(message.data) if message.data else None
        reference = message.headers.get(blobs.REFERENCE_HEADER)
        if reference:
            value = json.loads(await blobs.read(store, parent_id, reference))
        booked = message.subject.split(".")[4]
        books.setdefault(booked, {})[last_token(message.subject)] = value
    return books


__all__ = [
    "AWAITED",
    "ELSEWHERE",
    "FAILED_KIND",
    "NOTHING",
    "PENDING",
    "PROCESSED",
    "UNSUCCESSFUL",
    "book",
    "entries",
    "expectation",
    "has_pending",
    "has_unsuccessful",
    "is_booked",
    "pending_message",
    "unsuccessful",
]
