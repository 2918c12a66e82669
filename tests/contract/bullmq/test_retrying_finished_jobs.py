"""Job.retry and Queue.retryJobs: finished jobs that run again."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard, Story
from tests.contract.bullmq.situations import active, added, completed, failed, names


async def test_a_failed_job_can_be_retried(make: Makers, queue: Any) -> None:
    [job] = await failed(make, queue, 1)
    await job.retry()
    assert await job.getState() == "waiting"
    assert await queue.getFailedCount() == 0


async def test_a_completed_job_can_be_retried(make: Makers, queue: Any) -> None:
    [job] = await completed(make, queue, 1)
    await job.retry("completed")
    assert await job.getState() == "waiting"
    assert await queue.getCompletedCount() == 0


async def test_a_retried_job_runs_again(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> str:
        return "second time"

    [job] = await failed(make, queue, 1)
    await job.retry()
    finished, result = await Heard(make.worker(queue, process), "completed").once()
    assert (finished.id, result, finished.attemptsMade) == (job.id, "second time", 2)


async def test_a_retried_failure_forgets_its_end(make: Makers, queue: Any) -> None:
    [job] = await failed(make, queue, 1)
    await job.retry()
    assert (job.failedReason, job.finishedOn, job.processedOn) == (None, None, None)
    stored = await queue.getJob(job.id)
    assert (stored.failedReason, stored.finishedOn, stored.processedOn) == (None, 0, 0)


async def test_a_retried_completion_forgets_its_result(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> str:
        return "result"

    job = await queue.add("job", {})
    await Heard(worker := make.worker(queue, process), "completed").once()
    await worker.close()
    await job.retry("completed")
    assert job.returnvalue is None
    assert (await queue.getJob(job.id)).returnvalue is None


async def test_a_retried_completion_keeps_the_reason_of_an_earlier_try(
    make: Makers, queue: Any
) -> None:
    job = await queue.add("job", {}, {"attempts": 2})
    worker = make.worker(queue)
    await (await worker.getNextJob("one")).moveToFailed(ValueError("no"), "one")
    await (await worker.getNextJob("two")).moveToCompleted("value", "two")
    await (await queue.getJob(job.id)).retry("completed")
    stored = await queue.getJob(job.id)
    assert (stored.failedReason, stored.returnvalue) == ("no", None)


async def test_a_retried_job_keeps_its_tries_and_traces(make: Makers, queue: Any) -> None:
    [job] = await failed(make, queue, 1)
    await job.retry()
    stored = await queue.getJob(job.id)
    assert (stored.attemptsMade, stored.attemptsStarted, len(stored.stacktrace)) == (1, 1, 1)


async def test_the_tries_can_be_reset(make: Makers, queue: Any) -> None:
    [job] = await failed(make, queue, 1)
    await job.retry("failed", {"resetAttemptsMade": True, "resetAttemptsStarted": True})
    assert (job.attemptsMade, job.attemptsStarted) == (0, 0)
    stored = await queue.getJob(job.id)
    assert (stored.attemptsMade, stored.attemptsStarted) == (0, 0)


async def test_one_counter_can_be_reset_alone(make: Makers, queue: Any) -> None:
    [job] = await failed(make, queue, 1)
    await job.retry("failed", {"resetAttemptsMade": True})
    stored = await queue.getJob(job.id)
    assert (stored.attemptsMade, stored.attemptsStarted) == (0, 1)


async def test_a_retried_job_goes_to_the_tail(make: Makers, queue: Any) -> None:
    [job] = await failed(make, queue, 1)
    await added(queue, 2)
    await job.retry()
    assert names(await queue.getWaiting()) == ["w0", "w1", "f0"]


async def test_a_retried_lifo_job_goes_to_the_head(make: Makers, queue: Any) -> None:
    [job] = await failed(make, queue, 1, lifo=True)
    await added(queue, 2)
    await (await queue.getJob(job.id)).retry()
    assert names(await queue.getWaiting()) == ["f0", "w0", "w1"]


async def test_a_retried_prioritized_job_keeps_its_priority(make: Makers, queue: Any) -> None:
    [job] = await failed(make, queue, 1, priority=2)
    await job.retry()
    assert await job.getState() == "prioritized"


async def test_a_retry_is_told_as_waiting_from_failed(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    [job] = await failed(make, queue, 1)
    await job.retry()
    assert await story.until("waiting", count=2) == {"jobId": job.id, "prev": "failed"}


async def test_a_retry_of_a_completed_job_is_told_as_waiting_from_completed(
    make: Makers, queue: Any
) -> None:
    story = Story(make.events(queue))
    [job] = await completed(make, queue, 1)
    await job.retry("completed")
    assert await story.until("waiting", count=2) == {"jobId": job.id, "prev": "completed"}


async def test_only_a_finished_job_can_be_retried(make: Makers, queue: Any) -> None:
    [job] = await added(queue, 1)
    message = f"^Job {job.id} is not in the failed state. reprocessJob$"
    with pytest.raises(TypeError, match=message):
        await job.retry()
    assert await job.getState() == "waiting"


async def test_a_completed_job_is_not_retried_as_a_failed_one(make: Makers, queue: Any) -> None:
    [job] = await completed(make, queue, 1)
    message = f"^Job {job.id} is not in the failed state. reprocessJob$"
    with pytest.raises(TypeError, match=message):
        await job.retry("failed")
    assert await job.getState() == "completed"


async def test_a_removed_job_cannot_be_retried(make: Makers, queue: Any) -> None:
    [job] = await failed(make, queue, 1)
    await job.remove()
    with pytest.raises(TypeError, match=f"^Missing key for job {job.id}. reprocessJob$"):
        await job.retry()


async def test_retry_jobs_moves_all_failed_jobs_to_waiting(make: Makers, queue: Any) -> None:
    await failed(make, queue, 4)
    await queue.retryJobs()
    assert await queue.getJobCounts("failed", "waiting") == {"failed": 0, "waiting": 4}


async def test_retry_jobs_keeps_the_order_of_finishing(make: Makers, queue: Any) -> None:
    await failed(make, queue, 4)
    await queue.retryJobs()
    assert names(await queue.getWaiting()) == ["f0", "f1", "f2", "f3"]


async def test_retry_jobs_can_move_completed_jobs(make: Makers, queue: Any) -> None:
    await completed(make, queue, 3)
    await queue.retryJobs({"state": "completed"})
    assert await queue.getJobCounts("completed", "waiting") == {"completed": 0, "waiting": 3}


async def test_the_count_of_retry_jobs_is_a_batch_and_no_limit(make: Makers, queue: Any) -> None:
    await failed(make, queue, 5)
    await queue.retryJobs({"count": 2})
    assert await queue.getJobCounts("failed", "waiting") == {"failed": 0, "waiting": 5}


async def test_retry_jobs_can_leave_out_the_newest(make: Makers, queue: Any) -> None:
    await failed(make, queue, 2)
    await asyncio.sleep(0.005)  # finishing times are whole milliseconds
    moment = round(time.time() * 1000)
    await asyncio.sleep(0.005)
    await failed(make, queue, 2)
    await queue.retryJobs({"timestamp": moment})
    assert await queue.getJobCounts("failed", "waiting") == {"failed": 2, "waiting": 2}


async def test_retry_jobs_puts_prioritized_jobs_among_the_plain_ones(
    make: Makers, queue: Any
) -> None:
    await failed(make, queue, 2, priority=5)
    await queue.retryJobs()
    assert await queue.getJobCounts("prioritized", "waiting") == {"prioritized": 0, "waiting": 2}


async def test_retry_jobs_does_not_reset_the_tries(make: Makers, queue: Any) -> None:
    [job] = await failed(make, queue, 1)
    await queue.retryJobs()
    stored = await queue.getJob(job.id)
    assert (stored.attemptsMade, stored.failedReason, stored.finishedOn) == (1, None, 0)


async def test_retry_jobs_without_any_failed_job_does_nothing(make: Makers, queue: Any) -> None:
    await active(make, queue, 1)
    await queue.retryJobs()
    assert await queue.getJobCounts("active", "waiting") == {"active": 1, "waiting": 0}
