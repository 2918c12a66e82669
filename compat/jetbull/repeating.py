"""When a scheduler fires next: cron patterns and fixed intervals, all times in ms."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterBadCronError, CroniterBadDateError

from jetbull.checks import is_finite
from jetbull.cron import next_match
from jetbull.errors import ConfigurationError


class BadPatternError(
    ConfigurationError,
    CroniterBadCronError,  # type: ignore[misc]  # croniter has no types
    CroniterBadDateError,  # type: ignore[misc]
):
    """A cron pattern that cannot be read, or never comes."""


class UnknownZoneError(ConfigurationError, ZoneInfoNotFoundError):
    """A time zone that this machine does not know."""

    def __str__(self) -> str:
        return f".tz is {self.args[0]!r}: give a zone of the IANA database, such as Europe/Berlin."


def to_millis(value: Any) -> int | None:
    """Epoch milliseconds of a number, an ISO 8601 text or a datetime; None for anything else."""
    if value is None or value == "" or isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return int(value) if is_finite(value) else None
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000)
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            return _iso(value)
    return None


def _iso(text: str) -> int | None:
    try:
        return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)
    except ValueError:
        return None


def default_repeat_strategy(millis: int, opts: Mapping[str, Any]) -> int | None:
    """The next time the pattern matches after `millis`; None without pattern.

    BadPatternError (a CroniterBadCronError) for a bad pattern, UnknownZoneError (a
    ZoneInfoNotFoundError) for an unknown zone.
    """
    pattern = opts.get("pattern")
    if not pattern:
        return None
    if opts.get("immediately"):
        return int(time.time() * 1000)
    start = to_millis(opts.get("startDate"))
    base = max(millis, start) if start is not None else millis
    zone = _zone(opts["tz"]) if opts.get("tz") else UTC
    try:
        upcoming = next_match(pattern, datetime.fromtimestamp(base / 1000, tz=UTC), zone)
    except (CroniterBadCronError, CroniterBadDateError) as error:
        raise BadPatternError(f".pattern is {pattern!r}, which matches no time: {error}") from None
    except (OverflowError, OSError, ValueError) as error:
        raise ConfigurationError(f".startDate is no time there is: {error}.") from None
    return int(upcoming.timestamp() * 1000)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise UnknownZoneError(name) from None


async def next_by(
    strategy: Callable[..., Any], millis: int, opts: Mapping[str, Any], name: str
) -> int | None:
    """What a strategy says: `(millis, opts)`, or `(millis, opts, job name)`; it may be async."""
    try:
        inspect.signature(strategy).bind(millis, opts, name)
    except TypeError:
        upcoming = strategy(millis, opts)
    else:
        upcoming = strategy(millis, opts, name)
    if inspect.isawaitable(upcoming):
        upcoming = await upcoming
    return None if upcoming is None else int(upcoming)


def is_over(repeat: Mapping[str, Any], count: int, now: int) -> bool:
    """Whether iteration `count` would be beyond the limit, or `now` (ms) is behind the end date."""
    limit, end = repeat.get("limit"), to_millis(repeat.get("endDate"))
    return (limit is not None and count > limit) or (end is not None and now > end)


def next_slot(
    previous: int | None, every: int, now: int, offset: int, start: int | None
) -> tuple[int, int]:
    """(next slot, offset) of an interval; slots missed meanwhile are skipped, not made up."""
    if previous is None:
        if start is not None:
            slot = max(start, now)
        elif offset > 0:
            slot = now // every * every + offset
            if slot <= now:
                slot += every
        else:
            slot = now
    else:
        slot = previous + every
        if slot < now:
            aligned = now // every * every + offset
            slot = aligned + every if aligned <= now else aligned
    if not offset:
        offset = slot - slot // every * every
    return int(slot), int(offset)


__all__ = ["default_repeat_strategy", "is_over", "next_by", "next_slot", "to_millis"]
