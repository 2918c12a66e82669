"""The messages of one state in stream order: how many, and those at some positions.

A direct get that filters by subject makes the server count what follows, which takes longer with
each job there is (about 100 ms with a million). So sizes come from the counting consumers, and
what lies near one end of a family is read without a filter and picked out here. Only for a
position in the middle is the server asked to count, once or twice.
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
        return await self._forward(1, None)

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

    async def _forward(self, seq: int, count: int | None) -> Found:
        """From a sequence on; all when `count` is None."""
        found: Found = []
        dense = True
        while count is None or len(found) < count:
            size = _CHUNK if count is None else min(_CHUNK, 2 * (count - len(found)))
            if dense:
                first = await self._one({"next_by_subj": self._subject, "seq": seq})
                if first is None:
                    break
                chunk = await self._unfiltered(first.seq, size)
            else:
                chunk = await self._counted(seq, size)
            if not chunk:
                break
            hits = self._own(chunk)
            found += hits
            seq = chunk[-1].seq + 1
            # Among many others the server picks better: it has few to count.
            dense = dense and len(hits) * 4 >= len(chunk)
        return found if count is None else found[:count]

    async def _backward(self, count: int) -> Found | None:
        """The newest `count`, oldest first; None when they lie too far apart to look for."""
        newest = await self._one({"last_by_subj": self._subject})
        if newest is None:
            return []
        end, width = newest.seq, count
        found: Found = []
        while len(found) < count and end > 0:
            if newest.seq - end > _FAR:
                return None
            start = max(1, end - width + 1)
            hits: Found = []
            seq = start
            while seq <= end:
                chunk = await self._unfiltered(seq, min(_CHUNK, end - seq + 1))
                if not chunk:
                    break
                hits += [m for m in self._own(chunk) if m.seq <= end]
                seq = chunk[-1].seq + 1
            found = hits + found
            end, width = start - 1, width * 4
        return found[-count:]

    async def _locate(self, position: int, size: int) -> tuple[int, int]:
        """A sequence and the position it has, at or not far before the one wanted."""
        newest = await self._one({"last_by_subj": self._subject})
        oldest = await self._one({"next_by_subj": self._subject, "seq": 1})
        if newest is None or oldest is None:
            return 1, 0
        low_seq, low = oldest.seq, 0
        high_seq, high = newest.seq, size - 1
        while position - low > _WALK and low_seq < high_seq:
            # Half a walk early: what is found a little before the position need not be asked again.
            share = (position - _WALK // 2 - low) / max(1, high - low)
            guess = min(high_seq, low_seq + max(1, int((high_seq - low_seq) * share)))
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
