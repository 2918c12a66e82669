"""Milliseconds since the epoch by the server's clock, and its way of writing a due time.

Due times are kept by the server, so a machine whose clock is wrong must not compute them from its
own: the difference is learned from the server's answers (`observe`) and added.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from time import time

#: 'never, unless moved'. The server counts nanoseconds in 64 bits: a time after April 2262 wraps
#: round, lies in the past, and the schedule fires at once.
FAR_FUTURE_MS = 9_214_646_400_000  # 2262-01-01


_MARGIN_MS = 10
_offset_ms = 0


def observe(stamp: str, asked: float, answered: float) -> None:
    """Learns the server's time from an answer written between two local times (seconds).

    A difference that the time the answer took could explain counts as none.
    """
    global _offset_ms
    server = parse_ms(stamp)
    first, last = asked * 1000 - _MARGIN_MS, answered * 1000 + _MARGIN_MS
    if first <= server <= last:
        _offset_ms = 0
    elif answered - asked < 1:
        _offset_ms = round(server - (first + last) / 2)


def now_ms() -> int:
    """The time now, as the server has it."""
    return int(time() * 1000) + _offset_ms


def by_server(local_ms: int) -> int:
    """A time read from this machine's clock, as the server has it."""
    return local_ms + _offset_ms


def at(due_ms: int) -> str:
    """A `Nats-Schedule` value for one moment (ADR-51), at the latest the far future."""
    seconds, ms = divmod(min(due_ms, FAR_FUTURE_MS), 1000)
    return f"{_second(seconds)}.{ms:03d}Z"


@lru_cache(maxsize=256)
def _second(seconds: int) -> str:
    return f"@at {datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def parse_ms(stamp: str) -> int:
    """Milliseconds of an RFC 3339 time as the server writes it (nanoseconds, Z)."""
    whole, _, rest = stamp.rstrip("Z").partition(".")
    base = datetime.fromisoformat(whole).replace(tzinfo=UTC)
    return int(base.timestamp()) * 1000 + int((rest + "000")[:3] or 0)
