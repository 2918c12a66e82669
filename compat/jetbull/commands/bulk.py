"""The same command for all jobs of a state, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from jetbull.commands import retrying
from jetbull.commands.waiting import promote_stored
from jetbull.errors import Conflict
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.placing import promoted, waiting
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.queue import pages
from jetbull.ledger.store.store import QueueStore

_PAGE = 500
_AT_ONCE = 100


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

        async def again(job_id: str, stored: Stored) -> None:
            await retrying.retry_stored(store, job_id, stored, state, waiting())

        moved = await _in_order(due, again)
        if not any(moved) or len(due) < len(rows):
            return


def _finished(stored: Stored) -> int:
    return int(stored.record.head.get("finishedOn") or 0)


async def promote_all(store: QueueStore) -> None:
    """Every delayed job waits now, at the tail of the line, whatever its priority, as in BullMQ."""
    while True:
        rows = await pages.page(store, "delayed", 0, _PAGE - 1, True)
        if not rows:
            return

        async def now(job_id: str, stored: Stored) -> None:
            await promote_stored(store, job_id, stored, promoted())

        moved = await _in_order(rows, now)
        left = [stored for (_, stored), is_gone in zip(rows, moved, strict=True) if is_gone]
        await store.due_order.drop((stored.record.head, stored.seq) for stored in left)
        if len(left) == len(rows) < _PAGE:
            return


async def _in_order(rows: pages.Rows, move: Callable[[str, Stored], Awaitable[None]]) -> list[bool]:
    """Moves the jobs, many at once, each stored behind the one before it; which ones were moved.

    The others changed since they were read (`move` raised `Conflict`).

    What a job sends first is its move: they leave in the order in which they begin. That of a child
    asks for its parent before, so it goes by itself.
    """
    moved, at = list[bool](), 0
    while at < len(rows):
        end = at + 1
        while not _is_child(rows[at]) and end < min(at + _AT_ONCE, len(rows)):
            if _is_child(rows[end]):
                break
            end += 1
        done = await asyncio.gather(*(move(*row) for row in rows[at:end]), return_exceptions=True)
        for outcome in done:
            is_late = isinstance(outcome, Conflict)
            if isinstance(outcome, BaseException) and not is_late:
                raise outcome
            moved.append(not is_late)
        at = end
    return moved


def _is_child(row: tuple[str, Stored]) -> bool:
    return "parentKey" in row[1].record.given


__all__ = ["promote_all", "retry_all"]
