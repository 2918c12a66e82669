"""The same command for all jobs of a state, page by page."""

from __future__ import annotations

from jetbull.commands import retrying
from jetbull.commands.waiting import promote_stored
from jetbull.ledger import pages
from jetbull.ledger.clock import now_ms
from jetbull.ledger.placing import waiting
from jetbull.ledger.record import Stored
from jetbull.ledger.store import QueueStore

_PAGE = 500


async def retry_all(store: QueueStore, state: str, until_ms: int | None) -> None:
    """Every job of `state` finished by `until_ms` (default: now) waits again.

    All of them at the tail of the line, those with a priority as well, as in BullMQ.
    """
    limit = until_ms or now_ms()
    while True:
        rows = await pages.page(store, state, 0, _PAGE - 1, True)
        due = [row for row in rows if _finished(row[1]) <= limit]
        if not due:
            return
        moved = 0
        for job_id, stored in due:
            moved += await retrying.retry_stored(store, job_id, stored, state, {}, waiting())
        if not moved or len(due) < len(rows):
            return


def _finished(stored: Stored) -> int:
    return int(stored.record.head.get("finishedOn") or 0)


async def promote_all(store: QueueStore) -> None:
    """Every delayed job waits now, at the tail of the line, whatever its priority, as in BullMQ."""
    while True:
        rows = await pages.page(store, "delayed", 0, _PAGE - 1, True)
        if not rows:
            return
        for job_id, stored in rows:
            await promote_stored(store, job_id, stored, waiting())
