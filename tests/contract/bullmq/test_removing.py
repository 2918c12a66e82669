"""Job.remove and Queue.remove."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Story
from tests.contract.bullmq.situations import active, added, completed, failed, names


@pytest.mark.parametrize(
    ("state", "options"),
    [("waiting", {}), ("delayed", {"delay": 60_000}), ("prioritized", {"priority": 1})],
)
async def test_a_job_that_has_not_begun_can_be_removed(
    queue: Any, state: str, options: dict[str, Any]
) -> None:
    [job] = await added(queue, 1, **options)
    assert await job.getState() == state
    await job.remove()
    assert await queue.getJob(job.id) is None
    assert await queue.getJobCounts(state) == {state: 0}


async def test_a_completed_job_can_be_removed(make: Makers, queue: Any) -> None:
    [job] = await completed(make, queue, 1)
    await job.remove()
    assert await queue.getJob(job.id) is None
    assert await queue.getCompletedCount() == 0


async def test_a_failed_job_can_be_removed(make: Makers, queue: Any) -> None:
    [job] = await failed(make, queue, 1)
    await job.remove()
    assert await queue.getFailedCount() == 0


async def test_removing_one_job_leaves_the_order_of_the_others(queue: Any) -> None:
    jobs = await added(queue, 4)
    await jobs[1].remove()
    assert names(await queue.getWaiting()) == ["w0", "w2", "w3"]


async def test_a_locked_job_cannot_be_removed(make: Makers, queue: Any) -> None:
    [job] = await active(make, queue, 1)
    message = f"^Job {job.id} could not be removed because it is locked by another worker$"
    with pytest.raises(Exception, match=message):
        await job.remove()
    assert await job.getState() == "active"


async def test_a_job_can_be_removed_as_soon_as_its_lock_is_over_and_frees_its_place(
    make: Makers, queue: Any
) -> None:
    await queue.setGlobalConcurrency(1)
    jobs = await added(queue, 4)
    worker = make.worker(queue, lockDuration=100)
    for expected in jobs[:3]:
        job = await worker.getNextJob("token")
        assert job.id == expected.id
        await asyncio.sleep(0.11)  # what the lock lasts: nobody is told of its end
        await job.remove()
        assert await job.getState() == "unknown"
        with pytest.raises(Exception, match=f"^Missing key for job {job.id}. moveToFinished"):
            await job.moveToFailed(ValueError("too late"), "token")
    assert (await worker.getNextJob("token")).id == jobs[3].id


@pytest.mark.parametrize(
    ("place", "options"),
    [("wait", {}), ("delayed", {"delay": 60_000}), ("prioritized", {"priority": 1})],
)
async def test_a_removal_is_told_with_the_place_before(
    make: Makers, queue: Any, place: str, options: dict[str, Any]
) -> None:
    story = Story(make.events(queue))
    [job] = await added(queue, 1, "w", **options)
    await job.remove()
    assert await story.until("removed") == {"jobId": job.id, "prev": place}


@pytest.mark.parametrize(("state", "finish"), [("completed", completed), ("failed", failed)])
async def test_the_removal_of_a_finished_job_is_told(
    make: Makers, queue: Any, state: str, finish: Any
) -> None:
    story = Story(make.events(queue))
    [job] = await finish(make, queue, 1)
    await job.remove()
    assert await story.until("removed") == {"jobId": job.id, "prev": state}


async def test_queue_remove_answers_1(queue: Any) -> None:
    [job] = await added(queue, 1)
    assert await queue.remove(job.id) == 1
    assert await queue.getJob(job.id) is None


async def test_queue_remove_answers_1_for_an_unknown_job_too(queue: Any) -> None:
    assert await queue.remove("unknown") == 1


async def test_queue_remove_answers_0_for_a_locked_job(make: Makers, queue: Any) -> None:
    [job] = await active(make, queue, 1)
    assert await queue.remove(job.id) == 0
    assert await job.getState() == "active"


async def test_queue_remove_answers_minus_8_for_a_job_of_a_scheduler(queue: Any) -> None:
    job = await queue.upsertJobScheduler("hourly", {"every": 3_600_000, "startDate": 4e12})
    assert await queue.remove(job.id) == -8
    assert await job.getState() == "delayed"


async def test_a_removed_job_frees_its_deduplication_id(queue: Any) -> None:
    job = await queue.add("job", {}, {"deduplication": {"id": "d"}})
    await job.remove()
    assert await queue.getDeduplicationJobId("d") is None


async def test_a_job_removed_during_its_last_moments_is_an_error_for_its_worker(
    make: Makers, queue: Any
) -> None:
    [job] = await active(make, queue, 1)
    await queue.obliterate(force=True)
    with pytest.raises(TypeError, match=f"^Missing key for job {job.id}. moveToFinished$"):
        await job.moveToCompleted("late", "token-0")
