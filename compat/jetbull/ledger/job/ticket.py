"""A job that may be started."""

from __future__ import annotations

from dataclasses import dataclass

from jetbull.ledger.messages.record import Stored


@dataclass(slots=True)
class Ticket:
    """A waiting job handed out by a consumer (`reply` acks it) or read from the head.

    A `contested` one that is refused was taken by another worker; nobody looks into it.
    """

    stored: Stored
    reply: str = ""
    since: float = 0.0
    contested: bool = False


__all__ = ["Ticket"]
