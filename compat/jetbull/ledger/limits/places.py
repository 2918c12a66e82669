"""Jobs at once over all workers: who may start is written down first, for many in one message.

The book of places (see `place_book`) is changed only against the sequence last seen, so two workers
never give the same room away. Whoever finished a job strikes it out in the write that lets the next
ones in. What nobody struck out (killed workers, expired locks, jobs moved by hand) is found by a
look at the jobs themselves.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from time import monotonic
from uuid import uuid4

from jetbull.errors import Conflict, JetbullError, PayloadTooLarge
from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.limits.occupancy import corrected, may_run, running
from jetbull.ledger.limits.place_book import Book, HeldPlace, decode, encode, is_waiting, used
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.guard import expected
from jetbull.ledger.messages.names import bare_token
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.store.store import QueueStore
from jetbull.tasks import background

__all__ = ["GRACE_MS", "Places"]

log = logging.getLogger("jetbull.ledger")

#: A job that got a place and is not claimed after this may be claimed by any worker.
GRACE_MS = 1000
_CHECK_SECONDS = 1.0  # jobs that run without a place are found after this
_RECHECK_SECONDS = 0.2  # without room the jobs are looked at no more often


class Places:
    """The places of one queue, as one worker gives and takes them."""

    def __init__(self, store: QueueStore) -> None:
        self._store = store
        self._subject = store.names.aux("gate", "slots")
        self.owner = uuid4().hex[:8]
        self._book: Book = {}
        self._seq = 0
        self._fresh = False  # whether the book is as it was last seen here
        self._checked = float("-inf")
        self._ended: dict[str, int] = {}  # finished here: token -> ticket, not struck out yet
        self._reserved: Book = {}  # this worker's own, for jobs it has not begun to claim
        self._confirming: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self.freed = False  # whether places became free, which others may want to know

    def forget(self) -> None:
        """What is known may not be true any more (a reconnect, a new limit)."""
        self._fresh = False
        self._checked = float("-inf")

    def changed(self) -> None:
        """Another worker changed the book."""
        self._fresh = False

    def ended(self, ticket: Stored) -> None:
        """The job that was claimed here from that ticket runs no more."""
        self._ended[_token(ticket)] = ticket.seq

    async def lost(self, ticket: Stored) -> None:
        """The job was not claimed here; another worker may have."""
        if not await may_run(self._store, _token(ticket), ticket.seq):
            self.ended(ticket)

    @property
    def owes(self) -> bool:
        """Whether places are free that nobody else knows of."""
        if not (self._ended or self._reserved):
            return False
        book = self._struck()
        unused = [p for t, p in self._reserved.items() if book.get(t) == p]
        return used(book) < used(self._book) or any(not is_waiting(book, p) for p in unused)

    def room(self, limit: int) -> int:
        """How many jobs may start, as far as is known here."""
        return limit - used(self._struck()) if self._fresh else limit

    def is_in(self, ticket: Stored) -> bool:
        """Whether the job is in the book, as far as is known here."""
        return _token(ticket) in self._book

    def holds(self, ticket: Stored) -> bool:
        """Whether somebody is claiming this ticket, or did: then it is no ticket for others.

        One that is there for longer than `GRACE_MS` is.
        """
        token = _token(ticket)
        place = self._book.get(token)
        if place is None or 0 < place.seq < ticket.seq or self._reserved.get(token) == place:
            return False
        return place.seq != ticket.seq or place.since_ms > now_ms() - GRACE_MS

    async def admit(
        self, tickets: Sequence[Ticket], limit_now: Callable[[], int | None], sure: bool = False
    ) -> list[Ticket]:
        """Those of the tickets that may be claimed now, in their order; they must be claimed.

        `limit_now` is asked again for each write. `sure`: the jobs themselves are looked at first.
        """
        async with self._lock:
            while True:
                limit = limit_now()
                if limit is None:
                    return list(tickets)
                if not self._fresh:
                    await self._read()
                if not sure and self._use_reserved(tickets, limit):
                    return list(tickets)
                if sure or monotonic() - self._checked > _CHECK_SECONDS:
                    book = await self._checked_book()
                else:
                    book = self._struck()
                self._drop_reserved(book)
                granted = self._grant(book, tickets, limit)
                if not granted and monotonic() - self._checked > _RECHECK_SECONDS:
                    book = await self._checked_book()
                    self._drop_reserved(book)
                    granted = self._grant(book, tickets, limit)
                if book == self._book or await self._write(book):
                    self._reserved.clear()
                    return granted
                sure = False

    async def close(self) -> None:
        """Gives back what is not used here, once nothing is under way any more."""
        if self._confirming is not None:
            await asyncio.wait([self._confirming])
        await self.settle()

    async def settle(self) -> None:
        """Strikes out what ended here."""
        async with self._lock:
            while self.owes:
                if not self._fresh:
                    await self._read()
                book = self._struck()
                self._drop_reserved(book)
                if book == self._book:
                    self._ended.clear()
                    self._reserved.clear()
                elif await self._write(book):
                    self._reserved.clear()

    # --- the job after the one that ends -------------------------------------------------

    def reserve(self, ending: Stored, next_up: Stored, limit: int) -> None:
        """Writes down that `next_up` has the place of the job whose outcome is on its way.

        Sent at once and seen to later; nothing happens if it is refused.
        """
        if not self._fresh or self._lock.locked() or self._store.wire.crowded:
            return
        book, token, before = self._struck(), _token(next_up), _token(ending)
        place = HeldPlace(next_up.seq, now_ms(), before, ending.seq)
        if token in book or before not in book or used(book) > limit:
            return
        book[token] = place
        if not is_waiting(book, place):
            return
        headers = expected(self._subject, self._seq)
        answer = self._store.wire.post_now(self._subject, encode(book), headers)
        self._fresh = False
        confirm = self._confirm(answer, book, token)
        self._confirming = background(confirm)

    async def _confirm(self, answer: asyncio.Future[int], book: Book, token: str) -> None:
        async with self._lock:
            try:
                seq = await answer
            except JetbullError as error:
                log.debug("no place is reserved: %s", error)
                return
            if seq > self._seq:
                self._stored(book, seq)
            if self._book.get(token) == book[token]:
                self._reserved[token] = book[token]

    def _use_reserved(self, tickets: Sequence[Ticket], limit: int) -> bool:
        """Whether these are exactly the jobs that places were reserved for, and may start."""
        if not self._reserved or monotonic() - self._checked > _CHECK_SECONDS:
            return False
        book = self._struck()
        if {_token(t.stored): t.stored.seq for t in tickets} != {
            token: place.seq for token, place in self._reserved.items()
        }:
            return False
        for token, place in self._reserved.items():
            if book.get(token) != place or is_waiting(book, place):
                return False
        if used(book) > limit:
            return False
        self._reserved.clear()
        return True

    def _drop_reserved(self, book: Book) -> None:
        """Strikes out what was reserved here; nobody else can have begun to claim it.

        Whoever wants to writes that down first, and then it is not as it was reserved any more.
        """
        for token, place in self._reserved.items():
            if book.get(token) == place:
                del book[token]

    # --- the book ----------------------------------------------------------------------

    def _struck(self) -> Book:
        if not self._ended:
            return dict(self._book)
        return {t: p for t, p in self._book.items() if not _is_of(p, self._ended.get(t, -1))}

    def _grant(self, book: Book, tickets: Sequence[Ticket], limit: int) -> list[Ticket]:
        """Writes the first tickets that have room into the book."""
        granted = []
        now = now_ms()
        for ticket in tickets:
            token, seq = _token(ticket.stored), ticket.stored.seq
            place = book.get(token)
            if place is not None and (place.seq > seq or place.seq == 0):
                continue
            if place is not None and place.seq == seq and place.since_ms > now - GRACE_MS:
                continue  # somebody else is claiming it
            if place is not None and is_waiting(book, place):
                continue
            book[token] = HeldPlace(seq, now)
            if place is not None and place.seq == seq:
                granted.append(ticket)  # it has its place
                continue
            if used(book) > limit:
                if place is None:
                    del book[token]
                else:
                    book[token] = place
                break
            granted.append(ticket)
        return granted

    async def _read(self) -> None:
        found = await self._store.last(self._subject)
        book = {} if found is None else decode(found.data)
        if book is None or found is None:
            self._checked = float("-inf")
        self._book, self._seq = book or {}, found.seq if found else 0
        self._fresh = True

    async def _write(self, book: Book) -> bool:
        """Stores the book unless another was meanwhile."""
        headers = expected(self._subject, self._seq)
        self._fresh = False
        try:
            seq = await self._store.put(self._subject, encode(book), headers)
        except Conflict:
            return False
        except PayloadTooLarge:
            log.warning("the server's max_payload has no room for more places at once")
            self._fresh = True
            raise
        self._stored(book, seq)
        return True

    def _stored(self, book: Book, seq: int) -> None:
        self.freed = self.freed or used(book) < used(self._book)
        self._book, self._seq, self._fresh = book, seq, True
        self._ended = {t: n for t, n in self._ended.items() if _is_of(book.get(t), n)}

    async def _checked_book(self) -> Book:
        """The book as the jobs say it is."""
        found = await running(self._store)
        book = await corrected(self._store, self._struck(), found, self._ended)
        self._checked = monotonic()
        return book


def _token(ticket: Stored) -> str:
    return bare_token(ticket.subject)


def _is_of(place: HeldPlace | None, seq: int) -> bool:
    """Whether it is the place of a job that was claimed from ticket `seq`."""
    return place is not None and (place.seq == seq or (place.seq == 0 and seq >= 0))
