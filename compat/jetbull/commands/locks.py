"""Renewing the locks of several jobs at once, by their ids and tokens alone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from jetbull.ledger import reading
from jetbull.ledger.lease import Lease, LeaseLost
from jetbull.ledger.names import ACTIVE, state_of
from jetbull.ledger.record import Stored
from jetbull.ledger.store import QueueStore


async def extend_all(store: QueueStore, tokens: Mapping[str, str], duration_ms: int) -> list[str]:
    """Keeps the lock of each job for `duration_ms` more; the ids that their token does not hold."""
    found = await reading.find_many(store, tokens)

    async def kept(job_id: str, token: str) -> bool:
        stored = found.get(job_id)
        if stored is None or not _is_held(stored, token):
            return False
        try:
            await Lease(store, job_id, stored, token, duration_ms).update()
        except LeaseLost:
            return False
        return True

    answers = await asyncio.gather(*(kept(*held) for held in tokens.items()))
    return [job_id for job_id, ok in zip(tokens, answers, strict=True) if not ok]


def _is_held(stored: Stored, token: str) -> bool:
    return state_of(stored.subject) == ACTIVE and stored.record.head.get("token") == token


__all__ = ["extend_all"]
