"""close(): of workers, gracefully and by force, and of everything else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import Gate, done
from tests.contract.bullmq.signals import PATIENCE, Heard, Story
from tests.contract.bullmq.situations import added


async def test_a_graceful_close_waits_for_running_jobs(make: Makers, queue: Any) -> None:
    gate = Gate()
    [job] = await added(queue, 1)
    worker = make.worker(queue, gate.process)
    await gate.holds(1)
    closing = asyncio.ensure_future(worker.close())
    await asyncio.sleep(0.02)
    assert not closing.done()
    gate.open()
    await asyncio.wait_for(closing, PATIENCE)
    assert await job.getState() == "completed"
    assert worker.closed is True


@pytest.mark.parametrize("times", [1, 3])
async def test_a_cancelled_close_still_waits_for_running_jobs(
    make: Makers, queue: Any, times: int
) -> None:
    gate = Gate()
    [job] = await added(queue, 1)
    worker = make.worker(queue, gate.process)
    await gate.holds(1)
    closing = asyncio.ensure_future(worker.close())
    for _ in range(times):
        await asyncio.sleep(0.02)
        closing.cancel()
    await asyncio.sleep(0.02)
    assert not closing.done()
    gate.open()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(asyncio.CancelledError):
            await closing
    assert await job.getState() == "completed"
    assert worker.closed is True


async def test_a_forced_close_ends_one_that_was_cancelled(make: Makers, queue: Any) -> None:
    gate = Gate()
    [job] = await added(queue, 1)
    worker = make.worker(queue, gate.process)
    await gate.holds(1)
    closing = asyncio.ensure_future(worker.close())
    await asyncio.sleep(0.02)
    closing.cancel()
    await asyncio.wait_for(worker.close(force=True), PATIENCE)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(asyncio.CancelledError):
            await closing
    assert await job.getState() == "active"


async def test_a_job_may_close_its_own_worker_by_force(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> None:
        await worker.close(force=True)

    [job] = await added(queue, 1)
    worker = make.worker(queue, process)
    await Heard(worker, "closed").once()
    assert await job.getState() == "active"


async def test_a_closing_worker_takes_no_further_job(make: Makers, queue: Any) -> None:
    gate = Gate()
    await added(queue, 3)
    worker = make.worker(queue, gate.process)
    await gate.holds(1)
    closing = asyncio.ensure_future(worker.close())
    await asyncio.sleep(0)
    assert worker.closing is True
    gate.open()
    await asyncio.wait_for(closing, PATIENCE)
    assert await queue.getJobCounts("completed", "waiting") == {"completed": 1, "waiting": 2}


@pytest.mark.parametrize("together", [None, 1, 2])
async def test_a_job_that_ends_in_the_moment_of_the_close_is_the_last(
    make: Makers, queue: Any, together: int | None
) -> None:
    started: list[str] = []
    closing: list[asyncio.Future[None]] = []

    async def process(job: Any, token: str) -> None:
        started.append(job.id)
        if len(started) == 5:
            closing.append(asyncio.ensure_future(worker.close()))
            await asyncio.sleep(0)  # close() has been called, this job is all that is left

    if together is not None:
        await queue.setGlobalConcurrency(together)
    await added(queue, 12)
    worker = make.worker(queue, process)
    closed = Heard(worker, "closed")
    await closed.once()
    await closing[0]
    assert started == ["1", "2", "3", "4", "5"]
    assert await queue.getJobCounts("active", "waiting") == {"active": 0, "waiting": 7}


async def test_an_idle_worker_closes_at_once(make: Makers, queue: Any) -> None:
    await added(queue, 1)
    worker = make.worker(queue, done)
    await Heard(worker, "completed").once()
    await asyncio.sleep(0.05)  # the worker is idle now and waits for a job
    async with asyncio.timeout(1.5):
        await worker.close()
    assert worker.closed is True


async def test_a_worker_that_never_ran_closes(make: Makers, queue: Any) -> None:
    worker = make.worker(queue, done, autorun=False)
    await worker.close()
    assert worker.closed is True


async def test_closing_a_paused_worker_ends_its_run(make: Makers, queue: Any) -> None:
    await added(queue, 1)
    worker = make.worker(queue, done, autorun=False)
    running = asyncio.ensure_future(worker.run())
    await Heard(worker, "completed").once()
    await worker.pause()
    await worker.close()
    await asyncio.wait_for(running, PATIENCE)
    assert worker.closed is True


async def test_a_forced_close_cancels_running_jobs_and_leaves_them_active(
    make: Makers, queue: Any
) -> None:
    gate = Gate()
    [job] = await added(queue, 1)
    worker = make.worker(queue, gate.process)
    await gate.holds(1)
    await asyncio.wait_for(worker.close(force=True), PATIENCE)
    assert worker.closed is True
    assert gate.cancelled is True
    assert await job.getState() == "active"


async def test_a_forced_close_tells_the_signal_why(make: Makers, queue: Any) -> None:
    begun = asyncio.Event()
    reasons: list[str | None] = []

    async def process(job: Any, token: str, signal: Any) -> None:
        begun.set()
        try:
            await asyncio.wait_for(asyncio.Event().wait(), PATIENCE)
        finally:
            reasons.append(signal.reason)

    await added(queue, 1)
    worker = make.worker(queue, process)
    await asyncio.wait_for(begun.wait(), PATIENCE)
    await asyncio.wait_for(worker.close(True), PATIENCE)
    assert reasons == ["worker force-closed"]


async def test_a_job_of_a_worker_closed_by_force_is_found_as_stalled(
    make: Makers, queue: Any
) -> None:
    gate = Gate()
    [job] = await added(queue, 1)
    worker = make.worker(queue, gate.process, lockDuration=200)
    await gate.holds(1)
    await asyncio.wait_for(worker.close(force=True), PATIENCE)
    finder = make.worker(queue, done, stalledInterval=60)
    finished, _ = await Heard(finder, "completed").once()
    assert finished.id == job.id


async def test_closing_a_worker_twice_is_fine(make: Makers, queue: Any) -> None:
    await added(queue, 1)
    worker = make.worker(queue, done)
    await Heard(worker, "completed").once()
    await worker.close()
    await worker.close()
    assert worker.closed is True


async def test_queue_events_close_once_and_for_all(make: Makers, queue: Any) -> None:
    events = make.events(queue)
    heard = Heard(events, "waiting")
    await added(queue, 1)
    await heard.once()
    await events.close()
    await events.close()
    assert events.closed is True


async def test_jobs_of_a_closed_worker_can_still_be_asked_and_changed(
    make: Makers, queue: Any
) -> None:
    worker = make.worker(queue, done)
    completed = Heard(worker, "completed")
    await added(queue, 1)
    job, _ = await completed.once()
    await worker.close()
    await queue.close()
    assert await job.getState() == "completed"
    assert await job.log("late") == 1
    await job.updateData({"late": True})
    await job.retry("completed")
    assert (await queue.getJob(job.id)).data == {"late": True}
    assert await queue.getJobCounts("waiting", "completed") == {"waiting": 1, "completed": 0}


async def test_jobs_of_a_closed_flow_producer_can_still_be_asked(make: Makers, queue: Any) -> None:
    producer = make.flow_producer()
    child = {"name": "child", "queueName": queue.name}
    tree = await producer.add({"name": "parent", "queueName": queue.name, "children": [child]})
    await producer.close()
    assert await tree["job"].getState() == "waiting-children"
    await tree["children"][0]["job"].remove()
    assert await tree["job"].getState() == "waiting"


async def test_a_closed_queue_works_again(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    await queue.close()
    [job] = await added(queue, 1)
    await story.until("waiting", jobId=job.id)
    assert await queue.isPaused() is False


async def test_closing_one_queue_leaves_its_namesakes_working(make: Makers, queue: Any) -> None:
    other = make.queue(queue.name)
    await other.add("job", {})
    await other.close()
    assert await queue.getWaitingCount() == 1


async def test_a_closed_flow_producer_answers_none(make: Makers, queue: Any) -> None:
    producer = make.flow_producer()
    await producer.close()
    assert producer.closing is True
    assert await producer.add({"name": "job", "queueName": queue.name}) is None
    assert await producer.addBulk([{"name": "job", "queueName": queue.name}]) is None


async def test_jobs_wait_for_the_next_worker(make: Makers, queue: Any) -> None:
    await added(queue, 1)
    first = make.worker(queue, done)
    await Heard(first, "completed").once()
    await first.close()
    await added(queue, 1, "later")
    finished, _ = await Heard(make.worker(queue, done), "completed").once()
    assert finished.name == "later0"
