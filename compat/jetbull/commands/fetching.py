"""Taking one job by hand, and what follows when a job is done."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from jetbull.commands import deduplicating
from jetbull.ledger import reading
from jetbull.ledger.lease import Lease, Ticket
from jetbull.ledger.taking import take
from jetbull.ledger.names import HEAD, PRIO, WAIT, last_token
from jetbull.ledger.record import dumps
from jetbull.ledger.store import QueueStore
from jetbull.options import OPTS_ENCODE

if TYPE_CHECKING:
    from jetbull.job import Job


async def next_ticket(store: QueueStore) -> Ticket | None:
    """The job that is due to run next, read without any consumer: head, tail, then priority."""
    stream, names = store.names.space.jobs, store.names
    found = await store.wire.get_one(stream, {"last_by_subj": names.all_in(HEAD)})
    if found is None:
        found = await store.wire.get_one(stream, {"next_by_subj": names.all_in(WAIT), "seq": 1})
    if found is not None:
        return Ticket(reading.as_stored(found))
    levels = await store.wire.get_batch(stream, {"multi_last": [names.all_aux("level")]})
    for level in sorted(int(last_token(m.subject)) for m in levels):
        query = {"next_by_subj": names.all_in(PRIO, str(level)), "seq": 1}
        found = await store.wire.get_one(stream, query)
        if found is not None:
            return Ticket(reading.as_stored(found))
    return None


async def take_now(
    store: QueueStore, token: str, lock_ms: int, worker: str | None
) -> Lease | None:
    """Claims the next job, or None when nothing waits."""
    while True:
        ticket = await next_ticket(store)
        if ticket is None:
            return None
        subject = ticket.stored.subject
        job_id = last_token(subject)
        lease = await take(
            store,
            job_id,
            ticket,
            token,
            lock_ms,
            worker,
            partial(_tell_active, store, job_id),
        )
        # The ticket read here has no ack: purge it, or a stale one would be read for ever.
        if HEAD not in subject.split("."):
            await store.purge(subject, seq=ticket.stored.seq + 1)
        if lease is not None:
            return lease


def _tell_active(store: QueueStore, job_id: str, _: int) -> None:
    store.emit("active", jobId=job_id, prev="waiting")


async def soon(store: QueueStore, job_id: str, due_ms: int) -> None:
    """Adds this process's precision to a due time that is near."""
    store.promoter.arm(job_id, due_ms)


async def after_finish(store: QueueStore, job: Job, state: str) -> None:
    """Frees what a finished job held and counts it, if its worker keeps metrics."""
    if job.queue.recorder is not None:
        await job.queue.recorder.count(store, state)
    if job.deduplication_id:
        await deduplicating.on_finished(store, job.id, job.deduplication_id, state)


def as_hash(lease: Lease) -> dict[str, Any]:
    """The job as BullMQ's Redis hash: strings, short option keys."""
    record = lease.record
    given, head = record.given, record.head
    opts = {OPTS_ENCODE.get(k, k): v for k, v in (given.get("opts") or {}).items()}
    row: dict[str, Any] = {
        "name": given["name"],
        "data": record.data.decode("utf-8", "surrogatepass"),
        "opts": json.dumps(opts),
        "timestamp": str(given["timestamp"]),
        "delay": str(head.get("delay", 0)),
        "priority": str(head.get("priority", 0)),
        "atm": str(head.get("attemptsMade", 0)),
        "ats": str(head.get("attemptsStarted", 0)),
        "processedOn": str(head.get("processedOn", 0)),
    }
    if "progress" in head:
        row["progress"] = dumps(head["progress"])
    if "parentKey" in given:
        row["parentKey"] = given["parentKey"]
    return row


__all__ = ["after_finish", "as_hash", "next_ticket", "soon", "take_now"]
