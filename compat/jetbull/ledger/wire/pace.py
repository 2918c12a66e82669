"""Which of two ways takes less time just now is measured: by what each took the last times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

_QUICK = 0.002  # seconds: below, the other way is not tried
_WEIGHT = 0.25  # of a measurement
_LEAST = 0.1  # part of what is expected: less is told of those that end together
_TRIES = 64  # trying the other way may cost one part in so many


class Way:
    """How long one way is expected to take, and how many times as long it takes just now."""

    __slots__ = ("_base", "_each", "_factor")

    def __init__(self, base: float, each: float) -> None:
        """Seconds, apart from the messages and for each of them."""
        self._base = base
        self._each = each
        self._factor = 1.0

    def seconds(self, messages: int) -> float:
        """What so many messages will take."""
        return self._factor * (self._base + self._each * messages)

    def learn(self, messages: int, seconds: float, among: int = 1) -> None:
        """So many messages took so long, `among` so many insertions that were under way."""
        # A factor, not an addition: where the machine is slow, or the server writes through to the
        # disk, each message takes longer.
        factor = seconds / (self._base + self._each * messages)
        # Those of which answers come together took the time of the first of them. And one that had
        # to wait for something else tells little, whatever it took.
        factor = min(factor, 2 * among * self._factor)
        self._factor += _WEIGHT / among * (factor - self._factor)
        self._factor = max(self._factor, _LEAST)


class Pace:
    """Two ways to store some messages.

    The first way is taken until it proves to be slow, then the quicker one, and the other now and
    then: the less often the slower it was.
    """

    __slots__ = ("_ended", "_first", "_left", "_second", "_under_way")

    def __init__(self, first: Way, second: Way) -> None:
        self._first = first
        self._second = second
        self._left = float(_TRIES)
        self._ended = 0.0  # when the last insertion did, whichever way it went
        self._under_way = 0

    def takes_first(self, messages: int) -> bool:
        """Whether the next so many messages should go the first way."""
        first, second = self._first.seconds(messages), self._second.seconds(messages)
        if first <= _QUICK:
            return True
        quicker, slower = sorted((first, second))
        self._left -= 1
        wins = first <= second
        if self._left > 0:
            return wins
        self._left = _TRIES * max(1.0, slower / max(quicker, _QUICK))
        return not wins

    @contextmanager
    def timed(self, first: bool, messages: int) -> Iterator[None]:
        """Measures one insertion of so many messages, unless it fails.

        The server stores one behind the other: of those that are under way at once, each takes the
        time since the one before it was stored.
        """
        self._under_way += 1
        among, begun = self._under_way, monotonic()
        try:
            yield
        finally:
            among, self._under_way = max(among, self._under_way), self._under_way - 1
            ended = monotonic()
            seconds, self._ended = ended - max(begun, self._ended), ended
        way = self._first if first else self._second
        way.learn(messages, seconds, among)


__all__ = ["Pace", "Way"]
