"""Taking one job by hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from jetbull.commands.announcing import announce_start
from jetbull.errors import Conflict
from jetbull.ledger.job import reading
from jetbull.ledger.job.lease import Lease
from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.limits import gate
from jetbull.ledger.limits.permits import Permits
from jetbull.ledger.limits.places import Places
from jetbull.ledger.messages.names import HEAD, last_token, state_of
from jetbull.ledger.queue import counting, settings
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.front import first_of
from jetbull.ledger.taking.line import Line
from jetbull.ledger.taking.taking import Claim

_Take = Callable[[Ticket], Awaitable[Lease | None]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no job was claimed: `blocked` by pause or a limit (for how many ms), or nothing waits."""

    blocked: bool
    limited_ms: int = 0


async def _next_ticket(store: QueueStore) -> Ticket | None:
    """The job that is due to run next, read without any consumer: head, tail, then priority."""
    newest = {"last_by_subj": store.names.all_in(HEAD)}
    found = await store.wire.get_one(store.names.space.jobs, newest)
    if found is not None:
        return Ticket(reading.as_stored(found))
    ticket = await first_of(store, 0)
    for level in await counting.levels(store) if ticket is None else ():
        ticket = await first_of(store, level)
        if ticket is not None:
            break
    return ticket


async def take_allowed(
    store: QueueStore,
    token: str,
    lock_ms: int,
    worker: str | None,
    limiter: Mapping[str, Any] | None,
) -> Lease | Refusal:
    """Claims the next job, if the queue's pause and limits let one start."""
    values, _ = await settings.read(store)
    if values.get("paused"):
        return Refusal(blocked=True)
    rate, limit = gate.rate_of(values, limiter), values.get("concurrency")
    permits = Permits(store)
    if rate is not None and not await permits.take(1, rate):
        return Refusal(blocked=True, limited_ms=permits.time_left())
    take = partial(_take, store, token, lock_ms, worker)
    started: Lease | Refusal = Refusal(blocked=False)
    try:
        if limit is None:
            started = await _take_now(store, take) or started
        else:
            started = await _take_with_place(store, int(limit), take)
    finally:
        if rate is not None:
            permits.unspent(0 if isinstance(started, Lease) else 1)
            await permits.give_back()
    return started


async def _take_with_place(store: QueueStore, limit: int, take: _Take) -> Lease | Refusal:
    """Claims the next job under a global concurrency."""
    places, line = Places(store), Line(store)
    while True:
        found = await line.first(1, [0, *await counting.levels(store)], places.holds)
        if not found:
            return Refusal(blocked=False)
        if not await places.admit(found, lambda: limit, sure=True):
            return Refusal(blocked=True)
        ticket = found[0]
        try:
            lease = await take(ticket)
        except Conflict:
            continue
        if lease is not None:
            return lease
        await places.lost(ticket.stored)


async def _take_now(store: QueueStore, take: _Take) -> Lease | None:
    """Claims the next job, or None when nothing waits."""
    while True:
        ticket = await _next_ticket(store)
        if ticket is None:
            return None
        try:
            lease = await take(ticket)
        except Conflict:
            continue
        if lease is not None:
            return lease


async def _take(
    store: QueueStore, token: str, lock_ms: int, worker: str | None, ticket: Ticket
) -> Lease | None:
    """Claims the job of a ticket; None when the ticket was stale, `Conflict` when it was not."""
    subject = ticket.stored.subject
    job_id = last_token(subject)
    told = partial(announce_start, store, job_id, ticket.stored)
    lease = await Claim(job_id, ticket, token, lock_ms, worker, told).lease(store)
    # The ticket read here has no ack: purge it, or a stale one would be read for ever.
    if state_of(subject) != HEAD:
        await store.purge(subject, seq=ticket.stored.seq + 1)
    return lease


__all__ = ["Refusal", "take_allowed"]
