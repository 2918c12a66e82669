"""Busy polling: the loop stays awake for an answer that is due any moment.

A server on this machine or next to it answers within a tenth of a millisecond or two. To sleep and
to be woken meanwhile takes the event loop about as long, and costs both sides CPU time. Where
answers take longer nobody looks for them, but now and then (docs/decisions/awake-for-an-answer.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter

__all__ = ["BusyPoll"]

_SECONDS = 0.0004
_MOST_PASSED_OVER = 63


class BusyPoll:
    """Keeps one event loop awake while `pending` says that few answers are due, for a moment."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, pending: Callable[[], int], most: int
    ) -> None:
        self._loop = loop
        self._pending = pending
        self._most = most
        self._until = 0.0
        self._awake = False
        self._passing_over = self._passed_over = 0

    def begin(self) -> None:
        """Somebody is about to wait for an answer."""
        if self._passing_over:
            self._passing_over -= 1
            return
        self._until = perf_counter() + _SECONDS
        if not self._awake:
            self._awake = True
            self._loop.call_soon(self._look)

    def _look(self) -> None:
        """Runs once in each round of the loop, which looks at its sockets and does not wait."""
        pending = self._pending()
        if 0 < pending <= self._most:
            if perf_counter() < self._until:
                self._loop.call_soon(self._look)
                return
            # In vain: twice as many are passed over as the last time.
            self._passed_over = min(2 * self._passed_over + 1, _MOST_PASSED_OVER)
            self._passing_over = self._passed_over
        else:
            self._passed_over = 0
        self._awake = False
