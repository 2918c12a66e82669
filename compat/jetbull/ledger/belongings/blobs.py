"""What is large: in chunks in the object stream, by reference in the job.

A job's message is stored with each of its steps; large data would be stored with it each time.

A reference is `<key>:<bytes>:<chunks>`. Job data is referred to by line 3 of the record, `@` and
the reference (`@` begins no JSON text); a large progress or return value by a field of line 1, its
name and `@`. All chunks of a job lie below its own subject and go with the job.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from time import monotonic
from typing import Any
from uuid import uuid4

from jetbull.errors import PayloadTooLarge, StoreError
from jetbull.ledger.messages.record import Record, dumps
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

REFERENCE_HEADER = "Jetbull-Reference"

_CHUNK = 512 * 1024
_LARGE = 64 * 1024  # from here on, writing it once beside the job costs less than with each step
_SPARE = 64 * 1024  # room for lines 1 and 2 and headers
_FIELDS = ("progress", "returnvalue")
_AT_ONCE = 32
_PATIENCE = 3.0  # with a server of a cluster that is behind
_PAUSE_SECONDS = 0.01


def room(store: QueueStore) -> int:
    """Bytes of data that a job's own message can hold."""
    return store.wire.max_payload // 2 - _SPARE


def own_room(store: QueueStore) -> int:
    """Bytes of a new job's data that stay in its own message.

    Data that is given later stays there while there is `room`: each version beside the job would
    stay as long as the job.
    """
    return min(room(store), _LARGE)


def field_room(store: QueueStore) -> int:
    """Bytes of a progress, a return value or a log row that stay in their own message."""
    return store.wire.max_payload // 10


def check_given(store: QueueStore, record: Record) -> None:
    """PayloadTooLarge for a name and options that would leave no room for what comes to a job."""
    size, most = len(record.fixed), store.wire.max_payload // 8
    if size > most:
        raise PayloadTooLarge(
            f"The name and options of a job take {size} bytes; there is room for {most}. Put what "
            "is large into its data, which may have any size."
        )


# --- bytes -----------------------------------------------------------------------------


async def write(store: QueueStore, owner_id: str, data: bytes) -> str:
    """Stores data beside a job; its reference."""
    await store.mark("bulky")
    key = uuid4().hex
    size = min(_CHUNK, store.wire.max_payload - 1024)
    chunks = [data[i : i + size] for i in range(0, len(data), size)]
    for number, chunk in enumerate(chunks):
        await store.put(f"{store.names.object(owner_id, key)}.{number}", chunk, {})
    return f"{key}:{len(data)}:{len(chunks)}"


async def read(store: QueueStore, owner_id: str, reference: str) -> bytes:
    """The data of a reference. StoreError when a chunk is missing."""
    key, size, count = reference.split(":")
    parts: list[bytes] = []
    for number in range(int(count)):
        subject = f"{store.names.object(owner_id, key)}.{number}"
        found = await _chunk(store, subject)
        if found is None:
            raise StoreError(
                f"Part {number} of what belongs to job {owner_id} is missing in the store."
            )
        parts.append(found.data)
    data = b"".join(parts)
    if len(data) != int(size):
        raise StoreError(f"What belongs to job {owner_id} has {len(data)} bytes, not {size}.")
    return data


async def _chunk(store: QueueStore, subject: str) -> StoredMessage | None:
    """One chunk. It was stored before anybody knew of it; in a cluster a server may be behind."""
    deadline = monotonic() + (_PATIENCE if store.wire.is_clustered else 0)
    while True:
        found = await store.wire.get_one(store.names.space.objects, {"last_by_subj": subject})
        if found is not None or monotonic() >= deadline:
            return found
        await asyncio.sleep(_PAUSE_SECONDS)


def is_small(store: QueueStore, text: str) -> bool:
    """Whether a text surely has room in a field, however long its characters are."""
    return len(text) * 4 <= field_room(store)


async def write_if_large(store: QueueStore, owner_id: str, text: str) -> str | None:
    """Stores a text that is too large for a field; its reference, or None for a small one."""
    if is_small(store, text):
        return None
    data = text.encode("utf-8", "surrogatepass")
    return await write(store, owner_id, data) if len(data) > field_room(store) else None


# --- records ---------------------------------------------------------------------------


def set_field(head: dict[str, Any], name: str, value: Any, reference: str | None) -> None:
    """Puts a value, or the reference to it, into line 1 of a record."""
    head[name] = value if reference is None else None
    if reference is not None or f"{name}@" in head:
        head[f"{name}@"] = reference


async def externalize(store: QueueStore, job_id: str, record: Record, most: int = 0) -> None:
    """Moves to the object stream what is large: data above `most` bytes, usually `own_room`."""
    data = record.data
    if len(data) > (most or own_room(store)) and data[:1] != b"@":
        record.data = f"@{await write(store, job_id, data)}".encode()
    for name in _FIELDS:
        if name in record.head:
            value = record.head[name]
            reference = await write_if_large(store, job_id, dumps(value))
            if reference is not None:
                set_field(record.head, name, value, reference)


async def externalize_many(store: QueueStore, jobs: Iterable[tuple[str, Record]]) -> None:
    """As `externalize`, for the data of many new jobs, several at a time."""
    most = own_room(store)
    large = [(job_id, record) for job_id, record in jobs if len(record.data) > most]
    for at in range(0, len(large), _AT_ONCE):
        await asyncio.gather(*(externalize(store, *job) for job in large[at : at + _AT_ONCE]))


def is_whole(record: Record) -> bool:
    """Whether nothing of the record is kept elsewhere."""
    return record.data[:1] != b"@" and has_fields(record)


def has_fields(record: Record) -> bool:
    """Whether progress and return value are in the record."""
    head = record.head
    return not (head.get("returnvalue@") or head.get("progress@"))


async def load(store: QueueStore, job_id: str, record: Record) -> bytes:
    """The caller's data, wherever it is. StoreError when a chunk is missing."""
    if record.data[:1] != b"@":
        return record.data
    return await read(store, job_id, record.data[1:].decode())


async def inline(store: QueueStore, job_id: str, record: Record) -> Record:
    """The record with everything in it."""
    if is_whole(record):
        return record
    data = await load(store, job_id, record)
    return Record((await fields_inline(store, job_id, record)).head, record.fixed, data)


async def fields_inline(store: QueueStore, job_id: str, record: Record) -> Record:
    """The record with progress and return value in it; its data may stay elsewhere."""
    if has_fields(record):
        return record
    head = dict(record.head)
    for name in _FIELDS:
        reference = head.pop(f"{name}@", None)
        if reference:
            head[name] = json.loads(await read(store, job_id, reference))
    return record.with_head(head)


__all__ = [
    "REFERENCE_HEADER",
    "check_given",
    "externalize",
    "externalize_many",
    "fields_inline",
    "inline",
    "is_small",
    "is_whole",
    "read",
    "room",
    "set_field",
    "write_if_large",
]
