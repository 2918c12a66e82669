"""Running a worker's processor on jobs taken by hand, and looking for stalled ones."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import PATIENCE, Heard, Story
from tests.contract.bullmq.situations import active, added


async def _double(job: Any, token: str) -> Any:
    return job.data * 2


async def _fail(job: Any, token: str) -> None:
    raise ValueError(f"no {job.data}")


async def test_a_job_taken_by_hand_is_run_and_completed(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    worker = make.worker(queue, _double, autorun=False)
    heard = [Heard(worker, event) for event in ("active", "completed", "failed", "error")]
    await added(queue, 1, removeOnComplete=False)
    [second] = await added(queue, 1, "x")
    job = await worker.getNextJob("mine")
    assert await worker.processJob(job, "mine") is None
    assert (job.attemptsMade, job.returnvalue) == (1, 0)
    last = await worker.getNextJob("mine")
    await worker.processJob(last, "mine")
    assert last.id == second.id
    assert [len(one.calls) for one in heard] == [2, 2, 0, 0]
    assert heard[1].calls[1] == (last, 0)
    assert await queue.getJobCounts("completed", "active", "waiting") == {
        "completed": 2,
        "active": 0,
        "waiting": 0,
    }
    await story.until("drained")
    assert len(worker.jobs) == worker.lockManager.get_active_job_count() == 0


async def test_a_job_taken_by_hand_is_run_and_tried_again(make: Makers, queue: Any) -> None:
    worker = make.worker(queue, _fail, autorun=False)
    failed = Heard(worker, "failed")
    await added(queue, 1, attempts=2)
    for state in ("waiting", "failed"):
        job = await worker.getNextJob("mine")
        await worker.processJob(job, "mine")
        assert await job.getState() == state
    assert (job.attemptsMade, job.failedReason) == (2, "no 0")
    assert [str(error) for _, error in failed.calls] == ["no 0", "no 0"]


async def test_the_options_of_the_worker_count_for_jobs_taken_by_hand(
    make: Makers, queue: Any
) -> None:
    worker = make.worker(queue, _double, autorun=False, removeOnComplete=True)
    await added(queue, 1)
    job = await worker.getNextJob("mine")
    await worker.processJob(job, "mine")
    assert await queue.getJob(job.id) is None


async def test_the_job_of_another_token_is_not_finished_and_told_as_an_error(
    make: Makers, queue: Any
) -> None:
    [job] = await active(make, queue, 1)
    worker = make.worker(queue, _double, autorun=False)
    errors = Heard(worker, "error")
    await worker.processJob(await queue.getJob(job.id), "not mine")
    error, told = errors.calls[0]
    assert (told.id, "moveToFinished" in str(error)) == (job.id, True)
    assert await job.getState() == "active"


async def test_the_signal_of_a_job_run_by_hand_can_be_aborted(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str, signal: Any) -> str:
        await signal.wait()
        return str(signal.reason)

    worker = make.worker(queue, process, autorun=False)
    await added(queue, 1)
    job = await worker.getNextJob("mine")
    running = asyncio.ensure_future(worker.processJob(job, "mine"))
    async with asyncio.timeout(PATIENCE):
        while not worker.cancelJob(job.id, "enough"):
            await asyncio.sleep(0)
        await running
    assert job.returnvalue == "enough"


async def test_a_subclass_may_have_its_own_way_with_jobs(make: Makers, queue: Any) -> None:
    class Counting(make.backend.Worker):  # type: ignore[name-defined, misc]
        begun: ClassVar[list[Any]] = []

        async def processJob(self, job: Any, token: str) -> None:
            self.begun.append((job.id, token == job.token))
            await super().processJob(job, token)

    story = Story(make.events(queue))
    await added(queue, 2)
    worker = Counting(queue.name, _double, make.options({}))
    make.backend.prepare_worker(worker)
    try:
        await Heard(worker, "completed").times(2)
        await story.until("drained")
    finally:
        await worker.close()
    assert worker.begun == [("1", True), ("2", True)]
    assert [len(worker.jobs), worker.lockManager.get_active_job_count()] == [0, 0]
    assert await queue.getCompletedCount() == 2
    await queue.add("last", {}, {"jobId": "last"})
    await story.until("waiting", jobId="last")
    assert story.names().count("drained") == 1


async def test_a_processor_that_completes_its_own_job_drains_the_queue_once(
    make: Makers, queue: Any
) -> None:
    async def process(job: Any, token: str) -> None:
        await job.moveToCompleted("by itself", token)

    story = Story(make.events(queue))
    await queue.add("job", {})
    worker = make.worker(queue, process)
    await Heard(worker, "error").once()  # its outcome is stored already
    await worker.close()
    await queue.add("last", {}, {"jobId": "last"})
    await story.until("waiting", jobId="last")
    assert story.names().count("drained") == 1
    assert (await queue.getJob("1")).returnvalue == "by itself"


async def test_one_look_for_stalled_jobs_brings_back_those_whose_lock_is_over(
    make: Makers, queue: Any
) -> None:
    owner = make.worker(queue, lockDuration=200)
    await added(queue, 2)
    jobs = [await owner.getNextJob("gone") for _ in range(2)]
    worker = make.worker(queue, stalledInterval=1)
    stalled = Heard(worker, "stalled")
    async with asyncio.timeout(PATIENCE):
        while len(stalled.calls) < 2:
            assert await worker.runStalledJobsCheck() is None
            await asyncio.sleep(0.02)
    assert {job_id for (job_id,) in stalled.calls} == {job.id for job in jobs}
    assert [await job.getState() for job in jobs] == ["waiting", "waiting"]
    assert [(await queue.getJob(job.id)).stalledCounter for job in jobs] == [1, 1]
