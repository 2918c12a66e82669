"""The messages of one state in stream order: how many, and those at some positions.

A batched direct get makes the server count what follows: by the subject asked for, about 20 ms for
a million of them; without a subject, all of the stream, which takes longer still once something was
removed from it. So sizes come from the counting consumers; of few messages batches are read; and of
many, single messages by their sequence, many questions at once, which the server answers without
counting. Only for what lies far from both ends it has to count once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from jetbull.ledger import wire as _wire
from jetbull.ledger.messages.names import ACTIVE, CHILDREN, COMPLETED, DELAYED, FAILED, PRIO, WAIT
from jetbull.ledger.queue.counting import count_family, count_level, count_matching, count_tickets
from jetbull.ledger.store.reach import Reach
from jetbull.ledger.store.singles import by_sequence
from jetbull.ledger.store.store import QueueStore

_CHUNK = 500  # messages of one answer
_SINGLES = 200  # messages looked at one by one before the next guess how many it takes
_MAX_BYTES = 4 * 1024 * 1024  # of one answer
_FEW = 50_000  # so many are counted in a millisecond or two
_NEAR = 500  # positions that are read over rather than located
_EARLY = 20  # positions a guess lies before the one wanted
_FAR = 4000  # sequences looked through backwards before the server has to count
_LOOKS = 4  # rounds of looking here and there for the last one
_WAYS = 16  # looks of a round
_DENSE = 2  # sequences for one message: up to so many they are asked for one by one
_SMALL = 120  # messages asked for one by one where counting costs little
_THIN = 8.0  # sequences for one message, beyond which no guess goes
_STEPS = 4  # guesses by the share of what lies between, before they halve it
_COUNTED = frozenset({ACTIVE, CHILDREN, COMPLETED, DELAYED, FAILED})

Found = list[_wire.Stored]
Bounds = tuple[int, int]  # the first and the last sequence of the stream


async def bounds(store: QueueStore) -> Bounds:
    """The bounds of the jobs stream."""
    info = await store.wire.api(f"STREAM.INFO.{store.names.space.jobs}")
    return int(info["state"]["first_seq"]), int(info["state"]["last_seq"])


class Family:
    """The messages of one state, or of one priority level."""

    def __init__(self, store: QueueStore, state: str, level: int | None = None) -> None:
        self._store = store
        self.state = state
        self._level = level
        self.subject = store.names.all_in(state, "*" if level is None else str(level))
        self._start = self.subject.partition("*")[0]
        self.reach = store.reaches.setdefault(self.subject, Reach())

    async def size(self) -> int:
        """How many there are; of many, a few milliseconds behind."""
        if self.state == WAIT:
            return await count_tickets(self._store)
        if self.state == PRIO and self._level is not None:
            return await count_level(self._store, self._level)
        if self.state in _COUNTED:
            return await count_family(self._store, self.state)
        return await count_matching(self._store, self.subject)

    async def beginning(self, count: int) -> Found:
        """The first `count`; the last of them tells how many there are behind it."""
        return await self._counted(1, count)

    async def read(self) -> Found:
        """All of them."""
        return await self._batches(1, None)

    async def slice(self, first: int, last: int, size: int, bounds: Bounds) -> Found:
        """Positions first..last of `size`, in a stream of these bounds."""
        low, high = bounds
        wanted, behind = last - first + 1, size - 1 - last
        if first <= _NEAR and (first <= behind or size > _FEW):
            return (await self._front(low, first + wanted, size))[first:]
        if behind <= _NEAR:
            found = await self._back(low, high, behind + wanted, size)
        else:
            found = await self._middle(low, high, first, wanted, size)
        return found[:wanted]

    async def _middle(self, low: int, high: int, first: int, wanted: int, size: int) -> Found:
        """`wanted` from the position `first` on."""
        if size <= _FEW:
            seq, position = await self._locate(first, size, low, high, high)
        else:
            low, end = await asyncio.gather(self._first(low), self._near_last(low, high))
            seq, position = await self._locate(first, size, low, high, end)
        skip = first - position
        return (await self._some(seq, skip + wanted, size))[skip:]

    # --- reading -----------------------------------------------------------------------

    async def _batches(self, seq: int, count: int | None) -> Found:
        """From a sequence on; all when `count` is None."""
        found: Found = []
        while count is None or len(found) < count:
            size = _CHUNK if count is None else min(_CHUNK, count - len(found))
            chunk = await self._counted(seq, size)
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
            hits = await self._window(seq, seq + some - 1)
            found += hits
            asked += some
            seq += some
            if len(found) >= count:
                break
            if not found:  # others stand before them
                begin = await self._one({"next_by_subj": self.subject, "seq": seq})
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
        if found:
            self.reach.back = len(found), found[0].seq
        return found

    async def _where_they_were(self, count: int) -> Found | None:
        """The newest `count` from where so many began at the last look; None when that has changed
        by much. Near its end the server counts what follows only.
        """
        known, seq = self.reach.back
        if not count <= known <= 2 * count:
            return None
        found = await self._counted(seq, min(_CHUNK, 3 * known))
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
            last = await self._one({"last_by_subj": self.subject})
            if last is None:
                return []
            end = last.seq
        return None

    async def _backward(self, low: int, end: int, count: int) -> Found | None:
        """The newest `count`, oldest first; None when they lie too far apart to look for."""
        found = await self._window(max(low, end - count + 1), end)
        if not found:
            end = await self._last(low, end)
            found = await self._window(max(low, end - count + 1), end)
        begin, width = max(low, end - count + 1), count
        while len(found) < count and begin > low:
            if end - begin > _FAR:
                return None
            width *= 2
            start = max(low, begin - width)
            found = await self._window(start, begin - 1) + found
            begin = start
        return found[-count:]

    async def _window(self, seq: int, end: int) -> Found:
        """Those between two sequences."""
        return [m for m in await self._at(range(seq, end + 1)) if m is not None and self._is_own(m)]

    async def _at(self, seqs: Sequence[int]) -> list[_wire.Stored | None]:
        return await by_sequence(self._store.wire, self._store.names.space.jobs, seqs)

    # --- finding -----------------------------------------------------------------------

    async def _first(self, low: int) -> int:
        """The sequence of the first one, in a stream that begins at `low`."""
        # From behind its beginning the server goes through the stream; at it, through all subjects.
        (edge,) = await self._at([low])
        if edge is not None and self._is_own(edge):
            return low
        found = await self._one({"next_by_subj": self.subject, "seq": low + 1})
        return low if found is None else found.seq

    async def _last(self, low: int, high: int) -> int:
        """The sequence of the last one, between these two."""
        # From one near it the server looks at what follows only, not through all subjects.
        last = await self._near_last(low, high)
        for _ in range(_LOOKS):
            found = await self._one({"next_by_subj": self.subject, "seq": last + 1})
            if found is None:
                return last
            last = found.seq
        found = await self._one({"last_by_subj": self.subject})
        return last if found is None else found.seq

    async def _near_last(self, low: int, high: int) -> int:
        """The sequence of one near the last, by looking here and there: good for a guess."""
        steps = range((high - low).bit_length())
        seqs: Sequence[int] = [high, *(high - (1 << n) for n in steps if high - (1 << n) >= low)]
        newest = high
        for _ in range(_LOOKS):
            looks = await self._at(seqs)
            newest = max((m.seq for m in looks if m is not None and self._is_own(m)), default=high)
            beyond = min((seq for seq in seqs if seq > newest), default=newest)
            if beyond - newest < _WAYS:
                break
            seqs = range(newest, beyond, (beyond - newest) // _WAYS)
        return newest

    async def _locate(
        self, position: int, size: int, begin: int, high_seq: int, end: int
    ) -> tuple[int, int]:
        """A sequence and the position it has, at or not far before the one wanted.

        `end` is where the last one is believed to be: it is only guessed by.
        """
        low_seq = begin
        low, high = 0, size - 1
        early, steps = _EARLY, 0
        while position - low > _NEAR and low_seq < high_seq:
            if end <= low_seq or steps >= _STEPS:
                end = high_seq
            # Early: what is found a little before the position need not be asked again.
            share = (position - early - low) / max(1, high - low) if steps < _STEPS else 0.5
            guess = min(high_seq, low_seq + max(1, int((end - low_seq) * share)))
            early, steps = _NEAR // 2, steps + 1
            found = await self._counted(guess, 1)
            if not found:
                end = high_seq = guess - 1
                continue
            here = size - found[0].pending - 1
            if here <= position:
                low_seq, low = found[0].seq, here
            else:
                end, high_seq, high = guess - 1, guess - 1, here - 1
        return low_seq, low

    def _is_own(self, message: _wire.Stored) -> bool:
        return message.subject.startswith(self._start)

    async def _one(self, query: dict[str, Any]) -> _wire.Stored | None:
        return await self._store.wire.get_one(self._store.names.space.jobs, query)

    async def _counted(self, seq: int, count: int) -> Found:
        query = {
            "next_by_subj": self.subject,
            "seq": seq,
            "batch": count,
            "max_bytes": _MAX_BYTES,
        }
        return await self._store.wire.get_batch(self._store.names.space.jobs, query)


__all__ = ["Bounds", "Family", "Found", "bounds"]
