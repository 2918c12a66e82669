"""When patterns match next, most of all about the days on which clocks are set.

What cron-parser says, the library of BullMQ for Node; where clocks are set at midnight or by half
an hour it passes over a day or gives up, and what is right stands here.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jetbull.repeating import default_repeat_strategy

BERLIN, CAIRO, LORD_HOWE = "Europe/Berlin", "Africa/Cairo", "Australia/Lord_Howe"


def after(start: str, pattern: str, zone: str = "UTC", times: int = 1) -> list[str]:
    """The next slots in UTC."""
    millis = int(datetime.fromisoformat(start).timestamp() * 1000)
    slots: list[str] = []
    for _ in range(times):
        upcoming = default_repeat_strategy(millis, {"pattern": pattern, "tz": zone})
        assert upcoming is not None
        assert upcoming > millis
        millis = upcoming
        slots.append(f"{datetime.fromtimestamp(millis / 1000, UTC):%Y-%m-%d %H:%M:%S}")
    return slots


@pytest.mark.parametrize(
    ("start", "pattern", "slot"),
    [
        ("2025-10-25T12:00+02:00", "0 0 * * *", "2025-10-25 22:00:00"),
        ("2025-10-26T01:00+02:00", "0 0 * * *", "2025-10-26 23:00:00"),
        ("2025-03-28T12:00+01:00", "0 9 * * 1-5", "2025-03-31 07:00:00"),
        ("2025-10-24T12:00+02:00", "0 9 * * 1-5", "2025-10-27 08:00:00"),
        ("2025-10-01T12:00+02:00", "0 0 1 1 *", "2025-12-31 23:00:00"),
    ],
)
def test_a_time_of_the_day_is_that_of_the_clocks_also_after_they_are_set(
    start: str, pattern: str, slot: str
) -> None:
    assert after(start, pattern, BERLIN) == [slot]


def test_what_comes_every_hour_or_minute_comes_in_both_hours_of_the_same_name() -> None:
    assert after("2025-10-26T01:30+02:00", "0 * * * *", BERLIN, 3) == [
        "2025-10-26 00:00:00",
        "2025-10-26 01:00:00",
        "2025-10-26 02:00:00",
    ]
    assert after("2025-10-26T02:45+01:00", "* * * * *", BERLIN) == ["2025-10-26 01:46:00"]
    assert after("2025-10-26T02:59:59+02:00", "*/20 * * * * *", BERLIN) == ["2025-10-26 01:00:00"]


def test_what_comes_once_a_day_comes_once_in_the_night_of_two_equal_hours() -> None:
    assert after("2025-10-26T00:00+02:00", "30 2 * * *", BERLIN, 2) == [
        "2025-10-26 00:30:00",
        "2025-10-27 01:30:00",
    ]
    assert after("2025-10-26T02:10+01:00", "*/30 2,3 * * *", BERLIN) == ["2025-10-26 02:00:00"]


def test_what_falls_into_the_hour_that_is_left_out_comes_an_hour_later() -> None:
    assert after("2025-03-29T12:00+01:00", "30 2 * * *", BERLIN, 2) == [
        "2025-03-30 01:30:00",
        "2025-03-31 00:30:00",
    ]
    assert after("2025-03-30T01:10+01:00", "*/30 1-3 * * *", BERLIN, 3) == [
        "2025-03-30 00:30:00",
        "2025-03-30 01:00:00",
        "2025-03-30 01:30:00",
    ]
    assert after("2025-04-24T12:00+02:00", "0 0 * * 5", CAIRO) == ["2025-04-24 22:00:00"]


def test_clocks_may_be_set_by_half_an_hour() -> None:
    assert after("2025-04-06T01:15+11:00", "0 2 * * *", LORD_HOWE) == ["2025-04-05 15:30:00"]
    assert after("2025-10-05T01:15+10:30", "15 2 * * *", LORD_HOWE) == ["2025-10-04 15:45:00"]


def test_the_first_of_march_is_not_passed_over() -> None:
    assert after("2025-02-20T00:00Z", "0 0 1,30 * *") == ["2025-03-01 00:00:00"]
    assert after("2025-02-21T00:00Z", "0 0 */10 * *", times=2) == [
        "2025-03-01 00:00:00",
        "2025-03-11 00:00:00",
    ]


@pytest.mark.parametrize(
    ("days", "slots"),
    [
        ("7", ["2025-02-02", "2025-02-09"]),
        ("5-7", ["2025-02-01", "2025-02-02", "2025-02-07"]),
        ("1-7/3", ["2025-02-02", "2025-02-03", "2025-02-06"]),
        ("7#1", ["2025-02-02", "2025-03-02"]),
        ("5L", ["2025-02-28", "2025-03-28"]),
        ("friL", ["2025-02-28", "2025-03-28"]),
        ("7L", ["2025-02-23", "2025-03-30"]),
    ],
)
def test_days_of_the_week_are_understood_with_seconds_and_without(
    days: str, slots: list[str]
) -> None:
    for pattern in (f"0 0 * * {days}", f"0 0 0 * * {days}"):
        found = after("2025-01-31T23:59:59Z", pattern, times=len(slots))
        assert found == [f"{slot} 00:00:00" for slot in slots]


@pytest.mark.parametrize(
    ("name", "slot"),
    [
        ("@secondly", "2025-01-04 12:00:31"),
        ("@minutely", "2025-01-04 12:01:00"),
        ("@weekdays", "2025-01-06 00:00:00"),
        ("@weekends", "2025-01-05 00:00:00"),
        ("@weekly", "2025-01-05 00:00:00"),
    ],
)
def test_all_names_of_patterns_are_known(name: str, slot: str) -> None:
    assert after("2025-01-04T12:00:30+00:00", name) == [slot]
