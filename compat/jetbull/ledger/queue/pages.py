"""Pages of jobs in a state, in BullMQ's order.

Stream order is the order of entering a state. Of many jobs only the page is read; few of them, and
those that run, are read whole and sorted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from jetbull.errors import StoreError
from jetbull.ledger.job.reading import as_stored, find_many, find_unchanged
from jetbull.ledger.messages.names import (
    ACTIVE,
    CHILDREN,
    COMPLETED,
    DELAYED,
    FAILED,
    HEAD,
    PRIO,
    SETTLE,
    STALLED,
    WAIT,
    lane_of,
    last_token,
    public_state_of,
    state_of,
)
from jetbull.ledger.messages.placing import rank
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.queue.counting import count_levels, has_many, levels
from jetbull.ledger.queue.looks import MAX_BYTES
from jetbull.ledger.queue.sections import Bounds, Section, bounds
from jetbull.ledger.store.due_order import LIMIT, since
from jetbull.ledger.store.reach import Reach
from jetbull.ledger.store.replicas import up_to_date
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

WHOLE = 2000  # states up to this size are read whole, if most of it is asked for
FEW = 60  # or always
_SHORT = 300  # messages of a stream
_DISORDER = 50  # finished jobs: so far from its place by time may one be stored
_SPARES = (0, 100, 1000)  # read beyond the page, when it was not full with fewer
_TRIES = 5
_PAUSE_SECONDS = 0.005

Rows = list[tuple[str, Stored]]


async def page(store: QueueStore, state: str, start: int, end: int, ascending: bool) -> Rows:
    """Jobs of one BullMQ state, inclusive positions, negative ones from the end.

    A page with a beginning and an end is full as long as there are jobs behind it: jobs that leave
    the state while it is read give their places to those that follow.
    """
    rows: Rows = []
    for spare in _SPARES if start >= 0 and end >= 0 else _SPARES[:1]:
        rows, ends_here = await _page(store, state, start, end, ascending, spare)
        if ends_here or len(rows) > end - start:
            break
    return rows


async def count_due_before(store: QueueStore, size: int, limit_ms: int) -> int:
    """How many of `size` delayed jobs are due before a time: half of them are left out per look."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        rows = await page(store, "delayed", middle, middle, True)
        if rows and _by_due(rows[0])[0] < limit_ms:
            low = middle + 1
        else:
            high = middle
    return low


async def _page(
    store: QueueStore, state: str, start: int, end: int, ascending: bool, spare: int
) -> tuple[Rows, bool]:
    """The page from so many positions more than it has, and whether nothing lies behind them."""
    sections = [Section(store, f) for f in _SECTIONS.get(state, ())]
    reach = store.reaches.setdefault(state, Reach())
    short = WHOLE // 2 if (start, end) == (0, -1) else _SHORT
    few = None if store.wire.is_clustered else await _few(store, sections, reach, short)
    if few is not None:
        return _cut(await _sorted(store, state, few), start, end, ascending), True
    ranks = await levels(store) if state == "prioritized" else []
    edges, sizes = await store.wire.together(bounds(store), _sizes(store, state, sections, ranks))
    total = sum(sizes)
    reach.note(total <= FEW)
    is_better_whole = state == "active" or has_many(ranks) or _is_most(start, end, total)
    if total <= FEW or (total <= WHOLE and is_better_whole):
        return _cut(await _whole(store, state, sections), start, end, ascending), True
    if state == "prioritized":
        sections = [Section(store, PRIO, level) for level in ranks]
    first, last = _between(start, end, total)
    if first > last:
        return [], True
    wanted = last - first + 1
    last = min(total - 1, last + spare)
    ends_here = last == total - 1
    if not ascending:
        first, last = total - 1 - last, total - 1 - first
    if state == "delayed" and total <= LIMIT:
        listed = _rows(await store.due_order.slice(first, last, total))
    elif state in ("completed", "failed"):
        listed = await _finished(sections, sizes, first, last, edges)
    else:
        listed = _rows(await _slice(sections, sizes, first, last, edges))
    rows = await _current(store, state, listed)
    return (rows if ascending else rows[::-1])[:wanted], ends_here


async def _sizes(
    store: QueueStore, state: str, sections: list[Section], ranks: list[int]
) -> list[int]:
    """How many messages each section has, or each of the levels of a state that has some."""
    if state == "prioritized":
        return await count_levels(store, ranks)
    return await asyncio.gather(*(section.size() for section in sections))


def _cut(rows: Rows, start: int, end: int, ascending: bool) -> Rows:
    """The page out of all rows of a state, which ascend."""
    first, last = _between(start, end, len(rows))
    return (rows if ascending else rows[::-1])[first : last + 1]


