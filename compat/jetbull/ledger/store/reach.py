"""Where the messages of a state lay when somebody last looked."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

__all__ = ["Reach"]

_FRESH_S = 2.0  # hardly more is added meanwhile than the server looks through in 10 ms


@dataclass(slots=True)
class Reach:
    """What is known of the messages of a state, or of one family of them, from the last look.

    `first` is a sequence before which there are none, of the connection numbered `connection`: a
    server that was killed may give sequences out again. `spread` (sequences for each message),
    `back` (sequence and subject of the newest, oldest first), `still` (the connection over which
    the last two looks found the same there) and `few` (None: nobody looked yet) are good for a
    guess.
    """

    first: int = 1
    connection: int = 0
    spread: float = 1.0
    back: tuple[tuple[int, str], ...] = ()
    still: int = 0
    few: bool | None = None
    looked: float = 0.0

    def note(self, few: bool) -> None:
        """Remembers whether there were few, and when that was seen."""
        self.few, self.looked = few, monotonic()

    @property
    def is_fresh(self) -> bool:
        """Whether somebody has looked a moment ago."""
        return monotonic() - self.looked < _FRESH_S
