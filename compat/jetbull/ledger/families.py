"""The messages of one state in stream order: how many, and those at some positions.

A direct get that filters by subject makes the server count what follows, which takes longer with
each job there is (about 20 ms with a million on a quiet machine), and so does finding the first or
the last of a family. So sizes come from the counting consumers, and what lies near one end of the
stream is read without a filter and picked out here. Only for what lies elsewhere is the server
asked to find or to count.
"""

from __future__ import annotations

from typing import Any

from jetbull.ledger import wire as _wire
from jetbull.ledger.counting import count_family, count_level, count_tickets
from jetbull.ledger.names import ACTIVE, CHILDREN, COMPLETED, DELAYED, FAILED, PRIO, WAIT
from jetbull.ledger.store import QueueStore

_CHUNK = 500  # messages of one answer
_MAX_BYTES = 4 * 1024 * 1024  # of one answer
_WALK = 2000  # positions that are read over rather than located
_EARLY = 100  # positions a guess lies before the one wanted
_FAR = 20_000  # sequences looked through backwards before the server has to count
_COUNTED = frozenset({ACTIVE, CHILDREN, COMPLETED, DELAYED, FAILED})

Found = list[_wire.Stored]


class Family:
    """The messages of one state, or of one priority level."""

    def __init__(self, store: QueueStore, state: str, level: int | None = None) -> None:
        self._store = store
        self._state = state
        self._level = level
        self._subject = store.names.all_in(state, "*" if level is None else str(level))
        self._start = self._subject.partition("*")[0]

    async def size(self) -> int:
        """How many there are; of many, a few milliseconds behind."""
        if self._state == WAIT:
            return await count_tickets(self._store)
        if self._state == PRIO and self._level is not None:
            return await count_level(self._store, self._level)
        if self._state in _COUNTED:
            return await count_family(self._store, self._state)
        found = await self._counted(1, 1)
        return found[0].pending + 1 if found else 0

    async def read(self) -> Found:
        """All of them."""
        first = await self._one({"next_by_subj": self._subject, "seq": 1})
        return [] if first is None else await self._forward(first.seq, None, looked=True)

    async def slice(self, first: int, last: int, size: int) -> Found:
        """Positions first..last of `size`."""
        wanted, behind = last - first + 1, size - 1 - last
        if first <= _WALK:
            return (await self._forward(1, first + wanted))[first:]
        if behind <= _WALK:
            found = await self._backward(behind + wanted)
            if found is not None:
                return found[:wanted]
        seq, position = await self._locate(first, size)
        skip = first - position
        return (await self._forward(seq, skip + wanted))[skip:]

    # --- reading -----------------------------------------------------------------------

    async def _forward(self, seq: int, count: int | None, looked: bool = False) -> Found:
        """From a sequence on; all when `count` is None. `looked`: the family begins there."""
        found: Found = []
        dense = True
        while count is None or len(found) < count:
            size = _CHUNK if count is None else min(_CHUNK, 2 * (count - len(found)))
            chunk = await (self._unfiltered(seq, size) if dense else self._counted(seq, size))
            if not chunk:
                break
            hits = self._own(chunk)
            found += hits
            seq = chunk[-1].seq + 1
            if len(hits) * 4 >= len(chunk):
                continue
            # The family may begin further on. Among many others the server picks better: it has
            # few to count.
            dense = dense and not looked
            if dense:
                first = await self._one({"next_by_subj": self._subject, "seq": seq})
                if first is None:
                    break
                looked, seq = True, first.seq
        return found if count is None else found[:count]

    async def _backward(self, count: int) -> Found | None:
        """The newest `count`, oldest first; None when they lie too far apart to look for."""
        _, end = await self._bounds()
        found = await self._window(max(1, end - count + 1), end)
        if not found:
            newest = await self._one({"last_by_subj": self._subject})
            if newest is None:
                return []
            end = newest.seq
            found = await self._window(max(1, end - count + 1), end)
        begin, width = max(1, end - count + 1), count
        while len(found) < count and begin > 1:
            if end - begin > _FAR:
                return None
            width *= 4
            start = max(1, begin - width)
            found = await self._window(start, begin - 1) + found
            begin = start
        return found[-count:]

    async def _window(self, seq: int, end: int) -> Found:
        """Those between two sequences."""
        found: Found = []
        while seq <= end:
            chunk = await self._unfiltered(seq, min(_CHUNK, end - seq + 1))
            if not chunk:
                break
            found += [m for m in self._own(chunk) if m.seq <= end]
            seq = chunk[-1].seq + 1
        return found

    async def _bounds(self) -> tuple[int, int]:
        """The first and the last sequence of the stream."""
        info = await self._store.wire.api(f"STREAM.INFO.{self._store.names.space.jobs}")
        return int(info["state"]["first_seq"]), int(info["state"]["last_seq"])

    async def _locate(self, position: int, size: int) -> tuple[int, int]:
        """A sequence and the position it has, at or not far before the one wanted."""
        low_seq, high_seq = await self._bounds()
        low, high = 0, size - 1
        early = _EARLY
        while position - low > _WALK and low_seq < high_seq:
            # Early: what is found a little before the position need not be asked again.
            share = (position - early - low) / max(1, high - low)
            guess = min(high_seq, low_seq + max(1, int((high_seq - low_seq) * share)))
            early = _WALK // 2
            found = await self._counted(guess, 1)
            if not found:
                high_seq = guess - 1
                continue
            here = size - found[0].pending - 1
            if here <= position:
                low_seq, low = found[0].seq, here
            else:
                high_seq, high = guess - 1, here - 1
        return low_seq, low

    def _own(self, chunk: Found) -> Found:
        return [m for m in chunk if m.subject.startswith(self._start)]

    async def _one(self, query: dict[str, Any]) -> _wire.Stored | None:
        return await self._store.wire.get_one(self._store.names.space.jobs, query)

    async def _unfiltered(self, seq: int, count: int) -> Found:
        query = {"seq": seq, "batch": count, "max_bytes": _MAX_BYTES}
        return await self._store.wire.get_batch(self._store.names.space.jobs, query)

    async def _counted(self, seq: int, count: int) -> Found:
        query = {"next_by_subj": self._subject, "seq": seq, "batch": count}
        return await self._store.wire.get_batch(self._store.names.space.jobs, query)


__all__ = ["Family", "Found"]
