"""A job's id as the collection of its state holds it: where it stands, and when it is due."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bull2jet.model import State

_SCORE_STEPS = 4096  # delayed: score = due ms * 4096 + a tie-breaker
_NEVER = 2**53 - 1  # ms, the last that JavaScript counts: a due time that Redis holds as infinite


@dataclass(frozen=True, slots=True)
class Listing:
    """An id as a state's collection holds it."""

    id: str
    state: State
    position: int
    score: float | None = None


def due_of(listing: Listing) -> int | None:
    """When a delayed job becomes ready (BullMQ `getDelayedScore`), None in other states."""
    if listing.state is not State.DELAYED or listing.score is None:
        return None
    if math.isinf(listing.score):
        return _NEVER if listing.score > 0 else 0
    return int(listing.score) // _SCORE_STEPS


__all__ = ["Listing", "due_of"]
