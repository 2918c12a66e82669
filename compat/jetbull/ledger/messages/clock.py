"""Milliseconds since the epoch by the server's clock, and its way of writing a due time.

Due times are kept by the server, so a machine whose clock is wrong must not compute them from its
own: the difference is learned from the server's answers (`observe`) and added. A clock that is set
while the process runs changes the difference at once: by a second clock that nobody sets.
"""

from __future__ import annotations

import sys
import time as _clocks
from datetime import UTC, datetime
from functools import lru_cache
from time import time

#: 'never, unless moved'. The server counts nanoseconds in 64 bits: a time after April 2262 wraps
#: round, lies in the past, and the schedule fires at once.
FAR_FUTURE_MS = 9_214_646_400_000  # 2262-01-01


_MARGIN_MS = 10
_LEAP = 0.1  # seconds: what the clock goes ahead of the other at once, it was set
_SOON = 0.005  # seconds after a look at both clocks in which no other is needed
_DRIFT = 0.001  # seconds a second: so far the two may differ in their speed
#: A clock that goes on while the machine sleeps; None: there is none.
_STEADY: int | None = getattr(
    _clocks, {"linux": "CLOCK_BOOTTIME", "darwin": "CLOCK_MONOTONIC"}.get(sys.platform, ""), None
)
_offset_ms = 0
_seen: tuple[float, float] | None = None  # both clocks when they were last read, in seconds


def observe(stamp: str, asked: float, answered: float) -> None:
    """Learns the server's time from an answer written between two local times (seconds).

    A difference that the time the answer took could explain counts as none, and a slow answer says
    nothing against what is known.
    """
    global _offset_ms
    _follow(time())
    server = parse_ms(stamp)
    quick = 0 <= answered - asked < 1
    first, last = asked * 1000 - _MARGIN_MS, answered * 1000 + _MARGIN_MS
    if not quick and first <= server - _offset_ms <= last:
        return
    if first <= server <= last:
        _offset_ms = 0
    elif quick:
        _offset_ms = round(server - (first + last) / 2)


def asking() -> float:
    """This machine's time in seconds, for `observe`: that the clock is set before the answer comes
    is noticed then, in a process that has not looked at both clocks before as well.
    """
    now = time()
    _follow(now)
    return now


def now_ms() -> int:
    """The time now, as the server has it."""
    now = time()
    if _seen is None or not 0 <= now - _seen[0] < _SOON:
        _follow(now)
    return int(now * 1000) + _offset_ms


def by_server(local_ms: int) -> int:
    """A time read from this machine's clock, as the server has it."""
    _follow(time())
    return local_ms + _offset_ms


def _follow(now: float) -> None:
    """Notices that the clock was set since it was last read."""
    global _offset_ms, _seen
    if _STEADY is None:
        return
    steady = _clocks.clock_gettime(_STEADY)
    if _seen is not None:
        passed = steady - _seen[1]
        leap = now - _seen[0] - passed
        if abs(leap) > _LEAP + _DRIFT * passed:
            _offset_ms -= round(leap * 1000)
    _seen = now, steady


def at(due_ms: int) -> str:
    """A `Nats-Schedule` value for one moment (ADR-51), at the latest the far future."""
    seconds, ms = divmod(min(due_ms, FAR_FUTURE_MS), 1000)
    return f"{_second(seconds)}.{ms:03d}Z"


def stamp(ms: int) -> str:
    """The moment in RFC 3339, as the server reads times."""
    return at(ms).removeprefix("@at ")


@lru_cache(maxsize=256)
def _second(seconds: int) -> str:
    return f"@at {datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def parse_ms(stamp: str) -> int:
    """Milliseconds of an RFC 3339 time as the server writes it (nanoseconds, Z)."""
    whole, _, rest = stamp.rstrip("Z").partition(".")
    return _seconds(whole) * 1000 + int((rest + "000")[:3] or 0)


@lru_cache(maxsize=256)
def _seconds(whole: str) -> int:
    return int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp())


__all__ = ["FAR_FUTURE_MS", "asking", "at", "by_server", "now_ms", "observe", "parse_ms", "stamp"]
