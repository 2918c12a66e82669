"""Delayed jobs by due time, for whoever lists more of them than are read whole.

The server keeps them in the order of adding and cannot sort. So the due time of each is read once
(about 10 to 20 us a job) and kept for a while, 50 bytes a job; afterwards only what was added since
is read. A job that left is noticed by the server's count.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from time import monotonic
from typing import Any

from jetbull.ledger.messages.names import DELAYED, QueueNames
from jetbull.ledger.messages.record import Record
from jetbull.ledger.store.singles import by_sequence, each
from jetbull.ledger.wire import StoredMessage, Wire

LIMIT = 1_000_000  # more delayed jobs than this are not sorted: 50 MB, ten to twenty seconds
_CHUNK = 10_000  # messages of one answer: meanwhile the server answers no other read of the stream
_MAX_BYTES = 8 * 1024 * 1024  # of one answer
_SOME = 200  # messages asked for one by one before the next look how many are there
_ASKED = 10  # so many are read in the time in which one is asked for
_IDLE_S = 300.0
_SEQ = 64  # bits of a sequence


def since(head: Mapping[str, Any], seq: int) -> list[int]:
    """`[due time, sequence]` of the message that delayed the job until then."""
    known: list[int] = head.get("since") or [0, 0]
    due = int(head.get("due", 0))
    return known if known[0] == due else [due, seq]


class DueOrder:
    """The delayed jobs of a queue in the order of due times, then of adding."""

    __slots__ = (
        "_keys",
        "_last",
        "_lock",
        "_names",
        "_new",
        "_rewritten",
        "_start",
        "_timer",
        "_used",
        "_wire",
    )

    def __init__(self, wire: Wire, names: QueueNames) -> None:
        self._wire = wire
        self._names = names
        self._lock = asyncio.Lock()
        self._start = names.all_in(DELAYED).partition("*")[0]
        self._timer: asyncio.TimerHandle | None = None
        self._used = 0.0
        self._forget()

    def _forget(self) -> None:
        self._keys: list[int] = []  # in order: due time and sequence of the message that set it
        self._new: list[int] = []  # read, but not in order yet
        self._rewritten: dict[int, int] = {}  # key -> sequence, where it is another than the key's
        self._last = 0

    async def slice(self, first: int, last: int, size: int) -> list[StoredMessage]:
        """Positions first..last of `size`, those that are still there."""
        async with self._lock:
            self._stay()
            await self._follow()
            back = size - first < last + 1
            near = size - first if back else last + 1
            surplus = len(self._keys) - size
            if -surplus > size // 10 or (surplus > 0 and (near + surplus) * _ASKED > size):
                self._forget()
                await self._follow()
            elif surplus > 0:
                await self._weed(near, back)
            wanted, found = await self._read(first, last, size if back else None)
            if len(found) < wanted:  # some left that the server's count still has
                await self._weed(near, back)
                _, found = await self._read(first, last, size if back else None)
        return found

    async def drop(self, moved: Iterable[tuple[Mapping[str, Any], int]]) -> None:
        """Forgets jobs (head, sequence) that this process moved, so that nobody looks for them."""
        async with self._lock:
            for head, seq in moved:
                due, origin = since(head, seq)
                key = due << _SEQ | origin
                at = bisect_left(self._keys, key)
                if self._keys[at : at + 1] == [key]:
                    del self._keys[at]
                    self._rewritten.pop(key, None)

    async def _read(
        self, first: int, last: int, size: int | None
    ) -> tuple[int, list[StoredMessage]]:
        """How many should be there, and those that are; from the end when a size is given."""
        behind = 0 if size is None else len(self._keys) - size
        keys = self._keys[max(0, first + behind) : max(0, last + 1 + behind)]
        seqs = [self._seq_of(key) for key in keys]
        found = await by_sequence(self._wire, self._names.space.jobs, seqs)
        return len(keys), [m for m in found if m is not None and m.subject.startswith(self._start)]

    def _seq_of(self, key: int) -> int:
        return self._rewritten.get(key) or key & ((1 << _SEQ) - 1)

    # --- what is there -----------------------------------------------------------------

    async def _follow(self) -> None:
        """Takes in what was added since."""
        left = 1
        if self._last and await self._next() is None:
            return  # as it is most of the time: to answer with several, the server counts first
        while left:
            query = {
                "next_by_subj": self._names.all_in(DELAYED),
                "seq": self._last + 1,
                "batch": _CHUNK,
                "max_bytes": _MAX_BYTES,
            }
            found, left = await self._wire.get_picks(self._names.space.jobs, query, _due_of)
            if not found:
                break
            self._new += [due << _SEQ | origin for due, origin, _ in found]
            self._rewritten.update(
                (due << _SEQ | origin, seq) for due, origin, seq in found if origin != seq
            )
            self._last = found[-1][2]
        if self._new:
            again = [key for key in self._new if key in self._rewritten]
            self._keys += self._new
            self._new = []
            self._keys.sort()
            self._once(again)

    async def _next(self) -> StoredMessage | None:
        """The first job that was added since."""
        query = {"next_by_subj": self._names.all_in(DELAYED), "seq": self._last + 1}
        return await self._wire.get_one(self._names.space.jobs, query)

    def _once(self, keys: Iterable[int]) -> None:
        """A job that was rewritten where it is has one place."""
        for key in keys:
            at = bisect_left(self._keys, key)
            while self._keys[at + 1 : at + 2] == [key]:
                del self._keys[at]

    async def _weed(self, count: int, back: bool) -> None:
        """Drops those that left, until the first or last `count` are all there."""
        checked = 0
        while checked < min(count, len(self._keys)):
            size = len(self._keys)
            some = min(_SOME, count - checked, size - checked)
            begin = size - checked - some if back else checked
            part = self._keys[begin : begin + some]
            there = await each(self._wire, [self._seq_of(key) for key in part], self._is_there)
            living = [key for key, is_there in zip(part, there, strict=True) if is_there]
            self._keys[begin : begin + some] = living
            checked += len(living)
            for key in set(part).difference(living):
                self._rewritten.pop(key, None)

    async def _is_there(self, seq: int) -> bool:
        """Asked of the leader: a replica that is behind must not make a job disappear."""
        found = await self._wire.get_at(self._names.space.jobs, seq)
        return found is not None and found.subject.startswith(self._start)

    # --- memory ------------------------------------------------------------------------

    def _stay(self) -> None:
        self._used = monotonic()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_IDLE_S, self._leave)

    def _leave(self) -> None:
        """Gives the memory back when nobody has asked for long."""
        self._timer = None
        if self._lock.locked() or monotonic() - self._used < _IDLE_S:
            self._timer = asyncio.get_running_loop().call_later(_IDLE_S, self._leave)
        else:
            self._forget()


def _due_of(seq: int, data: bytes) -> tuple[int, int, int]:
    """Due time, sequence of the message that set it, sequence of this one."""
    due, origin = since(Record.read(data).head, seq)
    return due, origin, seq


__all__ = ["LIMIT", "DueOrder", "since"]
