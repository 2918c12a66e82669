"""An answer about a stream that is kept as long as the stream is as it was.

What the server says of a stream (its first and last message, their times, how many there are)
changes with each message that is stored or removed. Where it does not, nobody has to count again.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any, Generic, TypeVar

__all__ = ["Kept"]

Answer = TypeVar("Answer")

_SETTLED_S = 0.05  # behind a change; the server's counters follow within milliseconds
_GOOD_S = 5.0  # should they take longer for once: then they are looked at again
_MOST_PASSED_OVER = 31


class Kept(Generic[Answer]):
    """One answer, and the state of the stream it belongs to."""

    def __init__(self) -> None:
        self._state: Any = None
        self._since = 0.0
        self._answer: Answer | None = None
        self._until = 0.0
        self._knows_state = False
        self._passing_over = 0  # looks that are still to be left out
        self._passed_over = 0  # how many were left out in a row the last time

    @property
    def has_answer(self) -> bool:
        """Whether one is kept, good or not."""
        return self._answer is not None

    def is_worth_a_look(self) -> bool:
        """Whether to ask for the stream's state before the answer: less and less often while it
        changes from look to look.
        """
        self._knows_state = self._passing_over == 0
        if self._knows_state:
            return True
        self._passing_over -= 1
        return False

    def recall(self, info: Mapping[str, Any]) -> Answer | None:
        """The answer if the stream is as it was, by the server's word; else None."""
        self._knows_state = True
        state = {"created": info.get("created"), **info["state"], "consumer_count": 0}
        if state == self._state:
            self._passed_over = 0
            return self._answer if monotonic() < self._until else None
        self._state, self._since, self._answer = state, monotonic(), None
        self._passed_over = min(2 * self._passed_over + 1, _MOST_PASSED_OVER)
        self._passing_over = self._passed_over
        return None

    def keep(self, answer: Answer, is_exact: bool) -> None:
        """Keeps an answer that was asked for behind the stream's state.

        One that is not exact may be a little behind the stream: it is kept no longer than the
        stream has been at rest.
        """
        now = monotonic()
        at_rest = now - self._since
        if self._knows_state and (is_exact or at_rest > _SETTLED_S):
            self._answer = answer
            self._until = float("inf") if is_exact else now + min(_GOOD_S, at_rest)