async def _few(
    store: QueueStore, sections: list[Section], reach: Reach, short: int
) -> list[StoredMessage] | None:
    """All messages, where there are few for sure; None where one has to count first.

    Of a state that nobody looked at they are read if the stream has no more than `short`: counting
    would begin with the making of a counter.
    """
    wire = store.wire
    if not sections:
        return []
    if reach.few is None:
        if (await bounds(store)).messages > short:
            return None
    elif not reach.few:
        return None
    elif not reach.is_fresh:
        found = await wire.together(*(section.beginning(FEW + 1) for section in sections))
        messages = [message for some in found for message in some]
        has_more = any(some and some[-1].pending for some in found)
        return None if has_more or len(messages) > FEW else messages
    query = {"multi_last": [section.subject for section in sections], "max_bytes": MAX_BYTES}
    try:
        messages = await wire.get_batch(store.names.space.jobs, query)
    except StoreError:  # more than the 1,024 that come in one answer
        return None
    reach.note(len(messages) <= FEW)
    return messages


async def _finished(
    sections: list[Section], sizes: list[int], first: int, last: int, edges: Bounds
) -> Rows:
    """Positions first..last by the time of the end, near which order the messages stand."""
    low, high = max(0, first - _DISORDER), min(sum(sizes) - 1, last + _DISORDER)
    around = sorted(_rows(await _slice(sections, sizes, low, high, edges)), key=_by_finish)
    return around[first - low : last - low + 1]


async def _slice(
    sections: list[Section], sizes: list[int], first: int, last: int, edges: Bounds
) -> list[StoredMessage]:
    """Positions first..last of all sections, one behind the other; of the head the newest first."""
    found: list[StoredMessage] = []
    for section, size in zip(sections, sizes, strict=True):
        if first < size and last >= 0:
            low, high = max(0, first), min(last, size - 1)
            if section.state == HEAD:
                found += (await section.slice(size - 1 - high, size - 1 - low, size, edges))[::-1]
            else:
                found += await section.slice(low, high, size, edges)
        first, last = first - size, last - size
    return found


def _is_most(start: int, end: int, total: int) -> bool:
    first, last = _between(start, end, total)
    return 2 * (last - first + 1) > total


def _between(start: int, end: int, total: int) -> tuple[int, int]:
    """The positions meant, of so many."""
    first = max(0, start + total if start < 0 else start)
    return first, max(-1, min(total - 1, end + total if end < 0 else end))


def _rows(found: list[StoredMessage]) -> Rows:
    return [(last_token(m.subject), as_stored(m)) for m in found]


_SECTIONS = {
    "waiting": (HEAD, WAIT),
    "active": (ACTIVE, STALLED),
    "completed": (COMPLETED, SETTLE),
    "failed": (FAILED, SETTLE),
    "delayed": (DELAYED,),
    "prioritized": (PRIO,),
    "waiting-children": (CHILDREN,),
}


def _by_seq(row: tuple[str, Stored]) -> Any:
    return row[1].seq


def _head_first(row: tuple[str, Stored]) -> Any:
    stored = row[1]
    return (0, -stored.seq) if state_of(stored.subject) == HEAD else (1, stored.seq)


def _by_due(row: tuple[str, Stored]) -> Any:
    return since(row[1].record.head, row[1].seq)


def _by_priority(row: tuple[str, Stored]) -> Any:
    return rank(int(lane_of(row[1].subject))), row[1].seq


def _by_start(row: tuple[str, Stored]) -> Any:
    return row[1].record.head.get("processedOn", 0), row[1].seq


def _by_finish(row: tuple[str, Stored]) -> Any:
    return row[1].record.head.get("finishedOn", 0), row[1].seq


_ORDER: dict[str, Callable[[tuple[str, Stored]], Any]] = {
    "waiting": _head_first,
    "delayed": _by_due,
    "prioritized": _by_priority,
    "active": _by_start,
    "completed": _by_finish,
    "failed": _by_finish,
}


async def _whole(store: QueueStore, state: str, sections: list[Section]) -> Rows:
    found = await asyncio.gather(
        *(up_to_date(store, section.subject, section.read) for section in sections)
    )
    return await _sorted(store, state, [message for some in found for message in some])


async def _sorted(store: QueueStore, state: str, found: list[StoredMessage]) -> Rows:
    rows = await _current(store, state, _rows(found))
    return sorted(rows, key=_ORDER.get(state, _by_seq))


async def _current(store: QueueStore, state: str, rows: Rows) -> Rows:
    """Only jobs whose newest message is the one listed, with patches folded in."""
    known = dict(sorted(rows, key=_by_seq))  # of two messages of a job the newer one
    now = await (_latest if store.wire.is_clustered else find_unchanged)(store, known)
    return [
        (job_id, now[job_id])
        for job_id, listed in rows
        if job_id in now
        and now[job_id].seq == listed.seq
        and public_state_of(listed.subject) == state
    ]


async def _latest(store: QueueStore, known: dict[str, Stored]) -> dict[str, Stored]:
    """The jobs as they are now, asked again of servers that are behind."""
    for _ in range(_TRIES):
        now = await find_many(store, known, known)
        if all(job_id in now and now[job_id].seq >= row.seq for job_id, row in known.items()):
            break
        await asyncio.sleep(_PAUSE_SECONDS)  # or they are gone
    return now


__all__ = ["FEW", "WHOLE", "Rows", "count_due_before", "page"]
