"""Pages of jobs in a state, in BullMQ's order.

Stream order is the order of entering a state. Small states are read whole and sorted; of large
ones the position is found by asking the server how many messages follow a sequence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jetbull.ledger import wire as _wire
from jetbull.ledger.counting import levels
from jetbull.ledger.names import (
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
)
from jetbull.ledger.reading import as_stored, find_many
from jetbull.ledger.record import Stored
from jetbull.ledger.store import QueueStore

WHOLE = 2000  # families up to this size are read whole
_CHUNK = 500

Rows = list[tuple[str, Stored]]


async def page(store: QueueStore, state: str, start: int, end: int, ascending: bool) -> Rows:
    """Jobs of one BullMQ state, inclusive positions, negative ones from the end."""
    families = [_Family(store, store.names.all_in(f)) for f in _FAMILIES.get(state, ())]
    if state == "prioritized":
        families = [_Family(store, store.names.all_in(PRIO, str(n))) for n in await levels(store)]
    sizes = [await family.size() for family in families]
    total = sum(sizes)
    first = max(0, start + total if start < 0 else start)
    last = min(total - 1, end + total if end < 0 else end)
    if first > last:
        return []
    if total <= WHOLE or state == "delayed":
        rows = await _whole(store, state, families)
        ordered = rows if ascending else rows[::-1]
        if total > len(rows):
            last = end + len(rows) if end < 0 else end
        return ordered[first : last + 1]
    if not ascending:
        first, last = total - 1 - last, total - 1 - first
    found: list[_wire.Stored] = []
    for family, size in zip(families, sizes, strict=True):
        if first < size and last >= 0:
            found += await family.slice(max(0, first), min(last, size - 1), size)
        first, last = first - size, last - size
    rows = [(last_token(m.subject), as_stored(m)) for m in found]
    rows = await _current(store, state, rows)
    return rows if ascending else rows[::-1]


_FAMILIES = {
    "waiting": (HEAD, WAIT),
    "active": (ACTIVE, STALLED),
    "completed": (COMPLETED, SETTLE),
    "failed": (FAILED, SETTLE),
    "delayed": (DELAYED,),
    "waiting-children": (CHILDREN,),
}


def _by_seq(row: tuple[str, Stored]) -> Any:
    return row[1].seq


def _head_first(row: tuple[str, Stored]) -> Any:
    stored = row[1]
    head = f".{HEAD}." in stored.subject
    return (0, -stored.seq) if head else (1, stored.seq)


def _by_due(row: tuple[str, Stored]) -> Any:
    return int(row[1].record.head["due"]), row[1].seq


def _by_priority(row: tuple[str, Stored]) -> Any:
    return int(lane_of(row[1].subject)), row[1].seq


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


async def _whole(store: QueueStore, state: str, families: list[_Family]) -> Rows:
    rows: Rows = []
    for family in families:
        found = await family.slice(0, -1, 0)
        rows += [(last_token(m.subject), as_stored(m)) for m in found]
    rows = await _current(store, state, rows)
    return sorted(rows, key=_ORDER.get(state, _by_seq))


async def _current(store: QueueStore, state: str, rows: Rows) -> Rows:
    """Only jobs whose newest message is the one listed, with patches folded in."""
    now = await find_many(store, [job_id for job_id, _ in rows])
    return [
        (job_id, now[job_id])
        for job_id, listed in rows
        if job_id in now
        and now[job_id].seq == listed.seq
        and public_state_of(listed.subject) == state
    ]


class _Family:
    """The messages that match one filter, in stream order."""

    def __init__(self, store: QueueStore, subject: str) -> None:
        self._store = store
        self._subject = subject

    async def size(self) -> int:
        found = await self._at(1, 1)
        return found[0].pending + 1 if found else 0

    async def _at(self, seq: int, count: int) -> list[_wire.Stored]:
        return await self._store.wire.get_batch(
            self._store.names.space.jobs,
            {"next_by_subj": self._subject, "seq": seq, "batch": count},
        )

    async def slice(self, first: int, last: int, size: int) -> list[_wire.Stored]:
        """Positions first..last; last -1 reads to the end."""
        seq = 1 if first == 0 else await self._locate(first, size)
        wanted = None if last < 0 else last - first + 1
        found: list[_wire.Stored] = []
        while wanted is None or len(found) < wanted:
            count = _CHUNK if wanted is None else min(_CHUNK, wanted - len(found))
            chunk = await self._at(seq, count)
            found += chunk
            if len(chunk) < count:
                break
            seq = chunk[-1].seq + 1
        return found

    async def _locate(self, position: int, size: int) -> int:
        """The sequence of the message at `position`, by interpolation on what follows."""
        low_seq, low_pos = 1, 0
        newest = await self._store.wire.get_one(
            self._store.names.space.jobs, {"last_by_subj": self._subject}
        )
        high_seq, high_pos = (newest.seq, size - 1) if newest else (1, 0)
        while low_seq < high_seq and low_pos < position:
            share = (position - low_pos) / max(1, high_pos - low_pos)
            guess = low_seq + max(1, int((high_seq - low_seq) * share))
            found = await self._at(guess, 1)
            if not found:
                high_seq = guess - 1
                continue
            here = size - found[0].pending - 1
            if here <= position:
                low_seq, low_pos = found[0].seq, here
            else:
                high_seq, high_pos = guess - 1, here - 1
        return low_seq


