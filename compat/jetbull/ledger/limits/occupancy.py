"""Which jobs run, seen from the jobs themselves: what the book of places is checked against."""

from __future__ import annotations

import asyncio
from collections.abc import Container

from jetbull.ledger.job import late
from jetbull.ledger.job.reading import as_stored
from jetbull.ledger.limits.place_book import Book, HeldPlace
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import ACTIVE, STALLED, bare_token, state_of
from jetbull.ledger.messages.tokens import unescape
from jetbull.ledger.queue.counting import list_subjects
from jetbull.ledger.store.store import QueueStore

_AT_ONCE = 32


async def running(store: QueueStore) -> set[str]:
    """The tokens of all jobs that count: active, or stalled and not seen to yet."""
    # One after the other: a lock that expires in between is seen at least once.
    active = await list_subjects(store, store.names.all_in(ACTIVE))
    stalled = await list_subjects(store, store.names.all_in(STALLED))
    return {bare_token(subject) for subject in (*active, *stalled)}


async def may_run(store: QueueStore, token: str, seq: int) -> bool:
    """Whether the job runs, or may still be claimed from ticket `seq`."""
    newest = await store.newest(unescape(token))
    if newest is None:
        return False
    if newest.seq == seq or state_of(newest.subject) in (ACTIVE, STALLED):
        return True
    # A ticket that fired late is dropped, and then the one before it counts again.
    return bool(seq) and await late.stands_behind(store, as_stored(newest), seq)


async def corrected(store: QueueStore, book: Book, found: set[str], ended: Container[str]) -> Book:
    """The book as the jobs say it is: `found` is what `running` gave before it was read.

    A job that has `ended` here may have been found still; it gets no place for that.
    """
    book = dict(book)
    doubtful = [token for token in book if token not in found]
    for at in range(0, len(doubtful), _AT_ONCE):
        some = doubtful[at : at + _AT_ONCE]
        kept = await asyncio.gather(*(may_run(store, token, book[token].seq) for token in some))
        for token, keep in zip(some, kept, strict=True):
            if not keep:
                del book[token]
    now = now_ms()
    for token in found:
        if token not in book and token not in ended:
            book[token] = HeldPlace(0, now)
    return book


__all__ = ["corrected", "may_run", "running"]
