"""A job's id as the collection of its state holds it: where it stands, and when it is due."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bull2jet.model import State

STEPS = 4096  # delayed: score = due ms * 4096 + a tie-breaker
LEVEL = 1 << 32  # prioritized: score = priority * 2^32 + counter
_LEVELS = 1 << 21  # the lowest priority
NEVER = 2**53 - 1  # ms, the last that JavaScript counts


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
        return NEVER if listing.score > 0 else 0
    return min(max(0, int(listing.score) // STEPS), NEVER)


def level_of(listing: Listing) -> int | None:
    """The priority by which a prioritized job stands in line, None in other states."""
    if listing.state is not State.PRIORITIZED or listing.score is None:
        return None
    return int(min(max(1, listing.score / LEVEL), _LEVELS))


__all__ = ["LEVEL", "NEVER", "STEPS", "Listing", "due_of", "level_of"]
