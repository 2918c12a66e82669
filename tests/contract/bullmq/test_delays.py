"""Delayed jobs: when they become due, and in which order they run."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done
from tests.contract.bullmq.signals import Heard, Story


async def test_a_delayed_job_is_delayed_and_not_waiting(queue: Any) -> None:
    job = await queue.add("job", {}, {"delay": 60_000})
    assert await job.getState() == "delayed"
    assert await queue.getJobCounts("waiting", "delayed") == {"waiting": 0, "delayed": 1}


async def test_a_delay_is_readable_on_the_job(queue: Any) -> None:
    job = await queue.add("job", {}, {"delay": 60_000})
    assert job.delay == 60_000
    stored = await queue.getJob(job.id)
    assert (stored.delay, stored.opts["delay"]) == (60_000, 60_000)


async def test_a_delay_may_be_a_whole_number_in_text(queue: Any) -> None:
    job = await queue.add("job", {}, {"delay": "60000"})
    assert await job.getState() == "delayed"
    (stored,) = await queue.getDelayed()
    assert stored.delay == 60_000


async def test_a_delay_is_told_with_its_due_time(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    job = await queue.add("job", {}, {"delay": 60_000})
    due = str(job.timestamp + 60_000)
    assert await story.until("delayed") == {"jobId": job.id, "delay": due}
    assert story.names(job.id) == ["added", "delayed"]


@pytest.mark.parametrize("delay", [1, 50, 300])
async def test_a_delayed_job_is_never_early(make: Makers, queue: Any, delay: int) -> None:
    completed = Heard(make.worker(queue, done), "completed")
    job = await queue.add("job", {}, {"delay": delay})
    finished, _ = await completed.once()
    assert finished.processedOn >= job.timestamp + delay


async def test_a_due_job_runs_soon_after_its_time(make: Makers, queue: Any) -> None:
    completed = Heard(make.worker(queue, done), "completed")
    job = await queue.add("job", {}, {"delay": 200})
    finished, _ = await completed.once()
    assert finished.processedOn - (job.timestamp + 200) < 500


async def test_the_delay_counts_from_a_given_timestamp(make: Makers, queue: Any) -> None:
    completed = Heard(make.worker(queue, done), "completed")
    past = round(time.time() * 1000) - 59_900
    await queue.add("job", {}, {"timestamp": past, "delay": 60_000})
    finished, _ = await completed.once()
    assert past + 60_000 <= finished.processedOn < past + 62_000


async def test_delayed_jobs_run_in_the_order_of_their_due_times(make: Makers, queue: Any) -> None:
    assert await queue.getDelayedCount() == 0  # connects, which may take longer than a delay
    now = round(time.time() * 1000)
    for name, delay in (("third", 240), ("first", 80), ("second", 160)):
        await queue.add(name, {}, {"delay": delay, "timestamp": now})
    completed = Heard(make.worker(queue, done), "completed")
    names = [job.name for job, _ in await completed.times(3)]
    assert names == ["first", "second", "third"]


async def test_jobs_due_in_the_same_millisecond_run_in_the_order_added(
    make: Makers, queue: Any
) -> None:
    now = round(time.time() * 1000)
    rows = [{"name": "job", "data": n, "opts": {"delay": 500, "timestamp": now}} for n in range(20)]
    await queue.addBulk(rows)
    completed = Heard(make.worker(queue, done), "completed")
    assert [job.data for job, _ in await completed.times(20)] == list(range(20))


async def test_a_due_job_joins_the_tail_of_the_waiting_jobs(make: Makers, queue: Any) -> None:
    await queue.pause()
    await queue.add("delayed", {}, {"delay": 200})
    await queue.add("waiting", {})
    await asyncio.sleep(0.25)  # nothing tells that a job is due while nobody fetches
    await queue.resume()
    completed = Heard(make.worker(queue, done), "completed")
    assert [job.name for job, _ in await completed.times(2)] == ["waiting", "delayed"]


async def test_a_due_job_with_a_priority_becomes_prioritized(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    manual = make.worker(queue)
    job = await queue.add("job", {}, {"delay": 500, "priority": 2})
    assert await job.getState() == "delayed"
    await queue.pause()
    await asyncio.sleep(0.51)  # the job falls due; the next fetch attempt moves it
    assert await manual.getNextJob("token") is None
    await story.until("waiting", jobId=job.id)
    assert await job.getState() == "prioritized"


async def test_a_due_job_is_told_as_waiting_from_delayed(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    make.worker(queue, done)
    job = await queue.add("job", {}, {"delay": 50})
    assert await story.until("waiting") == {"jobId": job.id, "prev": "delayed"}
    await story.until("completed")
    assert story.names(job.id) == ["added", "delayed", "waiting", "active", "completed"]


async def test_a_waiting_job_does_not_wait_for_a_delayed_one(make: Makers, queue: Any) -> None:
    completed = Heard(make.worker(queue, done), "completed")
    await queue.add("later", {}, {"delay": 60_000})
    await queue.add("now", {})
    job, _ = await completed.once()
    assert job.name == "now"


async def test_a_sooner_job_wakes_a_worker_that_waits_for_a_later_one(
    make: Makers, queue: Any
) -> None:
    completed = Heard(make.worker(queue, done), "completed")
    await queue.add("later", {}, {"delay": 60_000})
    await queue.add("sooner", {}, {"delay": 100})
    job, _ = await completed.once()
    assert job.name == "sooner"
    assert job.processedOn - job.timestamp < 5_000


async def test_a_removed_delayed_job_never_runs(make: Makers, queue: Any) -> None:
    completed = Heard(make.worker(queue, done), "completed")
    gone = await queue.add("gone", {}, {"delay": 100})
    await queue.add("stays", {}, {"delay": 150})
    await gone.remove()
    job, _ = await completed.once()
    assert job.name == "stays"


async def test_a_job_without_a_delay_keeps_a_stored_delay_of_zero(queue: Any) -> None:
    job = await queue.add("job", {}, {"delay": 0})
    assert await job.getState() == "waiting"
    assert (await queue.getJob(job.id)).delay == 0


async def test_thousands_of_delayed_jobs_run_in_the_order_of_their_due_times(
    make: Makers, queue: Any
) -> None:
    # Due times lie further apart than the server may be late: 250 ms.
    dues = [1_500 + 500 * (n % 5) for n in range(2_000)]
    random.Random(7).shuffle(dues)
    now = round(time.time() * 1000)
    rows = [{"name": "job", "data": due, "opts": {"delay": due, "timestamp": now}} for due in dues]
    await queue.addBulk(rows)
    completed = Heard(make.worker(queue, done, concurrency=1), "completed")
    ran = [job.data for job, _ in await completed.times(len(dues))]
    assert ran == sorted(dues)
