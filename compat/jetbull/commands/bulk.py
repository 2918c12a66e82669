"""The same command for all jobs of a state, page by page."""

from __future__ import annotations

from jetbull.commands import retrying, waiting
from jetbull.ledger import pages
from jetbull.ledger.clock import now_ms
from jetbull.ledger.record import Stored
from jetbull.ledger.store import QueueStore

_PAGE = 500


async def retry_all(store: QueueStore, state: str, until_ms: int | None) -> None:
    """Every job of `state` finished by `until_ms` (default: now) waits again."""
    limit = until_ms or now_ms()
    while True:
        rows = await pages.page(store, state, 0, _PAGE - 1, True)
        due = [row for row in rows if _finished(row[1]) <= limit]
        if not due:
            return
        moved = 0
        for job_id, stored in due:
            moved += await retrying.retry_stored(store, job_id, stored, state, {})
        if not moved or len(due) < len(rows):
            return


def _finished(stored: Stored) -> int:
    return int(stored.record.head.get("finishedOn") or 0)


async def promote_all(store: QueueStore) -> None:
    """Every delayed job waits now."""
    while True:
        rows = await pages.page(store, "delayed", 0, _PAGE - 1, True)
        if not rows:
            return
        for job_id, stored in rows:
            await waiting.promote_stored(store, job_id, stored)
