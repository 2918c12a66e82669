"""The messages of one state in stream order: how many, and those at some positions.

A batched direct get makes the server count what follows. With a subject it counts the messages on
that subject, about 20 ms for a million of them; without one, the whole stream, which takes longer
still once something was removed from it. So:

- sizes come from the counting consumers;
- where there are few messages, they are read in batches;
- where there are many, single messages are read by their sequences, many questions at once, which
  the server answers without counting. For messages far from both ends it has to count once.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from jetbull.ledger.messages.names import ACTIVE, CHILDREN, COMPLETED, DELAYED, FAILED, WAIT
from jetbull.ledger.queue import locating
from jetbull.ledger.queue.counting import count_matching, count_section, count_waiting
from jetbull.ledger.queue.locating import Locator
from jetbull.ledger.queue.looks import Found, Looks
from jetbull.ledger.store.reach import Reach
from jetbull.ledger.store.store import QueueStore

_CHUNK = 500  # messages of one answer
_SINGLES = 200  # messages looked at one by one before the next guess how many it takes
_FEW = 50_000  # so many are counted in a millisecond or two
_FAR = 4000  # sequences looked through backwards before the server has to count
_DENSE = 2  # sequences for one message: up to so many they are asked for one by one
_SMALL = 120  # messages asked for one by one where counting costs little
_THIN = 8.0  # sequences for one message, beyond which no guess goes
_COUNTED = frozenset({ACTIVE, CHILDREN, COMPLETED, DELAYED, FAILED})


class Bounds(NamedTuple):
    """The first and the last sequence of the stream; how many messages and consumers it has."""

    first: int
    last: int
    messages: int
    consumers: int


async def bounds(store: QueueStore) -> Bounds:
    """The bounds of the jobs stream."""
    info = await store.wire.api(f"STREAM.INFO.{store.names.space.jobs}")
    fields = ("first_seq", "last_seq", "messages", "consumer_count")
    return Bounds(*(int(info["state"][field]) for field in fields))


class Section:
    """The messages of one state, or of one priority level."""

    def __init__(self, store: QueueStore, state: str, level: int | None = None) -> None:
        self._store = store
        self.state = state
        self.subject = store.names.all_in(state, "*" if level is None else str(level))
        self._looks = Looks(store, self.subject)
        self._locator = Locator(self._looks)
        self.reach = store.reaches.setdefault(self.subject, Reach())

    async def size(self) -> int:
        """How many there are; of many, a few milliseconds behind."""
        if self.state == WAIT:
            return await count_waiting(self._store)
        if self.state in _COUNTED:
            return await count_section(self._store, self.state)
        return await count_matching(self._store, self.subject)

    async def beginning(self, count: int) -> Found:
        """The first `count`; the last of them tells how many there are behind it."""
        return await self._looks.counted(1, count)

    async def read(self) -> Found:
        """All of them."""
        return await self._batches(1, None)

    async def slice(self, first: int, last: int, size: int, bounds: Bounds) -> Found:
        """Positions first..last of `size`, in a stream of these bounds."""
        low, high = bounds.first, bounds.last
        wanted, behind = last - first + 1, size - 1 - last
        if first <= locating.NEAR and (first <= behind or size > _FEW):
            return (await self._front(low, first + wanted, size))[first:]
        if behind <= locating.NEAR:
            found = await self._back(low, high, behind + wanted, size)
        else:
            found = await self._middle(low, high, first, wanted, size)
        return found[:wanted]

    async def _middle(self, low: int, high: int, first: int, wanted: int, size: int) -> Found:
        """`wanted` from the position `first` on."""
        if size <= _FEW:
            seq, position = await self._locator.locate(first, size, low, high, high)
        else:
            low, end = await asyncio.gather(
                self._locator.first(low), self._locator.near_last(low, high)
            )
            seq, position = await self._locator.locate(first, size, low, high, end)
        skip = first - position
        return (await self._some(seq, skip + wanted, size))[skip:]

    # --- reading -----------------------------------------------------------------------

    async def _batches(self, seq: int, count: int | None) -> Found:
        """From a sequence on; all when `count` is None."""
        found: Found = []
        while count is None or len(found) < count:
            size = _CHUNK if count is None else min(_CHUNK, count - len(found))
            chunk = await self._looks.counted(seq, size)
            found += chunk
            if not chunk or not chunk[-1].pending:
                break
            seq = chunk[-1].seq + 1
        return found

    async def _some(self, seq: int, count: int, size: int) -> Found:
        """`count` from a sequence on."""
        if count > _SMALL and size <= _FEW:
            return await self._batches(seq, count)
        return await self._singly(seq, count)

    async def _front(self, low: int, count: int, size: int) -> Found:
        """The first `count`, in a stream that begins at `low`."""
        reach, connection = self.reach, self._store.wire.number
        if reach.spread > _DENSE and size <= _FEW:
            # From its beginning, where the server counts by subjects, not message by message.
            return await self._batches(low, count)
        known = reach.first if reach.connection == connection else 0
        found = await self._some(max(low, known), count, size)
        if len(found) < min(count, size) and known > low:
            found = await self._some(low, count, size)
        if found:
            reach.first, reach.connection = found[0].seq, connection
        return found

    async def _singly(self, seq: int, count: int) -> Found:
        """`count` from a sequence on."""
        found: Found = []
        asked = 0
        some = int(count * self.reach.spread) + 1
        while True:
            some = min(_SINGLES, some)
            hits = await self._looks.between(seq, seq + some - 1)
            found += hits
            asked += some
            seq += some
            if len(found) >= count:
                break
            if not found:  # others stand before them
                begin = await self._looks.next(seq)
                if begin is None:
                    break
                seq, asked, some = begin.seq, 0, count
                continue
            if 4 * len(hits) < some:  # they lie far apart
                found += await self._batches(seq, count - len(found))
                break
            some = (count - len(found)) * asked // len(found) + 1
        self._note_spread(found)
        return found[:count]

    def _note_spread(self, found: Found) -> None:
        if len(found) > 1:
            self.reach.spread = min(_THIN, (found[-1].seq - found[0].seq) / (len(found) - 1))

    async def _back(self, low: int, high: int, count: int, size: int) -> Found:
        """The newest `count`, oldest first."""
        found = await self._where_they_were(count)
        if found is None:
            how = self._tail if size <= _FEW else self._backward
            found = await how(low, high, count)
        if found is None:
            found = await self._middle(low, high, size - count, count, size)
        newest = tuple((message.seq, message.subject) for message in found)
        self.reach.still = self._store.wire.number if newest == self.reach.back else 0
        self.reach.back = newest
        return found

    async def _where_they_were(self, count: int) -> Found | None:
        """The newest `count` from where so many began at the last look; None when that has changed
        by much.

        By their subjects where nothing changed lately: otherwise the server counts first.
        """
        known = self.reach.back
        if not count <= len(known) <= 2 * count:
            return None
        found: Found
        if self.reach.still == self._store.wire.number and len(known) <= _SMALL:
            found, later = await self._store.wire.together(
                self._looks.on([subject for _, subject in known]),
                self._looks.next(known[-1][0] + 1),
            )
            if later is None and tuple((m.seq, m.subject) for m in found) == known:
                return found[-count:]
        found = await self._looks.counted(known[0][0], min(_CHUNK, 3 * len(known)))
        return None if len(found) < count or found[-1].pending else found[-count:]

    async def _tail(self, low: int, end: int, count: int) -> Found | None:
        """The newest `count` of few, oldest first; None when they lie too far apart to look for."""
        span = int(count * self.reach.spread) + 1
        while span <= _FAR:
            seq = max(low, end - span + 1)
            found = await self._batches(seq, None)
            if len(found) >= count or seq == low:
                self._note_spread(found[-count:])
                return found[-count:]
            if found:
                span = max(2 * span, span * count * 5 // (4 * len(found)))
                continue
            last = await self._looks.newest()
            if last is None:
                return []
            end = last.seq
        return None

    async def _backward(self, low: int, end: int, count: int) -> Found | None:
        """The newest `count`, oldest first; None when they lie too far apart to look for."""
        found = await self._looks.between(max(low, end - count + 1), end)
        if not found:
            end = await self._locator.last(low, end)
            found = await self._looks.between(max(low, end - count + 1), end)
        begin, width = max(low, end - count + 1), count
        while len(found) < count and begin > low:
            if end - begin > _FAR:
                return None
            width *= 2
            start = max(low, begin - width)
            found = await self._looks.between(start, begin - 1) + found
            begin = start
        return found[-count:]


__all__ = ["Bounds", "Section", "bounds"]
