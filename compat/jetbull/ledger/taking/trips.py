"""How long tickets take from the server to a worker: what is fetched ahead depends on it."""

from __future__ import annotations

_NEWS = 0.3  # how much the last trip says
_LONGEST_SECONDS = 0.25  # more is not planned for: jobs must not be held for long


class Trips:
    """Learns from the trips of one worker's requests; `seconds` is about what the next takes."""

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """A request was answered after so long."""
        self.seconds = min(self.seconds + (seconds - self.seconds) * _NEWS, _LONGEST_SECONDS)


__all__ = ["Trips"]
