"""How long to wait before the next try (BullMQ: Backoffs)."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from typing import Any

from jetbull.checks import number
from jetbull.errors import ConfigurationError

Strategy = Callable[..., Any]


class Backoffs:
    """`fixed`, `exponential` and the caller's own strategies; all delays in ms."""

    @staticmethod
    def normalize(backoff: int | dict[str, Any] | None) -> dict[str, Any] | None:
        """A plain number is a fixed delay; None and 0-like values stay as they are."""
        if isinstance(backoff, dict):
            return backoff or None
        if not isinstance(backoff, int | float) or isinstance(backoff, bool):
            return None
        return {"type": "fixed", "delay": backoff}

    @staticmethod
    async def calculate(
        backoff: dict[str, Any] | None,
        attempts_made: int,
        err: BaseException | str,
        job: Any,
        customStrategy: Strategy | None = None,
    ) -> int | None:
        """Milliseconds until the next try; None or 0 at once, -1 give up.

        ConfigurationError (a ValueError) names an unknown type or a bad jitter.
        """
        if not backoff:
            return None
        kind = backoff.get("type", "fixed")
        delay = backoff.get("delay", 0) or 0
        if kind == "fixed":
            return _jittered(delay, backoff)
        if kind == "exponential":
            return _jittered(round(2 ** (attempts_made - 1) * delay), backoff)
        if customStrategy is None:
            raise ConfigurationError(
                f"Unknown backoff strategy {kind}. If a custom backoff strategy is used, "
                "specify it when the queue is created."
            )
        result = customStrategy(attempts_made, kind, err, job)
        if inspect.isawaitable(result):
            result = await result
        return None if result is None else number(f"The delay of backoff strategy {kind!r}", result)


def _jittered(delay: float, backoff: dict[str, Any]) -> int:
    jitter = backoff.get("jitter") or 0
    if not jitter:
        return int(delay)
    if not 0 <= jitter <= 1:
        raise ConfigurationError("Jitter should be between 0 and 1")
    low = delay * (1 - jitter)
    return int(low + random.random() * (delay - low))  # noqa: S311 - no secret depends on it


__all__ = ["Backoffs"]
