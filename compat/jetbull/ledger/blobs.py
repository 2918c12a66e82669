"""Job data too large for a message: in chunks in the object stream, by reference in the job.

The reference is line 3 of the record, `@<key>:<bytes>:<chunks>`; `@` begins no JSON text.
"""

from __future__ import annotations

from uuid import uuid4

from jetbull.errors import StoreError
from jetbull.ledger.record import Record
from jetbull.ledger.store import QueueStore

_CHUNK = 512 * 1024
_SPARE = 64 * 1024  # room for lines 1 and 2 and headers


def room(store: QueueStore) -> int:
    """Bytes of data that stay in the job's own message."""
    return store.wire.max_payload // 2 - _SPARE


async def externalize(store: QueueStore, job_id: str, record: Record) -> None:
    """Moves the record's data to the object stream if a message could not hold it."""
    data = record.data
    if len(data) <= room(store) or data[:1] == b"@":
        return
    key = uuid4().hex
    size = min(_CHUNK, store.wire.max_payload - 1024)
    chunks = [data[i : i + size] for i in range(0, len(data), size)]
    for number, chunk in enumerate(chunks):
        subject = f"{store.names.object(job_id, key)}.{number}"
        await (await store.wire.post(subject, chunk, {}))
    record.data = f"@{key}:{len(data)}:{len(chunks)}".encode()


async def load(store: QueueStore, job_id: str, record: Record) -> bytes:
    """The caller's data, wherever it is. StoreError when a chunk is missing."""
    if record.data[:1] != b"@":
        return record.data
    key, size, count = record.data[1:].decode().split(":")
    parts: list[bytes] = []
    for number in range(int(count)):
        subject = f"{store.names.object(job_id, key)}.{number}"
        found = await store.wire.get_one(store.names.space.objects, {"last_by_subj": subject})
        if found is None:
            raise StoreError(f"Part {number} of the data of job {job_id} is missing in the store.")
        parts.append(found.data)
    data = b"".join(parts)
    if len(data) != int(size):
        raise StoreError(f"The stored data of job {job_id} has {len(data)} bytes, not {size}.")
    return data


async def inline(store: QueueStore, job_id: str, record: Record) -> Record:
    """The record with its data in it."""
    if record.data[:1] == b"@":
        return Record(record.head, record.fixed, await load(store, job_id, record))
    return record
