"""Pages that are asked for again and again, as by whoever watches a queue.

Who asks for the same page at the same time shares one answer, and one of few rows is kept as long
as the stream is as it was.
"""

from __future__ import annotations

from collections.abc import Awaitable
from copy import deepcopy
from typing import Any

from jetbull.ledger.messages.record import Record
from jetbull.ledger.queue.kept import Kept
from jetbull.ledger.queue.pages import Rows, page
from jetbull.ledger.store.shared import Shared
from jetbull.ledger.store.store import QueueStore

__all__ = ["listed"]

_PAGES = 16  # kept for a queue
_MOST_ROWS = 100
_MOST_BYTES = 256 * 1024


async def listed(store: QueueStore, state: str, start: int, end: int, ascending: bool) -> Rows:
    """As `page`; the rows are the caller's own."""
    key = (state, start, end, ascending)
    shared = store.pages.pop(key, None)
    if shared is None:
        shared = Shared(_Page(store, key).read)
        while len(store.pages) >= _PAGES:
            del store.pages[next(iter(store.pages))]
    store.pages[key] = shared  # the last to go
    rows = await shared.answer()
    if not _is_small(rows) and store.pages.get(key) is shared:
        del store.pages[key]  # it holds its last answer
    return [(job_id, stored._replace(record=_copy(stored.record))) for job_id, stored in rows]


def _copy(record: Record) -> Record:
    """One of which a job can be made whose owner changes what it holds."""
    return Record(deepcopy(record.head) if record.head else {}, record.fixed, record.data)


class _Page:
    """One page, read again and again."""

    def __init__(self, store: QueueStore, key: tuple[str, int, int, bool]) -> None:
        self._store = store
        self._key = key
        self._kept: Kept[Rows] = Kept()

    async def read(self) -> Rows:
        """The page as it is now."""
        if not self._kept.is_worth_a_look():
            return await self._page()
        if self._kept.has_answer:
            known = self._kept.recall(await self._info())
            if known is not None:
                return known
            rows = await self._page()
        else:
            # Which of the two the server answers first does not matter: a page is kept only where
            # the stream was at rest before.
            info, rows = await self._store.wire.together(self._info(), self._page())
            self._kept.recall(info)
        if _is_small(rows) and not self._store.wire.is_clustered:
            self._kept.keep(rows, is_exact=False)
        return rows

    def _page(self) -> Awaitable[Rows]:
        return page(self._store, *self._key)

    async def _info(self) -> dict[str, Any]:
        return await self._store.wire.api(f"STREAM.INFO.{self._store.names.space.jobs}")


def _is_small(rows: Rows) -> bool:
    size = sum(len(stored.record.fixed) + len(stored.record.data) for _, stored in rows)
    return len(rows) <= _MOST_ROWS and size <= _MOST_BYTES
