"""Jobs that a processor gives back, and how often they may begin."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard
from tests.contract.bullmq.situations import added


@pytest.mark.parametrize("limit", [150, "150"])
async def test_a_rate_limited_job_goes_back_and_runs_later(
    make: Makers, queue: Any, limit: Any
) -> None:
    tries: list[tuple[int, int]] = []

    async def process(job: Any, token: str) -> None:
        tries.append((job.attemptsMade, job.attemptsStarted))
        if len(tries) == 1:
            await worker.rateLimit(limit)
            raise worker.RateLimitError()

    await added(queue, 1)
    worker = make.worker(queue, process, limiter={"max": 100, "duration": 1_000})
    failed = Heard(worker, "failed")
    began = time.monotonic()
    await Heard(worker, "completed").once()
    assert time.monotonic() - began >= 0.14
    assert (tries, failed.calls) == ([(0, 1), (0, 2)], [])


async def test_a_rate_limited_job_goes_before_its_equals_and_behind_what_is_more_urgent(
    make: Makers, queue: Any
) -> None:
    begun: list[str] = []

    async def process(job: Any, token: str) -> None:
        begun.append(job.name)
        if job.attemptsStarted == 1:
            if job.name == "w0":
                await queue.add("urgent", {}, {"priority": 1})
            await worker.rateLimit(50)
            raise worker.RateLimitError()

    await added(queue, 3, priority=2)
    worker = make.worker(queue, process, limiter={"max": 1, "duration": 10})
    await Heard(worker, "completed").times(4)
    assert begun == ["w0", "urgent", "urgent", "w0", "w1", "w1", "w2", "w2"]


async def test_a_job_that_went_back_to_wait_is_no_failure(make: Makers, queue: Any) -> None:
    module = __import__(make.backend.package)

    async def process(job: Any, token: str) -> str:
        if job.attemptsStarted == 1:
            await job.moveToWait(token)
            raise module.WaitingError
        return "second time"

    await added(queue, 1)
    worker = make.worker(queue, process)
    failed = Heard(worker, "failed")
    job, result = await Heard(worker, "completed").once()
    assert (result, job.attemptsMade, failed.calls) == ("second time", 1, [])


@pytest.mark.parametrize("before", [0, 1])
async def test_a_job_that_got_a_priority_as_it_ran_goes_back_before_its_new_equals(
    make: Makers, queue: Any, before: int
) -> None:
    await queue.add("first", {}, {"jobId": "first", "priority": before})
    await queue.add("equal", {}, {"jobId": "equal", "priority": 5})
    worker = make.worker(queue)
    taken = await worker.getNextJob("token")
    await (await queue.getJob("first")).changePriority({"priority": 5})
    await taken.moveToWait("token")
    assert [job.id for job in await queue.getPrioritized()] == ["first", "equal"]


async def test_a_job_that_began_too_often_fails(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> None:
        await job.moveToDelayed(round(time.time() * 1000) + 10, token)
        raise make.backend.DelayedError

    await added(queue, 1)
    worker = make.worker(queue, process, maxStartedAttempts=2)
    _, error = await Heard(worker, "failed").once()
    assert str(error) == "job started more than allowable limit"
    assert await queue.getJobState("1") == "failed"


async def test_a_job_that_began_as_often_as_it_may_fails_with_its_own_error(
    make: Makers, queue: Any
) -> None:
    async def process(job: Any, token: str) -> None:
        raise ValueError(f"start {job.attemptsStarted}")

    [job] = await added(queue, 1, attempts=5)
    worker = make.worker(queue, process, maxStartedAttempts=2)
    await Heard(worker, "failed").times(2)
    stored = await queue.getJob(job.id)
    assert (await stored.getState(), stored.failedReason) == ("failed", "start 2")
    assert (stored.attemptsMade, stored.attemptsStarted) == (2, 2)
