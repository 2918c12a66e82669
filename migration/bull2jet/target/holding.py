"""Deduplication ids on the target, and the jobs remembered with them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from bull2jet.errors import TargetError
from bull2jet.model import Deduplication, Job, QueueRef, State
from bull2jet.target.records import UNREADABLE, job_in, record_of
from jetbull.ledger.adding import deduplication
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.record import Record
from jetbull.ledger.store.store import QueueStore

_AT_ONCE = 100  # ids


async def put_deduplications(
    store: QueueStore, queue: QueueRef, entries: Sequence[Deduplication], *, late: bool
) -> None:
    """Stores who owns which deduplication id, with the time it has left.

    `late`: unless another job holds it there already, or an add waits there for its holder.
    """
    for start in range(0, len(entries), _AT_ONCE):
        some = entries[start : start + _AT_ONCE]
        known = await deduplication.read_many(store, [held.id for held in some])
        if late:
            some = [held for held in some if not await _is_held(store, known.get(held.id))]
        await asyncio.gather(*(_put(store, queue, held, known.get(held.id)) for held in some))


async def _is_held(store: QueueStore, known: deduplication.Key | None) -> bool:
    if known is None:
        return False
    return known.pending is not None or await deduplication.counts(store, known)


async def _put(
    store: QueueStore, queue: QueueRef, held: Deduplication, known: deduplication.Key | None
) -> None:
    now = now_ms()
    until = now + held.ttl if held.ttl is not None else 0
    extra = None
    if held.next is not None:
        next_job = replace(held.next, timestamp=held.next.timestamp or now)
        record = record_of(next_job, queue, marked=False).encode()
        extra = {"record": record.decode("utf-8", "surrogatepass"), "id": held.next.id}
    seq = 0 if known is None else known.seq
    await deduplication.write(store, held.id, held.jobId, until, seq, extra, held.freed)


async def read_deduplications(store: QueueStore, ids: Sequence[str]) -> list[Deduplication]:
    """Those of the ids that are held, or were freed while an add is remembered with them.

    `TargetError` names the first that cannot be read.
    """
    held = []
    now = now_ms()
    for dedup_id, key in (await deduplication.read_many(store, ids)).items():
        try:
            later = _next_of(key)
        except UNREADABLE as error:
            subject = store.names.aux("dedup", dedup_id)
            raise TargetError(
                f"What is remembered with the deduplication id {dedup_id!r} on the target cannot "
                f"be read ({error}); restore the stream {store.names.space.jobs} from a backup, or "
                f"purge its subject {subject}."
            ) from error
        if key.owner:
            ttl = max(0, key.until_ms - now) if key.until_ms else None
            held.append(Deduplication(dedup_id, key.owner, ttl, later))
        elif later is not None:
            held.append(Deduplication(dedup_id, key.holder, None, later, freed=True))
    return held


def _next_of(key: deduplication.Key) -> Job | None:
    """The job remembered with a deduplication id."""
    if key.pending is None:
        return None
    record = Record.decode(key.pending["record"].encode("utf-8", "surrogatepass"))
    return job_in(State.WAITING, str(key.pending["id"]), record, record.data)


__all__ = ["put_deduplications", "read_deduplications"]
