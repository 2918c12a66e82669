"""The head of the queue as one worker knows it: a stack of its newest jobs, read many at a time.

What lies in the stack is not held: it is the server that knows who has a job, and a claim of one
that another worker took is refused. So nothing has to be given back, and a worker that dies with a
full stack loses no job.

Everything at the head between `_floor` and `_top` was read. What came later is told (a hint, or
this process's own counter) and then looked for before anything else is handed out; what lies below
is read when the stack is empty. Before the head counts as empty, the server is asked for the newest
job of all.
"""

from __future__ import annotations

import asyncio
from typing import Any

from jetbull.ledger.job.reading import as_stored
from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.messages.names import HEAD
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

_MOST = 256  # jobs of one answer
_HELD = 2 * _MOST  # jobs on the stack
_MAX_BYTES = 4 * 1024 * 1024  # and their size
_FIRST = 16  # sequences read at once to begin with
_WIDEST = 4096  # and at the most: the server goes through all that lie between
_FEW = 2  # newer jobs are looked for one by one, up to so many
_RIVALS = 4  # refusals in a row until the server is asked which jobs are left
_REMEMBERED = 10_000


class Head:
    """Tickets of the queue's head, newest first."""

    def __init__(self, store: QueueStore) -> None:
        self._store = store
        self._stack: list[Stored] = []  # the newest is the last
        self._floor = self._top = 0  # 0: not known
        self._several = False  # the newest job was not the only one
        self._width = _FIRST
        self._told = True
        self._hints = 0
        self._known = store.heads
        self._claiming: set[int] = set()
        self._settled = asyncio.Event()
        self._refused: set[int] = set()
        self._rivals = 0
        self._lock = asyncio.Lock()
        self._looks = 0  # begun

    def __len__(self) -> int:
        """Jobs on the stack."""
        return len(self._stack)

    @property
    def may_be(self) -> bool:
        """Whether there may be jobs at the head."""
        return bool(self._stack or self._floor or self._unsure)

    @property
    def _unsure(self) -> bool:
        """Whether a newer job may have come than those on the stack."""
        return self._told or self._known != self._store.heads

    @property
    def signs(self) -> int:
        """Grows whenever a newer job may have come."""
        return self._hints + self._store.heads

    def tell(self) -> None:
        """A newer job may have come."""
        self._told = True
        self._hints += 1

    def forget(self) -> None:
        """What was read may not be true any more."""
        self._clear()
        self._told = True

    def pop(self) -> Ticket | None:
        """The newest job, if that can be told without asking the server."""
        return None if self._unsure or self._rivals >= _RIVALS else self._take()

    def _take(self) -> Ticket | None:
        if not self._stack:
            return None
        stored = self._stack.pop()
        self._claiming.add(stored.seq)
        return Ticket(stored, contested=stored.seq not in self._refused)

    async def next(self) -> Ticket | None:
        """The newest job at the head that nobody here is claiming, as it was at some moment since
        this was asked; None when there is none.

        `settled` has to be told how its claim went.
        """
        looks = self._looks
        async with self._lock:
            while True:
                # One look is for all who waited for it. What came meanwhile is for the next one:
                # where jobs come all the time, nobody would get any.
                ticket = self._take() if self._looks > looks else self.pop()
                if ticket is not None or not self.may_be:
                    return ticket
                try:
                    await self._look()
                except BaseException:
                    self._told = True  # what was to be looked for was not seen
                    raise

    def settled(self, ticket: Ticket, won: bool) -> None:
        """The claim of a ticket is over."""
        seq = ticket.stored.seq
        if seq not in self._claiming:
            return
        self._claiming.remove(seq)
        self._settled.set()
        if won:
            self._rivals = 0
            return
        self._rivals += 1
        if len(self._refused) >= _REMEMBERED:
            self._refused.clear()
        self._refused.add(seq)

    # --- looking -----------------------------------------------------------------------

    async def _look(self) -> None:
        """Asks the server once or a few times; what is found is on the stack."""
        newer, self._told, self._known = self._unsure, False, self._store.heads
        self._looks += 1
        # A replica may be behind: then the leader is asked for the newest.
        if self._floor and self._rivals < _RIVALS and self._store.names.space.replicas == 1:
            known = not newer or await self._read_newer()
            if known and self._stack:
                return
            if known and self._several and await self._read_below(self._floor - 1):
                return
        await self._look_at_the_top()

    async def _look_at_the_top(self) -> None:
        self._settled.clear()
        self._rivals = 0
        found = await self._last()
        if found is None:
            self._clear()
            return
        newest = as_stored(found)
        if self._floor <= newest.seq <= self._top:
            # Others took what was newer.
            self._stack = [s for s in self._stack if s.seq < newest.seq]
        elif self._floor and await self._read_up_to(newest.seq):
            return
        else:
            self._stack, self._floor, self._top = [], newest.seq, newest.seq
            if self._several:
                await self._read_below(newest.seq - 1)
        self._several = True
        if newest.seq not in self._claiming:
            self._stack.append(newest)
        elif not self._stack and not await self._read_below(self._floor - 1):
            # All that is near is being claimed here; what is behind is seen when that is over.
            await self._settled.wait()

    async def _read_newer(self) -> bool:
        """Puts what came since on the stack; False when that is more than one answer holds."""
        for _ in range(_FEW):
            query = {"next_by_subj": self._pattern, "seq": self._top + 1}
            found = await self._store.wire.get_one(self._store.names.space.jobs, query)
            if found is None:
                return True
            self._put([found])
        several = await self._from(self._top + 1)
        self._put(several)
        return not several or not several[-1].pending

    async def _read_up_to(self, seq: int) -> bool:
        """Puts all that is newer on the stack, if one answer holds it and reaches so far."""
        found = await self._from(self._top + 1)
        if not found or found[-1].seq < seq or found[-1].pending:
            return False
        self._put(found)
        return True

    def _put(self, found: list[StoredMessage]) -> None:
        for message in found:
            self._top = message.seq
            self._stack.append(as_stored(message))
        if len(self._stack) > _HELD:
            del self._stack[:-_HELD]
            self._floor = self._stack[0].seq

    async def _read_below(self, end: int) -> bool:
        """Fills the empty stack with the newest jobs up to a sequence; False when none is near."""
        while end > 0:
            start = max(1, end - self._width + 1)
            found = await self._from(start)
            if found and found[-1].pending and found[-1].seq < end:
                # The server begins with the oldest: there is more than one answer holds.
                share = 2 * (len(found) + found[-1].pending)
                self._width = max(1, self._width * len(found) // share)
                continue
            fresh = [m for m in found if m.seq <= end and m.seq not in self._claiming]
            self._stack = [as_stored(m) for m in fresh]
            self._floor = start
            wanted = self._width * _MOST * 3 // 4 // max(1, len(fresh))
            self._width = max(1, min(wanted, self._width * 2, _WIDEST))
            self._several = bool(fresh)
            return self._several
        return False

    async def _from(self, seq: int) -> list[StoredMessage]:
        query: dict[str, Any] = {"next_by_subj": self._pattern, "seq": seq}
        query |= {"batch": _MOST, "max_bytes": _MAX_BYTES}
        return await self._store.wire.get_batch(self._store.names.space.jobs, query)

    async def _last(self) -> StoredMessage | None:
        wire, jobs = self._store.wire, self._store.names.space.jobs
        if self._store.names.space.replicas > 1:
            return await wire.get_last(jobs, self._pattern)
        return await wire.get_one(jobs, {"last_by_subj": self._pattern})

    @property
    def _pattern(self) -> str:
        return self._store.names.all_in(HEAD)

    def _clear(self) -> None:
        self._stack.clear()
        self._floor = self._top = 0
        self._several = False
        self._refused.clear()


__all__ = ["Head"]
