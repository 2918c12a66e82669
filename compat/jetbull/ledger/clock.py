"""Milliseconds since the epoch, and the server's way of writing a due time."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from time import time

#: 'never, unless moved'. The server counts nanoseconds in 64 bits: a time after April 2262 wraps
#: round, lies in the past, and the schedule fires at once.
FAR_FUTURE_MS = 9_214_646_400_000  # 2262-01-01


def now_ms() -> int:
    return int(time() * 1000)


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
