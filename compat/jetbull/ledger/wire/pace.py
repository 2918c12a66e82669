"""Which of two ways takes less time just now is measured: by what each took the last times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

_FIRST_EACH, _SECOND_EACH = 0.00006, 0.00003  # seconds a message takes by either way
_QUICK = 0.002  # seconds: below, the other way is not tried
_WEIGHT = 0.25  # of the last measurement
_TRIES = 64  # trying the other way may cost one part in so many


class Pace:
    """Two ways to store some messages, and the seconds each takes beyond the messages' own.

    The first way, of which a message costs more, is taken until it proves to be slow, then the
    quicker one, and the other now and then: the less often the slower it was.
    """

    __slots__ = ("_first", "_last", "_left", "_second", "_shared", "_under_way")

    def __init__(self, first: float, second: float) -> None:
        """What is to be expected of the ways, in seconds, until it was measured."""
        self._first = first
        self._second = second
        self._left = float(_TRIES)
        self._under_way = 0
        self._shared = self._last = 0.0

    def takes_first(self, messages: int) -> bool:
        """Whether the next so many messages should go the first way."""
        first = self._first + (_FIRST_EACH - _SECOND_EACH) * messages
        if first <= _QUICK:
            return True
        quicker, slower = sorted((first, self._second))
        self._left -= 1
        wins = first <= self._second
        if self._left > 0:
            return wins
        self._left = _TRIES * max(1.0, slower / max(quicker, _QUICK))
        return not wins

    @contextmanager
    def timed(self, first: bool, messages: int) -> Iterator[None]:
        """Measures one insertion of so many messages, unless it fails.

        Of those that are under way at once, each counts for its share of the time.
        """
        self._elapse()
        self._under_way += 1
        begun = self._shared
        try:
            yield
        finally:
            self._elapse()
            self._under_way -= 1
        seconds = self._shared - begun
        if first:
            beyond = max(0.0, seconds - _FIRST_EACH * messages)
            self._first += _WEIGHT * (beyond - self._first)
        else:
            beyond = max(0.0, seconds - _SECOND_EACH * messages)
            self._second += _WEIGHT * (beyond - self._second)

    def _elapse(self) -> None:
        """Gives what is under way its share of the time until now."""
        now = monotonic()
        if self._under_way:
            self._shared += (now - self._last) / self._under_way
        self._last = now


__all__ = ["Pace"]
