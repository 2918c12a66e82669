"""The limiter of a worker, the global rate limit, and limiting by hand."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done
from tests.contract.bullmq.signals import Heard
from tests.contract.bullmq.situations import added

IMPATIENT = {"drainDelay": 0.05}
"""A limited worker looks again after its drain delay, at the latest."""


async def begins(make: Makers, queue: Any, count: int, **options: Any) -> list[int]:
    """When each of `count` jobs began, in ms."""
    worker = make.worker(queue, done, **{**IMPATIENT, **options})
    calls = await Heard(worker, "completed").times(count)
    return [job.processedOn for job, _ in calls]


async def test_a_limiter_allows_so_many_jobs_per_window(make: Makers, queue: Any) -> None:
    await added(queue, 6)
    times = await begins(make, queue, 6, limiter={"max": 2, "duration": 300})
    assert times[1] - times[0] < 250
    assert times[2] - times[0] >= 295
    assert times[4] - times[2] >= 295


@pytest.mark.parametrize("other", [{"max": 100, "duration": 60_000}, None])
async def test_a_limiter_set_in_the_options_of_a_running_worker_counts(
    make: Makers, queue: Any, other: dict[str, int] | None
) -> None:
    await added(queue, 3)
    options = {**IMPATIENT, "limiter": {"max": 1, "duration": 60_000}}
    worker = make.worker(queue, done, **options)
    completed = Heard(worker, "completed")
    await completed.once()
    if other is None:
        assert worker.opts.pop("limiter") == options["limiter"]
        assert "limiter" not in worker.opts
    else:
        worker.opts["limiter"] = other
    await completed.times(3)


async def test_a_limiter_holds_over_all_workers(make: Makers, queue: Any) -> None:
    await added(queue, 4)
    options = {**IMPATIENT, "limiter": {"max": 1, "duration": 150}}
    first, second = (make.worker(queue, done, **options) for _ in range(2))
    calls = await Heard(first, "completed", second).times(4)
    times = sorted(job.processedOn for job, _ in calls)
    assert times[3] - times[0] >= 3 * 145


async def test_a_limiter_keeps_the_order_over_all_workers(make: Makers, queue: Any) -> None:
    begun: list[str] = []

    async def process(job: Any, token: str) -> None:
        begun.append(job.name)
        if job.attemptsStarted == 1:
            raise ValueError("not yet")

    names = [job.name for job in await added(queue, 6, attempts=2)]
    options = {**IMPATIENT, "limiter": {"max": 1, "duration": 50}}
    first, second = (make.worker(queue, process, **options) for _ in range(2))
    await Heard(first, "completed", second).times(6)
    assert begun == names * 2


async def test_a_limiter_counts_whatever_the_concurrency(make: Makers, queue: Any) -> None:
    await added(queue, 4)
    limiter = {"max": 2, "duration": 300}
    times = await begins(make, queue, 4, limiter=limiter, concurrency=4)
    assert sorted(times)[2] - sorted(times)[0] >= 295


async def test_every_start_of_a_window_is_used_where_jobs_come_one_by_one(
    make: Makers, queue: Any
) -> None:
    limiter = {"max": 10, "duration": 600_000}
    worker = make.worker(queue, done, **IMPATIENT, limiter=limiter, concurrency=3)
    completed = Heard(worker, "completed")
    await queue.add("job", {})
    await completed.once()
    for _ in range(9):
        await queue.add("job", {})
    await completed.times(10)


async def test_every_start_of_a_window_is_used_by_several_workers(make: Makers, queue: Any) -> None:
    options = {**IMPATIENT, "limiter": {"max": 10, "duration": 600_000}, "concurrency": 3}
    first, second, third = (make.worker(queue, done, **options) for _ in range(3))
    completed = Heard(first, "completed", second, third)
    for _ in range(5):
        await added(queue, 2)
    await completed.times(10)


async def test_a_limiter_keeps_the_order_of_priorities(make: Makers, queue: Any) -> None:
    for priority in (3, 1, 2):
        await queue.add(str(priority), {}, {"priority": priority})
    options = {**IMPATIENT, "limiter": {"max": 1, "duration": 60}}
    calls = await Heard(make.worker(queue, done, **options), "completed").times(3)
    assert [job.name for job, _ in calls] == ["1", "2", "3"]


async def test_limited_jobs_keep_waiting(make: Makers, queue: Any) -> None:
    await added(queue, 3)
    limited = make.worker(queue, limiter={"max": 1, "duration": 60_000})
    assert await limited.getNextJob("t1") is not None
    assert await limited.getNextJob("t2") is None
    assert await queue.getJobCounts("active", "waiting") == {"active": 1, "waiting": 2}


async def test_the_time_left_of_a_window_can_be_read(make: Makers, queue: Any) -> None:
    await added(queue, 1)
    await make.worker(queue, limiter={"max": 1, "duration": 60_000}).getNextJob("t1")
    assert 50_000 < await queue.getRateLimitTtl() <= 60_000


async def test_without_a_limit_the_time_left_is_minus_2(queue: Any) -> None:
    assert await queue.getRateLimitTtl() == -2


async def test_a_look_that_finds_no_job_begins_no_window(make: Makers, queue: Any) -> None:
    limiter = {"max": 1, "duration": 60_000}
    worker = make.worker(queue, limiter=limiter, drainDelay=0.05)
    assert await worker.getNextJob("t1") is None
    assert await queue.getRateLimitTtl() == -2
    assert await queue.removeRateLimitKey() == 0


async def test_the_window_can_be_cleared(make: Makers, queue: Any) -> None:
    await added(queue, 2)
    limiter = {"max": 1, "duration": 60_000}
    await make.worker(queue, limiter=limiter).getNextJob("t1")
    assert await make.worker(queue, limiter=limiter).getNextJob("t2") is None
    assert await queue.removeRateLimitKey() == 1
    assert await make.worker(queue, limiter=limiter).getNextJob("t3") is not None


async def test_clearing_without_a_window_answers_0(queue: Any) -> None:
    assert await queue.removeRateLimitKey() == 0


async def test_a_queue_can_be_limited_by_hand(make: Makers, queue: Any) -> None:
    await added(queue, 1)
    await queue.rateLimit(60_000)
    assert 50_000 < await queue.getRateLimitTtl() <= 60_000
    limiter = {"max": 100, "duration": 1_000}
    assert await make.worker(queue, limiter=limiter).getNextJob("t1") is None
    await queue.removeRateLimitKey()
    assert await make.worker(queue, limiter=limiter).getNextJob("t2") is not None


async def test_a_worker_without_a_limiter_does_not_feel_the_limit_by_hand(
    make: Makers, queue: Any
) -> None:
    await added(queue, 1)
    await queue.rateLimit(60_000)
    assert await make.worker(queue).getNextJob("t1") is not None


async def test_a_limit_by_hand_ends_by_itself(make: Makers, queue: Any) -> None:
    await added(queue, 1)
    began = round(time.time() * 1000)
    await queue.rateLimit(200)
    [begin] = await begins(make, queue, 1, limiter={"max": 100, "duration": 1_000})
    assert begin - began >= 195


async def test_a_global_rate_limit_is_not_set_at_first(queue: Any) -> None:
    assert await queue.getGlobalRateLimit() is None


async def test_a_global_rate_limit_can_be_set_read_and_removed(make: Makers, queue: Any) -> None:
    await queue.setGlobalRateLimit(5, 1_000)
    assert await queue.getGlobalRateLimit() == {"max": 5, "duration": 1_000}
    assert await make.queue(queue.name).getGlobalRateLimit() == {"max": 5, "duration": 1_000}
    assert await queue.removeGlobalRateLimit() == 2
    assert await queue.getGlobalRateLimit() is None
    assert await queue.removeGlobalRateLimit() == 0


@pytest.mark.parametrize("options", [{}, {"limiter": {"max": 100, "duration": 60_000}}])
async def test_a_global_rate_limit_holds_for_every_worker(
    make: Makers, queue: Any, options: dict[str, Any]
) -> None:
    await queue.setGlobalRateLimit(1, 60_000)
    await added(queue, 2)
    assert await make.worker(queue, **options).getNextJob("t1") is not None
    assert await make.worker(queue, **options).getNextJob("t2") is None


async def test_the_window_of_a_workers_own_limiter_wins_over_the_global_one(
    make: Makers, queue: Any
) -> None:
    await queue.setGlobalRateLimit(1, 60_000)
    await added(queue, 2)
    times = await begins(make, queue, 2, limiter={"max": 100, "duration": 80})
    assert 75 <= times[1] - times[0] < 5_000


async def test_a_global_rate_limit_spaces_the_jobs(make: Makers, queue: Any) -> None:
    await queue.setGlobalRateLimit(1, 120)
    await added(queue, 3)
    times = await begins(make, queue, 3)
    assert times[2] - times[0] >= 2 * 115


async def test_global_concurrency_and_rate_limit_live_side_by_side(queue: Any) -> None:
    await queue.setGlobalConcurrency(3)
    await queue.setGlobalRateLimit(5, 1_000)
    await queue.removeGlobalConcurrency()
    assert await queue.getGlobalRateLimit() == {"max": 5, "duration": 1_000}
