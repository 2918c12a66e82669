"""Locks of jobs known by id and token alone: renewing many, and those that ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from jetbull.ledger.finishing.repair import Repair
from jetbull.ledger.finishing.retention import Keep
from jetbull.ledger.job import reading
from jetbull.ledger.job.lease import Lease, LeaseLost
from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.guard import due_of
from jetbull.ledger.messages.names import ACTIVE, state_of
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.store.store import QueueStore
from jetbull.options import keep_of_stored


async def extend_all(store: QueueStore, tokens: Mapping[str, str], duration_ms: int) -> list[str]:
    """Keeps the lock of each job for `duration_ms` more; the ids that their token does not hold."""
    found = await reading.find_many(store, tokens)

    async def kept(job_id: str, token: str) -> bool:
        stored = found.get(job_id)
        if not _is_held(stored, token) and store.wire.is_clustered:
            stored = await reading.find(store, job_id)  # a server may be behind the claim
        if stored is None or not _is_held(stored, token):
            return False
        try:
            await Lease(store, job_id, stored, token, duration_ms).update()
        except LeaseLost:
            return False
        return True

    answers = await asyncio.gather(*(kept(*held) for held in tokens.items()))
    return [job_id for job_id, ok in zip(tokens, answers, strict=True) if not ok]


def _is_held(stored: Stored | None, token: str) -> bool:
    if stored is None:
        return False
    return state_of(stored.subject) == ACTIVE and stored.record.head.get("token") == token


async def bring_back(store: QueueStore, max_stalled: int) -> list[str]:
    """Puts the jobs whose locks are over by now back into the line, once; their ids."""

    def keep_of(ticket: Ticket, state: str) -> Keep:
        option = "removeOnComplete" if state == "completed" else "removeOnFail"
        return keep_of_stored(ticket.stored.record.opts.get(option))

    found: list[str] = []
    await Repair(store, max_stalled, found.append, keep_of).once()
    return found


async def is_locked(store: QueueStore, job_id: str, stored: Stored) -> bool:
    """Whether a worker may hold the job as it was read.

    The server takes back a job up to a quarter of a second after its lock ended.
    """
    if state_of(stored.subject) != ACTIVE:
        return False
    newest = await store.newest(job_id)
    if newest is None or newest.seq != stored.seq:
        return True
    due = due_of(newest.headers)
    return due is None or now_ms() < due


__all__ = ["bring_back", "extend_all", "is_locked"]
