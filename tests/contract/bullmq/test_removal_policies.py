"""removeOnComplete and removeOnFail: what stays of finished jobs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done, fail
from tests.contract.bullmq.signals import Heard, Story


async def finish(make: Makers, queue: Any, jobs: int, state: str, **worker: Any) -> list[str]:
    """Run the `jobs` waiting jobs and name those that are kept, newest first."""
    heard = Heard(make.worker(queue, done if state == "completed" else fail, **worker), state)
    await heard.times(jobs)
    return [job.name for job in await queue.getJobs([state])]


async def add_numbered(queue: Any, count: int, **options: Any) -> None:
    for n in range(count):
        await queue.add(str(n), {}, options)


OPTION = {"completed": "removeOnComplete", "failed": "removeOnFail"}


@pytest.mark.parametrize("state", OPTION)
async def test_finished_jobs_stay_unless_told_otherwise(
    make: Makers, queue: Any, state: str
) -> None:
    await add_numbered(queue, 3)
    assert await finish(make, queue, 3, state) == ["2", "1", "0"]


@pytest.mark.parametrize("state", OPTION)
@pytest.mark.parametrize("policy", [True, 0, {"count": 0}])
async def test_a_job_can_be_removed_at_once(
    make: Makers, queue: Any, state: str, policy: Any
) -> None:
    await add_numbered(queue, 2, **{OPTION[state]: policy})
    assert await finish(make, queue, 2, state) == []
    assert await queue.getJob("1") is None


@pytest.mark.parametrize("state", OPTION)
@pytest.mark.parametrize("policy", [2, {"count": 2}])
async def test_a_count_keeps_the_newest(make: Makers, queue: Any, state: str, policy: Any) -> None:
    await add_numbered(queue, 5, **{OPTION[state]: policy})
    assert await finish(make, queue, 5, state) == ["4", "3"]


@pytest.mark.parametrize("policy", [2, {"count": 2, "age": 60}])
async def test_a_count_holds_however_many_jobs_were_kept_before(
    make: Makers, queue: Any, policy: Any
) -> None:
    completed = Heard(make.worker(queue, done, concurrency=50), "completed")
    await queue.addBulk([{"name": "old", "data": {}} for _ in range(1100)])
    await completed.times(1100)
    await queue.add("new", {}, {"removeOnComplete": policy})
    await completed.times(1101)
    assert [job.name for job in await queue.getCompleted()] == ["new", "old"]


@pytest.mark.parametrize("state", OPTION)
async def test_false_keeps_every_job(make: Makers, queue: Any, state: str) -> None:
    await add_numbered(queue, 3, **{OPTION[state]: False})
    assert await finish(make, queue, 3, state) == ["2", "1", "0"]


@pytest.mark.parametrize("state", OPTION)
async def test_an_age_in_seconds_removes_older_jobs_when_the_next_one_finishes(
    make: Makers, queue: Any, state: str
) -> None:
    heard = Heard(make.worker(queue, done if state == "completed" else fail), state)
    await queue.add("old", {})
    await heard.once()
    await asyncio.sleep(1.05)  # ages are whole seconds
    await queue.add("new", {}, {OPTION[state]: {"age": 1}})
    await heard.times(2)
    assert [job.name for job in await queue.getJobs([state])] == ["new"]


async def test_an_age_alone_keeps_younger_jobs(make: Makers, queue: Any) -> None:
    await add_numbered(queue, 3, removeOnComplete={"age": 60})
    assert await finish(make, queue, 3, "completed") == ["2", "1", "0"]


async def test_age_and_count_work_together(make: Makers, queue: Any) -> None:
    await add_numbered(queue, 4, removeOnComplete={"age": 60, "count": 2})
    assert await finish(make, queue, 4, "completed") == ["3", "2"]


async def test_a_limit_bounds_how_many_old_jobs_one_finish_removes(
    make: Makers, queue: Any
) -> None:
    completed = Heard(make.worker(queue, done), "completed")
    await add_numbered(queue, 3)
    await completed.times(3)
    await asyncio.sleep(1.05)  # ages are whole seconds
    await queue.add("new", {}, {"removeOnComplete": {"age": 1, "limit": 2}})
    await completed.times(4)
    assert await queue.getCompletedCount() == 2


async def test_a_worker_can_have_the_policy_for_all_its_jobs(make: Makers, queue: Any) -> None:
    await add_numbered(queue, 3)
    assert await finish(make, queue, 3, "completed", removeOnComplete={"count": 1}) == ["2"]


async def test_a_worker_can_have_the_policy_for_failures(make: Makers, queue: Any) -> None:
    await add_numbered(queue, 3)
    assert await finish(make, queue, 3, "failed", removeOnFail={"count": 1}) == ["2"]


async def test_the_policy_of_a_job_wins_over_that_of_the_worker(make: Makers, queue: Any) -> None:
    await add_numbered(queue, 2, removeOnComplete=False)
    assert await finish(make, queue, 2, "completed", removeOnComplete=True) == ["1", "0"]


async def test_the_policy_of_a_worker_does_not_become_that_of_a_schedule(
    make: Makers, queue: Any
) -> None:
    await queue.upsertJobScheduler("hourly", {"every": 3_600_000})
    worker = make.worker(queue, done, removeOnComplete=True, removeOnFail=True)
    await Heard(worker, "completed").once()
    [following] = await queue.getDelayed()
    assert {"removeOnComplete", "removeOnFail"}.isdisjoint(following.opts)


async def test_a_failing_job_is_removed_only_after_its_last_try(make: Makers, queue: Any) -> None:
    job = await queue.add("job", {}, {"attempts": 2, "backoff": 50, "removeOnFail": True})
    failed = Heard(make.worker(queue, fail), "failed")
    await failed.once()
    assert await queue.getJob(job.id) is not None
    await failed.times(2)
    assert await queue.getJob(job.id) is None


async def test_the_result_of_a_removed_job_is_still_told(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    job = await queue.add("job", {}, {"removeOnComplete": True})
    make.worker(queue, done)
    told = await story.until("completed")
    assert told == {"jobId": job.id, "returnvalue": "done", "prev": "active"}


async def test_completed_and_failed_jobs_are_counted_apart(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> None:
        if job.data:
            raise ValueError("no")

    for data in (0, 1, 0, 1, 0, 1):
        await queue.add("job", data, {"removeOnComplete": 1, "removeOnFail": 2})
    await Heard(make.worker(queue, process), "failed").times(3)
    counts = await queue.getJobCounts("completed", "failed")
    assert counts == {"completed": 1, "failed": 2}


@pytest.mark.parametrize("state", OPTION)
async def test_who_hears_of_the_last_end_finds_no_more_jobs_than_are_kept(
    make: Makers, queue: Any, state: str
) -> None:
    story = Story(make.events(queue))
    await queue.addBulk([{"name": "kept so far", "data": {}} for _ in range(200)])
    last = await queue.add("last", {}, {OPTION[state]: 2})
    make.worker(queue, done if state == "completed" else fail)
    await story.until(state, jobId=last.id)
    assert await queue.getJobCountByTypes(state) == 2


async def test_who_hears_of_the_end_of_a_child_finds_no_more_jobs_than_are_kept(
    make: Makers, queue: Any
) -> None:
    story = Story(make.events(queue))
    await queue.addBulk([{"name": "kept so far", "data": {}} for _ in range(200)])
    child = {"name": "child", "queueName": queue.name, "opts": {"removeOnComplete": 2}}
    flow = {"name": "parent", "queueName": make.queue().name, "children": [child]}
    tree = await make.flow_producer().add(flow)
    make.worker(queue, done)
    await story.until("completed", jobId=tree["children"][0]["job"].id)
    assert await queue.getCompletedCount() == 2
