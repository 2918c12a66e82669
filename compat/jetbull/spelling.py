"""A word to callers who miswrite the name of an option, an event or a state.

Names that are not known change nothing, as in BullMQ; but one that is nearly that of an option was
meant to be it, and its job would quietly go another way, its listener never be called.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache

from jetbull.ledger.messages.names import PUBLIC_STATES
from jetbull.warn import warn_caller

_STATES = frozenset({*PUBLIC_STATES, "paused", "wait"})
_EVENTS = _STATES - {"prioritized", "wait"} | {
    "added",
    "cleaned",
    "closed",
    "closing",
    "deduplicated",
    "drained",
    "duplicated",
    "error",
    "lockRenewalFailed",
    "locksRenewed",
    "progress",
    "ready",
    "removed",
    "resumed",
    "retries-exhausted",
    "stalled",
}
_ALIKE = 0.85  # attempt, atempts and removeOnCompleted are as near to what is meant


def look_over(kind: str, given: Iterable[str], known: frozenset[str]) -> None:
    """Warns of each name that is none of the known ones, and nearly one of them.

    `kind` is what has the options, as "a job".
    """
    if not known.issuperset(given):
        _tell(f"is no option of {kind} and changes nothing", given, known)


def look_at_states(asked: Iterable[str]) -> None:
    """Warns of each name that is no state of a job, and nearly one."""
    if not _STATES.issuperset(asked):
        _tell("is no state of a job, so there are none in it", asked, _STATES)


def look_at_event(name: str) -> None:
    """Warns of a name that is none of the events of a queue or worker, and nearly one of them.

    Those of a single job, as `completed:7`, are not looked at.
    """
    if name not in _EVENTS and ":" not in str(name):
        _tell("is an event that is not told", [name], _EVENTS)


def _tell(wrong: str, given: Iterable[str], known: frozenset[str]) -> None:
    for name in given:
        if name not in known and isinstance(name, str) and (meant := _meant(name, known)):
            warn_caller(f"{name!r} {wrong}: did you mean {meant!r}?", UserWarning)


@lru_cache(maxsize=1000)
def _meant(name: str, known: frozenset[str]) -> str | None:
    plain = {_plain(one): one for one in known}
    near = get_close_matches(_plain(name), plain, 1, _ALIKE)
    return plain[near[0]] if near else None


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


__all__ = ["look_at_event", "look_at_states", "look_over"]
