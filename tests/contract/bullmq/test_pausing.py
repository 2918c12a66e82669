"""Pausing and resuming: the whole queue, or one worker."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import Gate, done
from tests.contract.bullmq.signals import PATIENCE, Heard, Story
from tests.contract.bullmq.situations import added, names


async def test_a_queue_is_not_paused_at_first(queue: Any) -> None:
    assert await queue.isPaused() is False


async def test_pausing_and_resuming_a_queue(queue: Any) -> None:
    await queue.pause()
    assert await queue.isPaused() is True
    await queue.resume()
    assert await queue.isPaused() is False


async def test_pausing_twice_is_fine(queue: Any) -> None:
    await queue.pause()
    await queue.pause()
    assert await queue.isPaused() is True
    await queue.resume()
    assert await queue.isPaused() is False


async def test_every_instance_sees_that_the_queue_is_paused(make: Makers, queue: Any) -> None:
    await queue.pause()
    assert await make.queue(queue.name).isPaused() is True


async def test_a_paused_queue_gives_no_job(make: Makers, queue: Any) -> None:
    await added(queue, 1)
    await queue.pause()
    assert await make.worker(queue).getNextJob("token") is None
    assert names(await queue.getWaiting()) == ["w0"]


async def test_a_paused_queue_gives_no_prioritized_job(make: Makers, queue: Any) -> None:
    await added(queue, 1, priority=1)
    await queue.pause()
    assert await make.worker(queue).getNextJob("token") is None
    assert await queue.getJobCounts("prioritized") == {"prioritized": 1}


async def test_a_paused_queue_accepts_jobs_in_order(queue: Any) -> None:
    await added(queue, 2, "before")
    await queue.pause()
    await added(queue, 2, "during")
    await queue.resume()
    await added(queue, 1, "after")
    waiting = names(await queue.getWaiting())
    assert waiting == ["before0", "before1", "during0", "during1", "after0"]


async def test_resuming_wakes_idle_workers(make: Makers, queue: Any) -> None:
    await queue.pause()
    completed = Heard(make.worker(queue, done), "completed")
    await added(queue, 2)
    await queue.resume()
    assert [job.name for job, _ in await completed.times(2)] == ["w0", "w1"]


async def test_resuming_wakes_workers_for_prioritized_jobs(make: Makers, queue: Any) -> None:
    await queue.pause()
    completed = Heard(make.worker(queue, done), "completed")
    await added(queue, 1, priority=1)
    await queue.resume()
    assert (await completed.once())[0].name == "w0"


async def test_a_running_job_finishes_in_a_paused_queue(make: Makers, queue: Any) -> None:
    gate = Gate()
    [job, _] = await added(queue, 2)
    completed = Heard(make.worker(queue, gate.process), "completed")
    await gate.holds(1)
    await queue.pause()
    gate.open()
    finished, _ = await completed.once()
    assert finished.id == job.id
    assert await queue.getWaitingCount() == 1


async def test_a_due_job_of_a_paused_queue_becomes_waiting(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    await queue.pause()
    make.worker(queue, done)
    job = await queue.add("job", {}, {"delay": 50})
    await story.until("waiting", jobId=job.id)
    assert await job.getState() == "waiting"


async def test_pausing_and_resuming_a_queue_is_told(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    await queue.pause()
    await queue.resume()
    assert await story.until("resumed") == {}
    assert story.chapters == [("paused", {}), ("resumed", {})]


async def test_a_paused_worker_takes_no_job_until_it_is_resumed(make: Makers, queue: Any) -> None:
    await added(queue, 1, "before")
    worker = make.worker(queue, done)
    completed = Heard(worker, "completed")
    await completed.once()
    await worker.pause()
    await added(queue, 1, "after")
    await asyncio.sleep(0.05)  # time in which a worker that is not paused would take the job
    assert names(await queue.getWaiting()) == ["after0"]
    worker.resume()
    assert worker.paused is False
    assert [job.name for job, _ in await completed.times(2)] == ["before0", "after0"]


async def test_pausing_a_worker_waits_for_its_running_job(make: Makers, queue: Any) -> None:
    gate = Gate()
    [job] = await added(queue, 1)
    worker = make.worker(queue, gate.process)
    paused = Heard(worker, "paused")
    await gate.holds(1)
    pausing = asyncio.ensure_future(worker.pause())
    await asyncio.sleep(0)
    assert paused.calls == []
    gate.open()
    await asyncio.wait_for(pausing, PATIENCE)
    assert await job.getState() == "completed"
    assert paused.calls == [()]


async def test_a_cancelled_pause_still_waits_for_the_running_job(make: Makers, queue: Any) -> None:
    gate = Gate()
    [job] = await added(queue, 1)
    worker = make.worker(queue, gate.process)
    paused = Heard(worker, "paused")
    await gate.holds(1)
    pausing = asyncio.ensure_future(worker.pause())
    for _ in range(3):
        await asyncio.sleep(0.02)
        pausing.cancel()
    await asyncio.sleep(0.02)
    assert paused.calls == []
    gate.open()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(asyncio.CancelledError):
            await pausing
    assert await job.getState() == "completed"
    assert (worker.paused, paused.calls) == (True, [()])


async def test_pausing_a_worker_without_waiting_returns_at_once(make: Makers, queue: Any) -> None:
    gate = Gate()
    [job] = await added(queue, 1)
    worker = make.worker(queue, gate.process)
    completed = Heard(worker, "completed")
    await gate.holds(1)
    await worker.pause(True)
    assert await job.getState() == "active"
    gate.open()
    await completed.once()


async def test_pausing_and_resuming_a_worker_is_told_to_its_listeners(
    make: Makers, queue: Any
) -> None:
    await added(queue, 1)
    worker = make.worker(queue, done)
    paused, resumed = Heard(worker, "paused"), Heard(worker, "resumed")
    await Heard(worker, "completed").once()
    await worker.pause()
    worker.resume()
    assert (paused.calls, resumed.calls) == ([()], [()])


async def test_resuming_a_worker_that_runs_tells_nothing(make: Makers, queue: Any) -> None:
    await added(queue, 1)
    worker = make.worker(queue, done)
    resumed = Heard(worker, "resumed")
    await Heard(worker, "completed").once()
    worker.resume()
    assert resumed.calls == []


async def test_pausing_one_worker_leaves_the_others_running(make: Makers, queue: Any) -> None:
    await added(queue, 1, "before")
    first = make.worker(queue, done)
    await Heard(first, "completed").once()
    await first.pause()
    completed = Heard(make.worker(queue, done), "completed")
    await added(queue, 3)
    assert len(await completed.times(3)) == 3
    assert await queue.isPaused() is False


async def test_every_pause_and_resume_is_told(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    for call in (queue.pause, queue.pause, queue.resume, queue.resume):
        await call()
    await story.until("resumed", 2)
    assert story.names() == ["paused", "paused", "resumed", "resumed"]


@pytest.mark.parametrize("whole_queue", [True, False])
@pytest.mark.parametrize("removed", [True, False])
async def test_jobs_that_came_during_a_pause_run_in_order(
    make: Makers, queue: Any, whole_queue: bool, removed: bool
) -> None:
    begun: list[str] = []

    async def process(job: Any, token: str) -> None:
        begun.append(job.name)

    await added(queue, 1, "before")
    worker = make.worker(queue, process, concurrency=4)
    completed = Heard(worker, "completed")
    await completed.once()
    paused = queue if whole_queue else worker
    await paused.pause()
    jobs = await added(queue, 8)
    if removed:
        await jobs.pop().remove()
    resuming = paused.resume()
    if whole_queue:
        await resuming
    await completed.times(1 + len(jobs))
    assert begun[1:] == [job.name for job in jobs]


async def test_pausing_and_resuming_answer_0(queue: Any) -> None:
    assert (await queue.pause(), await queue.resume()) == (0, 0)
