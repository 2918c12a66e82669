"""Job.promote and Queue.promoteJobs: delayed jobs that run at once."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done
from tests.contract.bullmq.signals import Heard, Story
from tests.contract.bullmq.situations import added, names


async def test_a_promoted_job_waits_at_the_tail(queue: Any) -> None:
    job = await queue.add("promoted", {}, {"delay": 60_000})
    await added(queue, 2)
    await job.promote()
    assert await job.getState() == "waiting"
    assert names(await queue.getWaiting()) == ["w0", "w1", "promoted"]


async def test_a_promoted_job_has_no_delay_any_more(queue: Any) -> None:
    job = await queue.add("job", {}, {"delay": 60_000})
    await job.promote()
    assert job.delay == 0
    assert (await queue.getJob(job.id)).delay == 0


async def test_a_promoted_job_with_a_priority_becomes_prioritized(queue: Any) -> None:
    job = await queue.add("job", {}, {"delay": 60_000, "priority": 4})
    await job.promote()
    assert await job.getState() == "prioritized"


async def test_a_promoted_job_runs_at_once(make: Makers, queue: Any) -> None:
    job = await queue.add("job", {}, {"delay": 60_000})
    completed = Heard(make.worker(queue, done), "completed")
    await job.promote()
    finished, _ = await completed.once()
    assert finished.id == job.id


async def test_a_promotion_is_told_as_waiting_from_delayed(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    job = await queue.add("job", {}, {"delay": 60_000})
    await job.promote()
    assert await story.until("waiting") == {"jobId": job.id, "prev": "delayed"}


async def test_only_a_delayed_job_can_be_promoted(queue: Any) -> None:
    job = await queue.add("job", {})
    with pytest.raises(TypeError, match=f"^Job {job.id} is not in the delayed state. promote$"):
        await job.promote()
    assert await job.getState() == "waiting"


async def test_a_job_is_promoted_once(queue: Any) -> None:
    job = await queue.add("job", {}, {"delay": 60_000})
    await job.promote()
    with pytest.raises(TypeError, match=f"^Job {job.id} is not in the delayed state. promote$"):
        await job.promote()


async def test_promoting_a_removed_job_is_an_error(queue: Any) -> None:
    job = await queue.add("job", {}, {"delay": 60_000})
    await job.remove()
    with pytest.raises(TypeError, match=f"^Job {job.id} is not in the delayed state. promote$"):
        await job.promote()


async def test_a_job_of_a_paused_queue_can_be_promoted(queue: Any) -> None:
    await queue.pause()
    job = await queue.add("job", {}, {"delay": 60_000})
    await job.promote()
    assert await job.getState() == "waiting"


async def test_promote_jobs_promotes_all_in_the_order_of_their_due_times(queue: Any) -> None:
    for n in (2, 0, 1):
        await queue.add(f"d{n}", {}, {"delay": 60_000 + n * 1_000})
    await queue.promoteJobs()
    assert names(await queue.getWaiting()) == ["d0", "d1", "d2"]
    assert await queue.getDelayedCount() == 0


async def test_the_count_of_promote_jobs_is_a_batch_and_no_limit(queue: Any) -> None:
    await added(queue, 5, "d", delay=60_000)
    await queue.promoteJobs({"count": 2})
    assert await queue.getJobCounts("delayed", "waiting") == {"delayed": 0, "waiting": 5}


async def test_promote_jobs_without_any_delayed_job_does_nothing(queue: Any) -> None:
    await added(queue, 1)
    await queue.promoteJobs()
    assert await queue.getWaitingCount() == 1
