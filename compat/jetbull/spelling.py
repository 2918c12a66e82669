"""A word to callers who miswrite the name of an option.

Names that are not known are kept with a job and change nothing, as in BullMQ; but one that is
nearly that of an option was meant to be it, and its job would quietly go another way.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache

from jetbull.warn import warn_caller

_ALIKE = 0.85  # attempt, atempts and removeOnCompleted are as near to what is meant


def look_over(kind: str, given: Iterable[str], known: frozenset[str]) -> None:
    """Warns of each name that is none of the known ones, and nearly one of them.

    `kind` is what has the options, as "a job".
    """
    if known.issuperset(given):
        return
    for name in given:
        if name not in known and isinstance(name, str) and (meant := _meant(name, known)):
            warn_caller(
                f"{name!r} is no option of {kind} and changes nothing: did you mean {meant!r}?",
                UserWarning,
            )


@lru_cache(maxsize=1000)
def _meant(name: str, known: frozenset[str]) -> str | None:
    plain = {_plain(one): one for one in known}
    near = get_close_matches(_plain(name), plain, 1, _ALIKE)
    return plain[near[0]] if near else None


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


__all__ = ["look_over"]
