"""Jobs whose worker is gone: found by the others, run again, failed in the end."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done
from tests.contract.bullmq.signals import Heard, Story
from tests.contract.bullmq.situations import added

QUICK = {"lockDuration": 1_000, "stalledInterval": 60}
"""Options of a worker that looks for stalled jobs often; its own locks last long enough."""


async def abandoned(make: Makers, queue: Any, count: int = 1, **options: Any) -> list[Any]:
    """Jobs taken by a worker that never renews its short locks nor finishes."""
    await added(queue, count, "lost", **options)
    worker = make.worker(queue, lockDuration=50)
    return [await worker.getNextJob(f"dead-{n}") for n in range(count)]


async def test_a_stalled_job_runs_again(make: Makers, queue: Any) -> None:
    [job] = await abandoned(make, queue)
    finished, result = await Heard(make.worker(queue, done, **QUICK), "completed").once()
    assert (finished.id, result) == (job.id, "done")


async def test_a_stalled_job_counts_its_stalls_and_begins_but_no_try(
    make: Makers, queue: Any
) -> None:
    await abandoned(make, queue)
    finished, _ = await Heard(make.worker(queue, done, **QUICK), "completed").once()
    stored = await queue.getJob(finished.id)
    assert (stored.stalledCounter, stored.attemptsStarted, stored.attemptsMade) == (1, 2, 1)


async def test_the_worker_that_finds_a_stalled_job_tells_its_id(make: Makers, queue: Any) -> None:
    [job] = await abandoned(make, queue)
    assert await Heard(make.worker(queue, done, **QUICK), "stalled").once() == (job.id,)


async def test_a_stall_is_told_by_the_queue(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    [job] = await abandoned(make, queue)
    make.worker(queue, done, **QUICK)
    await story.until("completed")
    assert story.told("stalled") == [{"jobId": job.id}]
    assert story.told("waiting")[1] == {"jobId": job.id, "prev": "active"}
    assert story.names(job.id) == [
        *("added", "waiting", "active"),
        *("waiting", "stalled", "active", "completed"),
    ]


async def test_a_stalled_job_goes_to_the_head(make: Makers, queue: Any) -> None:
    await abandoned(make, queue)
    await queue.pause()
    await added(queue, 2)
    worker = make.worker(queue, done, **QUICK)
    completed = Heard(worker, "completed")
    await Heard(worker, "stalled").once()
    await queue.resume()
    names = [job.name for job, _ in await completed.times(3)]
    assert names == ["lost0", "w0", "w1"]


async def test_several_stalled_jobs_are_all_found(make: Makers, queue: Any) -> None:
    jobs = await abandoned(make, queue, 3)
    calls = await Heard(make.worker(queue, done, **QUICK), "completed").times(3)
    assert sorted(job.id for job, _ in calls) == sorted(job.id for job in jobs)


async def test_a_job_that_stalls_too_often_fails_without_its_processor(
    make: Makers, queue: Any
) -> None:
    ran: list[str] = []

    async def process(job: Any, token: str) -> None:
        ran.append(job.id)

    [job] = await abandoned(make, queue)
    worker = make.worker(queue, process, maxStalledCount=0, **QUICK)
    failed, error = await Heard(worker, "failed").once()
    assert (failed.id, str(error)) == (job.id, "job stalled more than allowable limit")
    assert isinstance(error, make.backend.UnrecoverableError)
    stored = await queue.getJob(job.id)
    assert stored.failedReason == "job stalled more than allowable limit"
    assert await job.getState() == "failed"
    assert ran == []


async def test_a_job_with_tries_left_fails_as_well_when_it_stalls_too_often(
    make: Makers, queue: Any
) -> None:
    [job] = await abandoned(make, queue, attempts=5)
    worker = make.worker(queue, done, maxStalledCount=0, **QUICK)
    await Heard(worker, "failed").once()
    assert await job.getState() == "failed"


async def test_a_job_that_stalled_too_often_waits_until_a_worker_takes_it(
    make: Makers, queue: Any
) -> None:
    [job] = await abandoned(make, queue)
    await queue.pause()
    worker = make.worker(queue, done, maxStalledCount=0, **QUICK)
    await Heard(worker, "stalled").once()
    assert await job.getState() == "waiting"
    stored = await queue.getJob(job.id)
    assert stored.deferredFailure == "job stalled more than allowable limit"


async def test_a_job_may_stall_as_often_as_allowed(make: Makers, queue: Any) -> None:
    [job] = await abandoned(make, queue)
    finder = make.worker(queue, done, maxStalledCount=2, **QUICK)
    await queue.pause()
    await Heard(finder, "stalled").once()
    await finder.close()
    await queue.resume()
    again = await make.worker(queue, lockDuration=50).getNextJob("dead again")
    assert (again.id, again.stalledCounter, again.deferredFailure) == (job.id, 1, None)
    second = make.worker(queue, done, maxStalledCount=2, **QUICK)
    finished, _ = await Heard(second, "completed").once()
    assert (await queue.getJob(finished.id)).stalledCounter == 2


@pytest.mark.parametrize("scheduler", ["there", "removed"])
async def test_a_job_of_a_scheduler_may_stall_for_ever_while_that_is_there(
    make: Makers, queue: Any, scheduler: str
) -> None:
    job = await queue.upsertJobScheduler("nightly", {"every": 3_600_000})
    await make.worker(queue, lockDuration=50).getNextJob("dead")
    if scheduler == "removed":
        await queue.removeJobScheduler("nightly")
    worker = make.worker(queue, done, maxStalledCount=0, **QUICK)
    failed, completed = Heard(worker, "failed"), Heard(worker, "completed")
    await (failed if scheduler == "removed" else completed).once()
    stored = await queue.getJob(job.id)
    reason = "job stalled more than allowable limit" if scheduler == "removed" else None
    assert (stored.failedReason, stored.stalledCounter) == (reason, 1)


async def test_the_dead_worker_cannot_finish_its_job_any_more(make: Makers, queue: Any) -> None:
    [job] = await abandoned(make, queue)
    await Heard(make.worker(queue, done, **QUICK), "completed").once()
    with pytest.raises(TypeError, match=f"^Missing lock for job {job.id}. moveToFinished$"):
        await job.moveToCompleted("late", "dead-0")
    assert (await queue.getJob(job.id)).returnvalue == "done"


async def test_a_job_whose_lock_lives_is_not_stalled(make: Makers, queue: Any) -> None:
    await added(queue, 1, "held")
    await make.worker(queue, lockDuration=30_000).getNextJob("token")
    await abandoned(make, queue)
    worker = make.worker(queue, done, **QUICK)
    stalled, completed = Heard(worker, "stalled"), Heard(worker, "completed")
    finished, _ = await completed.once()
    assert finished.name == "lost0"
    assert stalled.calls == [(finished.id,)]
    assert await queue.getJobCounts("active") == {"active": 1}


async def test_a_stalled_job_with_a_priority_goes_to_the_head_as_well(
    make: Makers, queue: Any
) -> None:
    [job] = await abandoned(make, queue, priority=7)
    await queue.pause()
    await added(queue, 2)
    worker = make.worker(queue, done, **QUICK)
    completed = Heard(worker, "completed")
    await Heard(worker, "stalled").once()
    assert await job.getState() == "waiting"
    await queue.resume()
    names = [job.name for job, _ in await completed.times(3)]
    assert names == ["lost0", "w0", "w1"]
