"""Until when a worker starts nothing, and the alarm that ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from jetbull.ledger.limits import gate
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.store.store import QueueStore

_SLOT_HINT_LOST_MS = 1000  # after this a worker looks by itself whether a place is free
_LATE_SECONDS = 0.001  # the alarm rings this much later, so that it never finds itself too early


class Blocking:
    """What keeps the jobs of one queue from being started here, for a while.

    A limit is reached (`block`), no place is free (`block_for_slot`), or the queue's window is full
    though the worker has no limiter (`rest`). `on_over` is called when any of it is over.
    """

    def __init__(self, store: QueueStore, on_over: Callable[[], None], longest_ms: float) -> None:
        self._store = store
        self._on_over = on_over
        self._longest_ms = longest_ms
        self._until = 0.0  # by the loop's clock; 0.0: not blocked
        self._for_slot = False
        self._alarm: asyncio.TimerHandle | None = None
        self._resting: asyncio.TimerHandle | None = None

    @property
    def is_on(self) -> bool:
        """Whether nothing may start for now."""
        if self._resting is not None:
            return True
        # Asked twice per job: the clock is read only while there is a block.
        if not self._until:
            return False
        if asyncio.get_running_loop().time() < self._until:
            return True
        self._until = 0.0
        return False

    @property
    def rests(self) -> bool:
        """Whether it waits for the end of the queue's window."""
        return self._resting is not None

    def block(self, ms: int) -> None:
        """Nothing starts for `ms`, or the longest wait."""
        self._for_slot = False
        self._until = asyncio.get_running_loop().time() + min(ms, self._longest_ms) / 1000
        self._set_alarm()

    def block_for_slot(self) -> None:
        """Nothing starts until a place under the global concurrency is free again."""
        self.block(_SLOT_HINT_LOST_MS)
        self._for_slot = True

    def slot_freed(self) -> None:
        """There is a place."""
        if self._for_slot:
            self._for_slot = False
            self._until = 0.0

    def lift(self) -> None:
        """Nothing is blocked any more; a rest goes on."""
        self._until = 0.0

    async def rest(self) -> None:
        """Nothing starts until the queue's window is over, or for the longest wait."""
        window = await gate.window(self._store)
        left = 0 if window is None else min(window.end_ms - now_ms(), self._longest_ms)
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        if left > 0:
            loop = asyncio.get_running_loop()
            self._resting = loop.call_later(left / 1000 + _LATE_SECONDS, self._rested)
        else:
            self._on_over()

    def close(self) -> None:
        """No alarm rings any more."""
        for alarm in (self._alarm, self._resting):
            if alarm is not None:
                alarm.cancel()

    def _rested(self) -> None:
        self._resting = None
        self._on_over()

    def _set_alarm(self) -> None:
        at = self._until + _LATE_SECONDS
        if self._alarm is not None:
            if self._alarm.when() <= at:
                return
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_at(at, self._wake)

    def _wake(self) -> None:
        self._alarm = None
        if self._until > asyncio.get_running_loop().time():
            self._set_alarm()
        else:
            self._on_over()


__all__ = ["Blocking"]
