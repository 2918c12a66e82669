"""The first tickets of a queue's line, read from the store and not from a consumer.

A ticket that is given back to a consumer comes again late, and in another order. So a worker that
may start only a few jobs reads from the store which ones are next, and takes none it may not start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from jetbull.errors import AckTimeout, JetbullError
from jetbull.ledger.job.reading import as_stored
from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.messages.names import HEAD, WAIT
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.store.singles import by_sequence
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.front import next_in
from jetbull.ledger.wire import Msg, StoredMessage

__all__ = ["Line"]

log = logging.getLogger("jetbull.ledger")

_LEVELS_AT_ONCE = 16
_MORE = 16  # tickets read at once behind those that are taken
_REMEMBERED = 5000
_SPREAD = 2  # sequences looked at for a ticket, where they stand one behind the other
_HEADS = 1000  # sequences looked through for more jobs at the head
_MAX_BYTES = 4 * 1024 * 1024  # of one answer

Taken = Callable[[Stored], bool]
Answer = Coroutine[Any, Any, list[Ticket]]


class Line:
    """The line of one queue: head, tail, then by priority."""

    def __init__(self, store: QueueStore) -> None:
        self._store = store
        self._seen: dict[int, list[int]] = {}  # level -> its first tickets when last looked at
        self._gone: dict[int, None] = {}
        self._dense = False  # whether tickets stood one behind the other at the last look
        self.view: list[Stored] = []  # what was next in line at the last look, if that is known

    async def first(self, count: int, levels: Sequence[int], taken: Taken) -> list[Ticket]:
        """Up to `count` tickets that are next, without those `taken` by somebody.

        `levels` are the priority levels in the order they are served; 0 is the line without any.
        """
        self.view = []
        head, *found = await asyncio.gather(
            self._head(count, taken), *(self._level(n, count, taken) for n in levels[:1])
        )
        tickets = [*head, *(ticket for level in found for ticket in level)]
        for at in range(1, len(levels), _LEVELS_AT_ONCE):
            if len(tickets) >= count:
                break
            some = levels[at : at + _LEVELS_AT_ONCE]
            missing = count - len(tickets)
            for level in await asyncio.gather(*(self._level(n, missing, taken) for n in some)):
                tickets += level
        return [Ticket(stored) for stored in tickets[:count]]

    def ask(self, count: int, levels: Sequence[int], taken: Taken) -> Answer:
        """As `first`, with the questions of the usual case sent at once."""
        names, wire = self._store.names, self._store.wire
        if count > 1:
            return self.first(count, levels, taken)
        tail = {"next_by_subj": names.all_in(WAIT), "seq": self._start_of(0)}
        head = {"last_by_subj": names.all_in(HEAD)}
        answers = [wire.ask_one(names.space.jobs, query) for query in (head, tail)]
        return self._answered(answers, levels, taken)

    async def _answered(
        self,
        answers: list[asyncio.Future[Msg]],
        levels: Sequence[int],
        taken: Taken,
    ) -> list[Ticket]:
        try:
            head, tail = [self._store.wire.read_one(await answer) for answer in answers]
        except AckTimeout:
            return await self.first(1, levels, taken)
        if head is not None or tail is None or tail.seq in self._gone:
            return await self.first(1, levels, taken)
        stored = as_stored(tail)
        if taken(stored):
            return await self.first(1, levels, taken)
        self._seen[0] = [tail.seq]
        self.view = []
        behind = {"next_by_subj": self._store.names.all_in(WAIT), "seq": tail.seq + 1}
        answer = self._store.wire.ask_one(self._store.names.space.jobs, behind)
        answer.add_done_callback(self._see_behind)
        return [Ticket(stored)]

    def _see_behind(self, answer: asyncio.Future[Msg]) -> None:
        try:
            found = self._store.wire.read_one(answer.result())
        except (asyncio.CancelledError, JetbullError) as error:
            log.debug("what comes next is not known: %r", error)
            return
        self.view = [] if found is None else [as_stored(found)]

    def forget(self) -> None:
        """A server that was killed may give sequences out again."""
        self._seen.clear()
        self._gone.clear()
        self._store.fronts.clear()

    def gone(self, ticket: Stored) -> None:
        """The ticket was used here and is being deleted: later looks pass over it."""
        self._gone[ticket.seq] = None
        if len(self._gone) > _REMEMBERED:
            del self._gone[next(iter(self._gone))]

    async def _head(self, count: int, taken: Taken) -> list[Stored]:
        pattern = self._store.names.all_in(HEAD)
        last = await self._store.wire.get_one(
            self._store.names.space.jobs, {"last_by_subj": pattern}
        )
        if last is None:
            return []
        newest = as_stored(last)
        if count == 1 and not taken(newest):
            return [newest]
        found = await self._batch(pattern, max(1, last.seq - _HEADS), _HEADS)
        if not found or found[-1].pending:
            return [] if taken(newest) else [newest]
        fresh = [stored for m in reversed(found) if not taken(stored := as_stored(m))]
        return fresh[:count]

    async def _level(self, level: int, count: int, taken: Taken) -> list[Stored]:
        pattern = self._store.names.line(level)
        start, asked = self._start_of(level), count
        found = await self._read(pattern, start, asked)
        if not found and start > 1:
            found = await self._read(pattern, 1, asked)
        self._seen[level] = [m.seq for m in found]
        if found:
            self._store.fronts[level] = found[0].seq
        tickets: list[Stored] = []
        while found:
            fresh = (as_stored(m) for m in found if m.seq not in self._gone)
            tickets += [stored for stored in fresh if not taken(stored)]
            if len(tickets) >= count or (len(found) < asked and not found[-1].pending):
                break
            asked = max(count, _MORE)
            found = await self._read(pattern, found[-1].seq + 1, asked)
        return tickets[:count]

    def _start_of(self, level: int) -> int:
        """No ticket of the level that is still there is before this sequence."""
        seen = self._seen.get(level) or [self._store.fronts.get(level, 1)]
        return next((seq for seq in seen if seq not in self._gone), seen[-1] + 1)

    async def _read(self, pattern: str, start: int, count: int) -> list[StoredMessage]:
        """The tickets of a line from a sequence on, at most so many."""
        if count == 1 and start > 1:
            one = await next_in(self._store, pattern, start)
            return [] if one is None else [one]
        found = await self._neighbours(pattern, start, count) if self._dense else []
        if len(found) < count:
            found = await self._batch(pattern, start, count)
            self._dense = len(found) == count and found[-1].seq < start + _SPREAD * count
        return found

    async def _batch(self, pattern: str, start: int, count: int) -> list[StoredMessage]:
        query = {"next_by_subj": pattern, "seq": start, "batch": count, "max_bytes": _MAX_BYTES}
        return await self._store.wire.get_batch(self._store.names.space.jobs, query)

    async def _neighbours(self, pattern: str, start: int, count: int) -> list[StoredMessage]:
        """Up to `count` tickets of the next sequences: for these the server need not count what
        waits behind them.
        """
        seqs = range(start, start + _SPREAD * count)
        messages = await by_sequence(self._store.wire, self._store.names.space.jobs, seqs)
        line = pattern.partition("*")[0]
        found = [m for m in messages if m is not None and m.subject.startswith(line)]
        return found[:count]
