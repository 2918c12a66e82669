"""Which jobs hold the places of a global concurrency, as it is stored: one small message.

A place belongs to a job and not to a worker: a job may be claimed while it is in the book, by
whoever does it, and only from the ticket the book names. So a place is free for certain once its
job runs no more and has moved on from that ticket, and nobody's clock decides it.
"""

from __future__ import annotations

import json
from typing import NamedTuple

__all__ = ["Book", "Place", "decode", "encode"]


class Place(NamedTuple):
    """One job's place: the sequence of the ticket it may be claimed from, and since when.

    Sequence 0: the job was active when somebody looked, and nobody knows from which ticket.
    """

    seq: int
    since_ms: int


Book = dict[str, Place]
"""Places by job token (the escaped id)."""


def encode(book: Book) -> bytes:
    """The book as it is stored."""
    return json.dumps({"jobs": book}, separators=(",", ":")).encode()


def decode(payload: bytes) -> Book | None:
    """The stored book; None for the bare number that stood there before there was one."""
    body = json.loads(payload)
    if not isinstance(body, dict):
        return None
    return {token: Place(*row) for token, row in body["jobs"].items()}
