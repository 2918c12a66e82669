"""Counts are right whichever way they are asked for, and whatever was there a moment before."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jetbull import Queue
from jetbull.ledger.queue import kept, tally

_LIMIT = 10
_MORE_THAN_AN_ANSWER = 1100


@pytest.fixture(params=["listed", "one by one"])
async def queue(
    queue: Queue[Any, Any], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Queue[Any, Any]:
    monkeypatch.setattr(tally, "EXACT_LIMIT", _LIMIT)
    if request.param == "one by one":
        monkeypatch.setattr(tally, "_LISTED", -1)
    return queue


async def _add(queue: Queue[Any, Any], number: int, opts: dict[str, Any]) -> None:
    await queue.addBulk([{"name": "job", "data": n, "opts": opts} for n in range(number)])


async def _becomes(queue: Queue[Any, Any], state: str, number: int) -> None:
    """Returns when the server's counters have followed."""
    async with asyncio.timeout(20):
        while await queue.getJobCountByTypes(state) != number:
            await asyncio.sleep(0.01)


_PLACES: dict[str, dict[str, Any]] = {
    "waiting": {"lifo": True},
    "delayed": {"delay": 60_000},
    "prioritized": {"priority": 3},
}


@pytest.mark.parametrize("state", _PLACES)
async def test_a_state_that_was_empty_a_moment_ago_and_holds_very_many_now_is_counted(
    queue: Queue[Any, Any], state: str
) -> None:
    other = "delayed" if state == "waiting" else "waiting"
    await _add(queue, _LIMIT + 1, _PLACES[other] if state == "waiting" else {})
    await _becomes(queue, other, _LIMIT + 1)
    await _add(queue, _MORE_THAN_AN_ANSWER, _PLACES[state])
    await _becomes(queue, state, _MORE_THAN_AN_ANSWER)
    assert await queue.getJobCountByTypes(other) == _LIMIT + 1


async def test_what_the_caller_stored_in_states_that_were_empty_is_counted_at_once(
    queue: Queue[Any, Any],
) -> None:
    await _add(queue, _LIMIT + 1, {})
    await _becomes(queue, "waiting", _LIMIT + 1)
    for state, opts in _PLACES.items():
        before = await queue.getJobCounts()
        await queue.add("job", {}, opts)
        assert await queue.getJobCounts() == {**before, state: before[state] + 1}


async def test_a_priority_that_is_new_since_the_last_count_is_counted(
    queue: Queue[Any, Any],
) -> None:
    for priority in (1, 2):
        await _add(queue, _LIMIT, {"priority": priority})
        await _becomes(queue, "prioritized", priority * _LIMIT)
    await _add(queue, _LIMIT, {"priority": 3})
    await _becomes(queue, "prioritized", 3 * _LIMIT)


async def test_many_jobs_become_few_and_many_again(queue: Queue[Any, Any]) -> None:
    for _ in range(2):
        await queue.add("job", {})
        assert await queue.getJobCountByTypes("waiting") == 1
        await _add(queue, _LIMIT, {})
        await _becomes(queue, "waiting", _LIMIT + 1)
        await queue.drain()
        assert await queue.getJobCountByTypes() == 0


async def test_a_change_is_counted_however_often_nothing_had_changed_before(
    queue: Queue[Any, Any],
) -> None:
    expected = dict.fromkeys(await queue.getJobCounts(), 0)

    async def is_counted(**changes: int) -> None:
        for state, change in changes.items():
            expected[state] += change
        for _ in range(4):
            assert await queue.getJobCounts() == expected

    for _ in range(3):
        job = await queue.add("job", {}, {"delay": 60_000})
        await is_counted(delayed=1)
        await job.promote()
        await is_counted(delayed=-1, waiting=1)
        await job.changePriority({"priority": 2})
        await is_counted(waiting=-1, prioritized=1)
        await job.remove()
        await is_counted(prioritized=-1)


async def test_of_many_jobs_a_change_is_counted_after_counts_that_were_kept(
    queue: Queue[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "_SETTLED_S", 0.0)
    for number in range(1, 4):
        await _add(queue, _LIMIT + 1, {})
        await _becomes(queue, "waiting", number * (_LIMIT + 1))
        for _ in range(4):
            assert await queue.getJobCountByTypes("waiting") == number * (_LIMIT + 1)


async def test_of_many_who_count_at_once_each_sees_what_it_added(queue: Queue[Any, Any]) -> None:
    added = 0

    async def add_and_count() -> None:
        nonlocal added
        await queue.add("job", {})
        added += 1
        mine = added
        assert await queue.getJobCountByTypes("waiting") >= min(mine, _LIMIT)

    await asyncio.gather(*(add_and_count() for _ in range(_LIMIT)))
