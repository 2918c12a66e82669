"""Which jobs hold the places of a global concurrency, as it is stored: one small message.

A place belongs to a job and not to a worker: a job may be claimed while it is in the book, by
whoever does it, and only from the ticket the book names. So a place is free for certain once its
job runs no more and has moved on from that ticket, and nobody's clock decides it.
"""

from __future__ import annotations

import json
from typing import NamedTuple

__all__ = ["Book", "HeldPlace", "decode", "encode", "is_waiting", "used"]


class HeldPlace(NamedTuple):
    """One job's place: the sequence of the ticket it may be claimed from, and since when.

    Sequence 0: the job was active when somebody looked, and nobody knows from which ticket.
    One that comes `after` a job (its token, claimed from ticket `after_seq`) shares that one's
    place while it is in the book, and may not be claimed before it is over.
    """

    seq: int
    since_ms: int
    after: str = ""
    after_seq: int = 0


Book = dict[str, HeldPlace]
"""Places by job token (the escaped id)."""


def is_waiting(book: Book, place: HeldPlace) -> bool:
    """Whether the place is still that of the job before."""
    before = book.get(place.after) if place.after else None
    return before is not None and before.seq == place.after_seq


def used(book: Book) -> int:
    """How many places are taken."""
    return len(book) - sum(1 for place in book.values() if is_waiting(book, place))


def encode(book: Book) -> bytes:
    """The book as it is stored."""
    return json.dumps(
        {"jobs": {t: p if p.after else p[:2] for t, p in book.items()}}, separators=(",", ":")
    ).encode()


def decode(payload: bytes) -> Book | None:
    """The stored book; None for what is none, as the bare number that stood there before."""
    try:
        jobs = json.loads(payload)["jobs"]
        book = {token: HeldPlace(*row) for token, row in jobs.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    numbers = [number for place in book.values() for number in (place.seq, place.since_ms)]
    return book if all(type(number) is int for number in numbers) else None
