"""Deduplication ids on the target, and the jobs remembered with them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from bull2jet.model import Deduplication, Job, QueueRef, State
from bull2jet.target.records import job_in, record_of
from jetbull.ledger.adding import deduplication
from jetbull.ledger.messages.record import Record
from jetbull.ledger.store.store import QueueStore


async def put_deduplication(store: QueueStore, queue: QueueRef, held: Deduplication) -> None:
    """Stores who owns a deduplication id, with the time it has left."""
    until = int(time.time() * 1000) + held.ttl if held.ttl is not None else 0
    key = await deduplication.read(store, held.id)
    seq = 0 if key is None else key.seq
    extra = None
    if held.next is not None:
        next_job = replace(held.next, timestamp=held.next.timestamp or int(time.time() * 1000))
        record = record_of(next_job, queue, marked=False).encode()
        extra = {"record": record.decode("utf-8", "surrogatepass"), "id": held.next.id}
    await deduplication.write(store, held.id, held.jobId, until, seq, extra, held.freed)


async def read_deduplications(store: QueueStore, ids: Iterable[str]) -> list[Deduplication]:
    """Those of the ids that are held, or were freed while an add is remembered with them."""
    held = []
    now = int(time.time() * 1000)
    for dedup_id in ids:
        key = await deduplication.read(store, dedup_id)
        if key is not None and key.owner:
            ttl = max(0, key.until_ms - now) if key.until_ms else None
            held.append(Deduplication(dedup_id, key.owner, ttl, _next_of(key)))
        elif key is not None and key.pending is not None:
            held.append(Deduplication(dedup_id, key.holder, None, _next_of(key), freed=True))
    return held


def _next_of(key: deduplication.Key) -> Job | None:
    """The job remembered with a deduplication id."""
    if key.pending is None:
        return None
    record = Record.decode(key.pending["record"].encode("utf-8", "surrogatepass"))
    return job_in(State.WAITING, str(key.pending["id"]), record, record.data)


__all__ = ["put_deduplication", "read_deduplications"]
