"""When a cron pattern matches next by the clocks of a place, also where they are set meanwhile.

croniter (2.0, which BullMQ for Python pins) finds the next time on a clock that is never set;
across a change of clocks it is an hour off, may pass over the hour that comes twice, or give a
time that is past. So it is asked for the time on the wall, and which moment that is gets answered
here, as cron-parser does for BullMQ for Node: what falls into an hour that is left out comes as
much later; in an hour that comes twice, patterns for every hour match both times, all others the
first time.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from croniter import croniter

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)  # no pattern is finer
_HOURS = 1  # of the fields that croniter makes of a pattern
_WITH_SECONDS = 6  # fields
#: What cron-parser knows besides croniter's names, such as `@daily`.
_NAMED = {
    "@minutely": "* * * * *",
    "@secondly": "* * * * * *",
    "@weekdays": "0 0 * * 1-5",
    "@weekends": "0 0 * * 0,6",
}
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LAST = re.compile(rf"([0-7]|{'|'.join(_DAYS)})L", re.IGNORECASE)
_UP_TO_SUNDAY = re.compile(r"(?:([0-6])-)?7(?:/([1-9]))?")


def next_match(pattern: str, after: datetime, zone: tzinfo) -> datetime:
    """The first moment after `after` at which the pattern matches the clocks of `zone`, in UTC.

    CroniterBadCronError for a bad pattern, CroniterBadDateError when there is no such time.
    """
    pattern = _understood(pattern)
    hours = croniter(pattern, second_at_beginning=True).expanded[_HOURS]
    every_hour = "*" in hours or len(set(hours)) == 24
    offset = _offset(after, zone)
    shifted: datetime | None = None
    while True:
        match = _on_the_wall(pattern, after + offset) - offset
        change = _change(after, match, offset, zone)
        if change is None:
            while not every_hour and match.astimezone(zone).fold:
                match = _on_the_wall(pattern, (match + offset).replace(second=59)) - offset
            return match if shifted is None else min(match, shifted)
        ahead = _offset(change, zone) - offset
        if match < change + ahead and shifted is None:
            shifted = match
        offset += ahead
        after = change - _SECOND


def _understood(pattern: str) -> str:
    """The pattern as croniter writes it: `L5` for `5L` and `friL`, the last ones of a month, and
    0 for a Sunday that is 7, which it takes only where there are no seconds. Of the names those
    that it does not know are spelt out.
    """
    fields = _NAMED.get(pattern, pattern).split()
    if len(fields) not in (_WITH_SECONDS - 1, _WITH_SECONDS):
        return pattern
    days = [_last(day) for day in fields[-1].split(",")]
    if len(fields) == _WITH_SECONDS:
        days = [_sunday(day) for day in days]
    return " ".join([*fields[:-1], ",".join(days)])


def _last(days: str) -> str:
    found = _LAST.fullmatch(days)
    if found is None:
        return days
    day = found[1].lower()
    return f"L{_DAYS.index(day) if day in _DAYS else day}"


def _sunday(days: str) -> str:
    found = _UP_TO_SUNDAY.fullmatch(days)
    if found is None:
        return re.sub(r"^7#|^L7$", lambda seven: seven[0].replace("7", "0"), days)
    first, step = int(found[1] or 7), int(found[2] or 1)
    return ",".join(str(day % 7) for day in range(first, 8, step))


def _on_the_wall(pattern: str, wall: datetime) -> datetime:
    """The next time that a clock shows which nobody sets."""
    match: datetime = croniter(pattern, wall, second_at_beginning=True).get_next(datetime)
    # From within a month without the 31st, croniter 2 passes over the first days of the next one.
    month = (wall.replace(day=1) + 31 * _DAY).replace(day=1, hour=0, minute=0, second=0)
    eve = month.replace(microsecond=0) - _SECOND
    if not wall < eve < match:
        return match
    first: datetime = croniter(pattern, eve, second_at_beginning=True).get_next(datetime)
    return min(match, first)


def _offset(moment: datetime, zone: tzinfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _change(start: datetime, end: datetime, offset: timedelta, zone: tzinfo) -> datetime | None:
    """The first moment up to `end` from which on the clocks differ from UTC by something else."""
    if zone is UTC:
        return None
    while start < end:
        later = min(start + _DAY, end)
        if _offset(later, zone) != offset:
            return _bisected(start, later, offset, zone)
        start = later
    return None


def _bisected(start: datetime, end: datetime, offset: timedelta, zone: tzinfo) -> datetime:
    before, behind = int(start.timestamp()), int(end.timestamp())
    while behind - before > 1:
        middle = (before + behind) // 2
        if _offset(datetime.fromtimestamp(middle, UTC), zone) == offset:
            before = middle
        else:
            behind = middle
    return datetime.fromtimestamp(behind, UTC)


__all__ = ["next_match"]
