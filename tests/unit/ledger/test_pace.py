"""Of two ways to store some messages the quicker one is taken, as measured."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress

import pytest

from jetbull.ledger.wire import pace as paces
from jetbull.ledger.wire.pace import Pace, Way


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(paces, "monotonic", clock)
    return clock


def took(pace: Pace, clock: Clock, first: bool, seconds: float, times: int = 20) -> None:
    for _ in range(times):
        with pace.timed(first, 5):
            clock.now += seconds


def taken(pace: Pace, times: int = 1000) -> int:
    """How often the first way is taken."""
    return sum(pace.takes_first(5) for _ in range(times))


def test_the_first_way_is_taken_as_long_as_it_is_quick(clock: Clock) -> None:
    pace = Pace(Way(0.001, 0.0), Way(0.004, 0.0))
    took(pace, clock, True, 0.001)
    assert taken(pace) == 1000


def test_a_slow_first_way_is_left_but_for_a_try_now_and_then(clock: Clock) -> None:
    pace = Pace(Way(0.001, 0.0), Way(0.004, 0.0))
    took(pace, clock, True, 0.02)
    took(pace, clock, False, 0.005)
    assert 0 < taken(pace) < 10


def test_of_two_slow_ways_the_slower_is_tried_the_less_the_slower_it_is(clock: Clock) -> None:
    counts = []
    for slower in (0.01, 0.1):
        pace = Pace(Way(0.001, 0.0), Way(0.004, 0.0))
        took(pace, clock, True, 0.005)
        took(pace, clock, False, slower)
        counts.append(10_000 - taken(pace, 10_000))
    assert counts[0] > counts[1] > 0


def test_the_first_way_is_taken_again_when_it_has_become_quick(clock: Clock) -> None:
    pace = Pace(Way(0.001, 0.0), Way(0.004, 0.0))
    took(pace, clock, True, 0.02)
    took(pace, clock, False, 0.005)
    took(pace, clock, True, 0.001)
    assert taken(pace) == 1000


def test_insertions_that_are_under_way_together_share_the_time(clock: Clock) -> None:
    pace = Pace(Way(0.001, 0.0), Way(0.004, 0.0))
    for _ in range(20):
        with pace.timed(True, 5), pace.timed(True, 5), pace.timed(True, 5), pace.timed(True, 5):
            clock.now += 0.004
    assert taken(pace) == 1000


def begun(pace: Pace, count: int) -> Sequence[AbstractContextManager[None]]:
    """So many insertions that are under way."""
    under_way: list[AbstractContextManager[None]] = [pace.timed(True, 5) for _ in range(count)]
    for one in under_way:
        one.__enter__()
    return under_way


def end(under_way: Sequence[AbstractContextManager[None]]) -> None:
    for one in under_way:
        one.__exit__(None, None, None)


def test_a_thousand_that_begin_at_once_are_not_slow_for_their_long_beginning(clock: Clock) -> None:
    pace = Pace(Way(0.001, 0.0), Way(0.004, 0.0))
    for _ in range(20):
        under_way: list[AbstractContextManager[None]] = []
        for _ in range(1000):
            clock.now += 0.001
            under_way += begun(pace, 1)
        for one in under_way:
            clock.now += 0.001
            end([one])
            assert pace.takes_first(5)


def test_ten_whose_answers_come_together_took_the_time_of_ten(clock: Clock) -> None:
    pace = Pace(Way(0.001, 0.0), Way(0.004, 0.0))
    for _ in range(40):
        under_way = begun(pace, 10)
        clock.now += 0.2
        end(under_way)
    assert taken(pace, 60) == 0


def test_one_way_does_not_look_quick_for_all_that_go_the_other_meanwhile(clock: Clock) -> None:
    pace = Pace(Way(0.001, 0.0), Way(0.004, 0.0))
    for _ in range(20):
        under_way = begun(pace, 100)
        with pace.timed(False, 5):
            clock.now += 0.02
        end(under_way)
    took(pace, clock, True, 0.005)
    assert taken(pace, 60) == 60


def test_what_fails_is_not_measured(clock: Clock) -> None:
    pace = Pace(Way(0.001, 0.0), Way(0.004, 0.0))
    for _ in range(20):
        with suppress(ValueError), pace.timed(True, 5):
            clock.now += 1.0
            raise ValueError("refused")
    assert taken(pace) == 1000


def test_where_everything_is_slow_few_messages_still_go_the_first_way(clock: Clock) -> None:
    pace = Pace(Way(0.001, 0.0001), Way(0.005, 0.0001))
    for first, seconds in ((True, 0.303), (False, 0.315)):
        for _ in range(20):
            with pace.timed(first, 1000):
                clock.now += seconds
    assert sum(pace.takes_first(10) for _ in range(60)) == 60


def test_one_insertion_that_took_very_long_changes_little(clock: Clock) -> None:
    pace = Pace(Way(0.001, 0.0), Way(0.004, 0.0))
    took(pace, clock, True, 0.001)
    took(pace, clock, True, 5.0, times=1)
    assert taken(pace) == 1000
