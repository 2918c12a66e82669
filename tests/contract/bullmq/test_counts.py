"""How many jobs of which state."""

from __future__ import annotations

from typing import Any

from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.situations import EVERY_STATE, added, one_in_every_state


async def test_without_arguments_all_states_are_counted(make: Makers, queue: Any) -> None:
    await one_in_every_state(make, queue)
    assert await queue.getJobCounts() == dict.fromkeys(EVERY_STATE, 1)


async def test_an_empty_queue_counts_zero_everywhere(queue: Any) -> None:
    assert await queue.getJobCounts() == dict.fromkeys(EVERY_STATE, 0)


async def test_the_keys_are_the_states_asked_for(make: Makers, queue: Any) -> None:
    await one_in_every_state(make, queue)
    assert await queue.getJobCounts("failed", "delayed") == {"failed": 1, "delayed": 1}


async def test_wait_and_waiting_are_both_understood_and_echoed(queue: Any) -> None:
    await added(queue, 2)
    assert await queue.getJobCounts("wait", "waiting") == {"wait": 2, "waiting": 2}


async def test_a_state_asked_for_twice_is_counted_once(queue: Any) -> None:
    await added(queue, 2)
    assert await queue.getJobCounts("waiting", "waiting") == {"waiting": 2}


async def test_paused_is_understood_and_empty(queue: Any) -> None:
    await queue.pause()
    await added(queue, 2)
    assert await queue.getJobCounts("paused", "waiting") == {"paused": 0, "waiting": 2}


async def test_the_sum_over_types_counts_each_type_once(make: Makers, queue: Any) -> None:
    await one_in_every_state(make, queue)
    assert await queue.getJobCountByTypes("waiting", "delayed", "delayed") == 2


async def test_the_sum_over_no_types_is_the_sum_of_all(make: Makers, queue: Any) -> None:
    await one_in_every_state(make, queue)
    assert await queue.getJobCountByTypes() == 7


async def test_each_single_count_counts_its_own_state(make: Makers, queue: Any) -> None:
    await added(queue, 1, "d", delay=60_000)
    await added(queue, 2, "r", priority=1)
    await added(queue, 3, "w")
    assert await queue.getWaitingCount() == 3
    assert await queue.getDelayedCount() == 1
    assert await queue.getCompletedCount() == 0
    assert await queue.getFailedCount() == 0


async def test_sanitizing_types_drops_duplicates(queue: Any) -> None:
    assert sorted(queue.sanitizeJobTypes(["failed", "failed", "active"])) == ["active", "failed"]


async def test_sanitizing_no_types_names_all_of_them(queue: Any) -> None:
    assert queue.sanitizeJobTypes([]) == list(EVERY_STATE)


async def test_two_names_of_one_type_are_both_counted(queue: Any) -> None:
    await queue.add("job", {})
    assert await queue.getJobCountByTypes("wait", "waiting", "wait") == 2
