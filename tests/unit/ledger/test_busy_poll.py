"""The event loop stays awake while an answer is due any moment, and learns when that is in vain."""

from __future__ import annotations

import asyncio

import pytest

from jetbull.ledger.wire import busy_poll
from jetbull.ledger.wire.busy_poll import BusyPoll


class Rounds:
    """Counts the questions whether answers are pending; a clock that goes on with each of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, pending: int) -> None:
        self.pending = pending
        self.looks = 0
        monkeypatch.setattr(busy_poll, "perf_counter", self._clock)

    def _clock(self) -> float:
        return self.looks * busy_poll._SECONDS / 10

    def look(self) -> int:
        self.looks += 1
        return self.pending

    async def over(self) -> int:
        """How many looks there were when nobody looks any more."""
        before = -1
        while before != self.looks:
            before = self.looks
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        return self.looks


async def test_nobody_looks_any_more_when_the_answer_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rounds = Rounds(monkeypatch, pending=1)
    BusyPoll(asyncio.get_running_loop(), rounds.look, most=2).begin()
    for _ in range(3):
        await asyncio.sleep(0)
    rounds.pending = 0
    seen = rounds.looks
    assert 2 <= seen <= 4
    assert await rounds.over() == seen + 1


async def test_an_answer_that_does_not_come_is_looked_for_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rounds = Rounds(monkeypatch, pending=1)
    BusyPoll(asyncio.get_running_loop(), rounds.look, most=2).begin()
    assert await rounds.over() == 10


async def test_where_it_was_in_vain_ever_more_answers_are_not_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rounds = Rounds(monkeypatch, pending=1)
    watch = BusyPoll(asyncio.get_running_loop(), rounds.look, most=2)
    looked = []
    for _ in range(200):
        before = rounds.looks
        watch.begin()
        looked.append(await rounds.over() > before)
    assert looked[:13] == [True, False, True, *[False] * 3, True, *[False] * 6]
    assert sum(looked) == 8


async def test_one_answer_in_time_and_all_are_looked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rounds = Rounds(monkeypatch, pending=1)
    watch = BusyPoll(asyncio.get_running_loop(), rounds.look, most=2)
    watch.begin()
    await rounds.over()
    watch.begin()  # passed over
    rounds.pending = 0
    watch.begin()
    await rounds.over()
    rounds.pending = 1
    before = rounds.looks
    watch.begin()
    assert await rounds.over() > before


async def test_where_many_answers_are_due_the_loop_sleeps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rounds = Rounds(monkeypatch, pending=3)
    BusyPoll(asyncio.get_running_loop(), rounds.look, most=2).begin()
    assert await rounds.over() == 1
