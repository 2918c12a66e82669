"""getJobs and its relatives: which jobs, in which order, on which page."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.situations import (
    EVERY_STATE,
    active,
    added,
    completed,
    failed,
    names,
    one_in_every_state,
    waiting_for_children,
)

PAGES = [
    (0, -1, [0, 1, 2, 3, 4]),
    (0, 0, [0]),
    (1, 3, [1, 2, 3]),
    (3, 99, [3, 4]),
    (5, 9, []),
    (-2, -1, [3, 4]),
    (0, -2, [0, 1, 2, 3]),
    (-3, 3, [2, 3]),
    (3, 1, []),
]
"""start, end and the places on that page, of five jobs."""


@pytest.mark.parametrize(("start", "end", "places"), PAGES)
async def test_waiting_jobs_come_oldest_first(
    queue: Any, start: int, end: int, places: list[int]
) -> None:
    await added(queue, 5)
    assert names(await queue.getWaiting(start, end)) == [f"w{n}" for n in places]


@pytest.mark.parametrize(("start", "end", "places"), PAGES)
async def test_delayed_jobs_come_in_the_order_of_their_due_times(
    queue: Any, start: int, end: int, places: list[int]
) -> None:
    for n in (3, 0, 4, 1, 2):
        await queue.add(f"d{n}", {}, {"delay": 60_000 + n * 1_000})
    assert names(await queue.getDelayed(start, end)) == [f"d{n}" for n in places]


@pytest.mark.parametrize(("start", "end", "places"), PAGES)
async def test_prioritized_jobs_come_by_priority_and_then_by_age(
    queue: Any, start: int, end: int, places: list[int]
) -> None:
    for n, priority in ((4, 9), (0, 1), (2, 5), (1, 1), (3, 5)):
        await queue.add(f"r{n}", {}, {"priority": priority})
    assert names(await queue.getPrioritized(start, end)) == [f"r{n}" for n in places]


@pytest.mark.parametrize(("start", "end", "places"), PAGES)
async def test_completed_jobs_come_newest_first(
    make: Makers, queue: Any, start: int, end: int, places: list[int]
) -> None:
    await completed(make, queue, 5)
    assert names(await queue.getCompleted(start, end)) == [f"c{4 - n}" for n in places]


@pytest.mark.parametrize(("start", "end", "places"), PAGES)
async def test_failed_jobs_come_newest_first(
    make: Makers, queue: Any, start: int, end: int, places: list[int]
) -> None:
    await failed(make, queue, 5)
    assert names(await queue.getFailed(start, end)) == [f"f{4 - n}" for n in places]


@pytest.mark.parametrize(("start", "end", "places"), [(0, -1, [0, 1, 2]), (1, 1, [1])])
async def test_active_jobs_come_in_the_order_they_were_taken(
    make: Makers, queue: Any, start: int, end: int, places: list[int]
) -> None:
    await active(make, queue, 3)
    assert names(await queue.getActive(start, end)) == [f"a{n}" for n in places]


async def test_parents_waiting_for_children_come_oldest_first(make: Makers, queue: Any) -> None:
    await waiting_for_children(make, queue, make.queue(), 3)
    assert names(await queue.getWaitingChildren()) == ["p0", "p1", "p2"]
    assert names(await queue.getWaitingChildren(1, 1)) == ["p1"]


@pytest.mark.parametrize(("start", "end", "places"), PAGES)
async def test_get_jobs_lists_newest_first_by_default(
    queue: Any, start: int, end: int, places: list[int]
) -> None:
    await added(queue, 5)
    assert names(await queue.getJobs(["waiting"], start, end)) == [f"w{4 - n}" for n in places]


@pytest.mark.parametrize(("start", "end", "places"), PAGES)
async def test_get_jobs_lists_oldest_first_when_asked_to(
    queue: Any, start: int, end: int, places: list[int]
) -> None:
    await added(queue, 5)
    assert names(await queue.getJobs(["waiting"], start, end, True)) == [f"w{n}" for n in places]


@pytest.mark.parametrize("state", EVERY_STATE)
async def test_get_jobs_lists_the_jobs_of_one_state(make: Makers, queue: Any, state: str) -> None:
    await one_in_every_state(make, queue)
    assert names(await queue.getJobs([state])) == [EVERY_STATE[state]]


async def test_get_jobs_without_types_lists_all_states(make: Makers, queue: Any) -> None:
    await one_in_every_state(make, queue)
    assert sorted(names(await queue.getJobs([]))) == sorted(EVERY_STATE.values())


async def test_a_page_is_taken_of_each_type_separately(make: Makers, queue: Any) -> None:
    await completed(make, queue, 3)
    await added(queue, 3)
    jobs = names(await queue.getJobs(["waiting", "completed"], 0, 1))
    assert sorted(jobs) == ["c1", "c2", "w1", "w2"]


async def test_a_page_of_several_types_keeps_the_order_within_each(
    make: Makers, queue: Any
) -> None:
    await completed(make, queue, 3)
    await added(queue, 3)
    jobs = names(await queue.getJobs(["waiting", "completed"], 0, -1, True))
    assert [name for name in jobs if name.startswith("c")] == ["c0", "c1", "c2"]
    assert [name for name in jobs if name.startswith("w")] == ["w0", "w1", "w2"]


async def test_wait_and_waiting_name_the_same_jobs_once(queue: Any) -> None:
    await added(queue, 2)
    assert names(await queue.getJobs(["wait", "waiting"], 0, -1, True)) == ["w0", "w1"]


async def test_an_empty_queue_lists_nothing(queue: Any) -> None:
    assert await queue.getJobs([]) == []
    assert await queue.getWaiting() == []
    assert await queue.getCompleted() == []


async def test_listed_jobs_are_whole(make: Makers, queue: Any) -> None:
    await completed(make, queue, 1)
    [job] = await queue.getCompleted()
    assert (job.id, job.data, job.returnvalue, job.attemptsMade) == ("1", 0, 0, 1)
    assert await job.getState() == "completed"


async def test_jobs_of_a_paused_queue_are_listed_as_waiting(queue: Any) -> None:
    await added(queue, 1)
    await queue.pause()
    await added(queue, 1, "x")
    assert names(await queue.getWaiting()) == ["w0", "x0"]
    assert await queue.getJobs(["paused"]) == []


async def test_hundreds_of_jobs_are_listed_in_order(queue: Any) -> None:
    await queue.addBulk([{"name": str(n), "data": {}} for n in range(500)])
    assert names(await queue.getWaiting()) == [str(n) for n in range(500)]
    assert names(await queue.getWaiting(250, 259)) == [str(n) for n in range(250, 260)]


@pytest.mark.parametrize("ascending", [True, False])
async def test_an_end_before_the_beginning_gives_nothing(queue: Any, ascending: bool) -> None:
    await added(queue, 3)
    await added(queue, 3, "d", delay=60_000)
    for state in ("waiting", "delayed"):
        assert await queue.getJobs([state], 0, -9, ascending) == []
        assert await queue.getJobs([state], -9, -5, ascending) == []
