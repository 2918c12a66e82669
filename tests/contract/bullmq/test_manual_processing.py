"""Taking and finishing jobs by hand, with a token of one's own."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import PATIENCE, Story
from tests.contract.bullmq.situations import added


async def test_an_empty_queue_gives_none_at_once(make: Makers, queue: Any) -> None:
    began = time.monotonic()
    assert await make.worker(queue).getNextJob("token") is None
    assert time.monotonic() - began < 0.9


async def test_after_an_empty_answer_the_next_call_waits_for_a_job(
    make: Makers, queue: Any
) -> None:
    worker = make.worker(queue, drainDelay=5)
    assert await worker.getNextJob("t1") is None
    waiting = asyncio.ensure_future(worker.getNextJob("t2"))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    await added(queue, 1)
    job = await asyncio.wait_for(waiting, PATIENCE)
    assert (job.name, job.token) == ("w0", "t2")


async def test_the_wait_for_a_job_ends_after_the_drain_delay(make: Makers, queue: Any) -> None:
    worker = make.worker(queue, drainDelay=0.2)
    assert await worker.getNextJob("t1") is None
    began = time.monotonic()
    assert await worker.getNextJob("t2") is None
    assert 0.15 < time.monotonic() - began < 2


async def test_a_job_that_comes_as_the_wait_ends_is_given_or_left(make: Makers, queue: Any) -> None:
    async def produce() -> None:
        for number in range(200):
            await queue.add("job", number)
            await asyncio.sleep(0.003)

    worker = make.worker(queue, drainDelay=0.002)
    given = []
    producing = asyncio.ensure_future(produce())
    while not producing.done() or await queue.getWaitingCount():
        job = await worker.getNextJob("token")
        if job is not None:
            given.append(job.id)
    assert sorted(given) == sorted([job.id for job in await queue.getActive()])


async def test_pausing_ends_the_wait_for_a_job(make: Makers, queue: Any) -> None:
    worker = make.worker(queue, drainDelay=60)
    assert await worker.getNextJob("t1") is None
    waiting = asyncio.ensure_future(worker.getNextJob("t2"))
    await asyncio.sleep(0.02)
    await worker.pause()
    assert await asyncio.wait_for(waiting, PATIENCE) is None
    job = await queue.add("job", {})
    assert await job.getState() == "waiting"


async def test_pausing_ends_a_wait_that_has_hardly_begun(make: Makers, queue: Any) -> None:
    worker = make.worker(queue, drainDelay=60)
    assert await worker.getNextJob("t1") is None
    waiting = asyncio.ensure_future(worker.getNextJob("t2"))
    await asyncio.sleep(0)
    await worker.pause()
    assert await asyncio.wait_for(waiting, PATIENCE) is None


async def test_a_taken_job_is_active(make: Makers, queue: Any) -> None:
    await added(queue, 2)
    job = await make.worker(queue).getNextJob("token")
    assert job.name == "w0"
    assert await job.getState() == "active"
    assert await queue.getJobCounts("active", "waiting") == {"active": 1, "waiting": 1}


async def test_taking_a_job_is_told(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    [job] = await added(queue, 1)
    await make.worker(queue).getNextJob("token")
    assert await story.until("active") == {"jobId": job.id, "prev": "waiting"}


async def test_two_takers_get_two_jobs(make: Makers, queue: Any) -> None:
    await added(queue, 2)
    first, second = await asyncio.gather(
        make.worker(queue).getNextJob("t1"), make.worker(queue).getNextJob("t2")
    )
    assert {first.name, second.name} == {"w0", "w1"}


async def test_completing_by_hand(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    await added(queue, 1)
    job = await make.worker(queue).getNextJob("token")
    await job.moveToCompleted({"pages": 3}, "token")
    assert await job.getState() == "completed"
    assert (job.returnvalue, job.attemptsMade) == ({"pages": 3}, 1)
    stored = await queue.getJob(job.id)
    assert (stored.returnvalue, stored.attemptsMade) == ({"pages": 3}, 1)
    assert stored.finishedOn == job.finishedOn
    told = await story.until("completed")
    assert told == {"jobId": job.id, "returnvalue": {"pages": 3}, "prev": "active"}


async def test_completing_can_take_the_next_job_at_once(make: Makers, queue: Any) -> None:
    await added(queue, 2)
    job = await make.worker(queue).getNextJob("token")
    data, next_id, limit_until, delay_until = await job.moveToCompleted("done", "token", True)
    assert (data["name"], data["data"], next_id) == ("w1", "1", "2")
    assert (limit_until, delay_until) == (0, 0)
    assert await queue.getJobState("2") == "active"


async def test_the_next_job_is_held_with_the_same_token(make: Makers, queue: Any) -> None:
    await added(queue, 2)
    job = await make.worker(queue).getNextJob("token")
    data, next_id, _, _ = await job.moveToCompleted("done", "token", True)
    following = make.backend.Job.fromJSON(job.queue, data, next_id)
    await following.moveToCompleted("done too", "token")
    assert await following.getState() == "completed"


async def test_completing_without_a_next_job_gives_no_data(make: Makers, queue: Any) -> None:
    await added(queue, 1)
    job = await make.worker(queue).getNextJob("token")
    result = await job.moveToCompleted("done", "token", True)
    assert not result or not result[0]


async def test_completing_without_asking_takes_no_next_job(make: Makers, queue: Any) -> None:
    await added(queue, 2)
    job = await make.worker(queue).getNextJob("token")
    await job.moveToCompleted("done", "token")
    assert await queue.getJobCounts("active", "waiting") == {"active": 0, "waiting": 1}


async def test_failing_by_hand(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    await added(queue, 1)
    job = await make.worker(queue).getNextJob("token")
    await job.moveToFailed(ValueError("paper jam"), "token")
    assert await job.getState() == "failed"
    assert (job.failedReason, job.attemptsMade) == ("paper jam", 1)
    assert (await queue.getJob(job.id)).failedReason == "paper jam"
    told = await story.until("failed")
    assert told == {"jobId": job.id, "failedReason": "paper jam", "prev": "active"}


async def test_failing_by_hand_takes_text_as_well(make: Makers, queue: Any) -> None:
    await added(queue, 1)
    job = await make.worker(queue).getNextJob("token")
    await job.moveToFailed("paper jam", "token")
    assert (await queue.getJob(job.id)).failedReason == "paper jam"


async def test_failing_by_hand_retries_while_there_are_tries_left(make: Makers, queue: Any) -> None:
    await added(queue, 1, attempts=2)
    job = await make.worker(queue).getNextJob("t1")
    await job.moveToFailed(ValueError("no"), "t1")
    assert await job.getState() == "waiting"
    again = await make.worker(queue).getNextJob("t2")
    assert (again.attemptsMade, again.attemptsStarted) == (1, 2)
    await again.moveToFailed(ValueError("no"), "t2")
    assert await job.getState() == "failed"


async def test_failing_by_hand_backs_off(make: Makers, queue: Any) -> None:
    await added(queue, 1, attempts=2, backoff=60_000)
    job = await make.worker(queue).getNextJob("token")
    await job.moveToFailed(ValueError("no"), "token")
    assert await job.getState() == "delayed"
    assert (job.delay, (await queue.getJob(job.id)).delay) == (60_000, 60_000)


async def test_failing_can_take_the_next_job_at_once(make: Makers, queue: Any) -> None:
    await added(queue, 2)
    job = await make.worker(queue).getNextJob("token")
    data, next_id, _, _ = await job.moveToFailed(ValueError("no"), "token", True)
    assert (data["name"], next_id) == ("w1", "2")


@pytest.mark.parametrize("value", [None, 0, "text", [1], {"a": 1}])
async def test_a_result_given_by_hand_may_be_any_json(make: Makers, queue: Any, value: Any) -> None:
    await added(queue, 1)
    job = await make.worker(queue).getNextJob("token")
    await job.moveToCompleted(value, "token")
    assert (await queue.getJob(job.id)).returnvalue == value


async def test_a_drained_queue_is_told_when_the_last_job_is_finished(
    make: Makers, queue: Any
) -> None:
    story = Story(make.events(queue))
    await added(queue, 2)
    worker = make.worker(queue)
    for token in ("t1", "t2"):
        job = await worker.getNextJob(token)
        await job.moveToCompleted("done", token)
    await story.until("drained")
    assert story.names() == [
        *("added", "waiting", "added", "waiting"),
        *("active", "completed", "active", "completed"),
        "drained",
    ]
