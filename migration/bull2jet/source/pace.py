"""How much to ask of Redis at once, and when to let it rest.

A pipeline may take long because Redis is busy, because the way is long, or because this process
got no processor. Only the first is a reason to ask for less, and a small question tells: a PING
that has to wait longer than the way takes finds a busy server.
"""

from __future__ import annotations

from dataclasses import dataclass

import anyio

_BATCH = 500  # jobs per pipeline at most
_SMALLEST = 25
_SLOW = 0.25  # seconds a pipeline may take before Redis is asked how it is
_BUSY = 0.1  # seconds a PING may take beyond the way there and back
_LONGEST_REST = 1.0


@dataclass(slots=True)
class Pace:
    """Learnt from how long the answers take."""

    limit: int = _BATCH
    size: int = _BATCH
    #: jobs a second at most, 0 for as fast as Redis likes
    rate: float = 0.0
    #: seconds a PING took when the connection was new
    way: float = 0.0
    #: seconds to leave Redis to others before the next batch
    rest: float = 0.0

    def suspects(self, seconds: float) -> bool:
        """Whether a pipeline took so long that Redis may be busy; a fast one lets batches grow."""
        if seconds - self.way > _SLOW:
            return True
        self._recover()
        return False

    def learn(self, ping: float) -> None:
        """Halves the batch when Redis is busy and gives it as much rest as it took."""
        busy = ping - self.way
        if busy <= _BUSY:
            self._recover()
            return
        self.rest = min(busy, _LONGEST_REST)
        self.size = max(min(_SMALLEST, self.limit), self.size // 2)

    def _recover(self) -> None:
        self.rest = 0.0
        self.size = min(self.limit, self.size + max(1, self.size // 4))

    async def breathe(self, jobs: int, seconds: float) -> None:
        """Waits so long that `jobs` done in `seconds` strain neither the rate nor Redis."""
        pause = jobs / self.rate - seconds if self.rate > 0 else 0.0
        if max(pause, self.rest) > 0:
            await anyio.sleep(max(pause, self.rest))


__all__ = ["Pace"]
