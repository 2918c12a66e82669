"""What finishing by hand answers, with and without the next job."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Story
from tests.contract.bullmq.situations import active, added

NOTHING = [None, None, None, None]


async def test_without_fetching_the_answer_holds_nothing(make: Makers, queue: Any) -> None:
    first, second = await active(make, queue, 2)
    assert await first.moveToCompleted("done", "token-0") == NOTHING
    assert await second.moveToFailed(ValueError("no"), "token-1") == NOTHING


async def test_an_empty_queue_answers_nothing(make: Makers, queue: Any) -> None:
    [job] = await active(make, queue, 1)
    assert await job.moveToCompleted("done", "token-0", True) == NOTHING


async def test_the_answer_names_the_next_due_time(make: Makers, queue: Any) -> None:
    [job] = await active(make, queue, 1)
    await queue.add("later", {}, {"delay": 60_000})
    answer = await job.moveToCompleted("done", "token-0", True)
    assert answer[:3] == [None, 0, 0]
    assert 50_000 < answer[3] - time.time() * 1000 < 61_000


async def test_a_queue_whose_next_job_is_due_later_is_not_told_as_drained(
    make: Makers, queue: Any
) -> None:
    story = Story(make.events(queue))
    first, second = await active(make, queue, 2)
    later = await queue.add("later", {}, {"delay": 60_000})
    await first.moveToCompleted("done", "token-0")
    await second.moveToFailed(ValueError("no"), "token-1", True)
    await later.remove()
    await story.until("removed")
    assert story.told("drained") == []


async def test_a_paused_queue_hands_out_no_next_job(make: Makers, queue: Any) -> None:
    [job] = await active(make, queue, 1)
    await added(queue, 1)
    await queue.pause()
    assert await job.moveToCompleted("done", "token-0", True) == [None, 0, 0, 0]
    assert await queue.getWaitingCount() == 1


async def test_a_rate_limit_holds_for_the_next_job(make: Makers, queue: Any) -> None:
    await added(queue, 2)
    worker = make.worker(queue, limiter={"max": 1, "duration": 60_000})
    job = await worker.getNextJob("token")
    nothing, _, limited, _ = await job.moveToCompleted("done", "token", True)
    assert nothing is None
    assert 0 < limited <= 60_000


async def test_the_place_a_finished_job_frees_is_for_the_next_one(make: Makers, queue: Any) -> None:
    await queue.setGlobalConcurrency(1)
    await added(queue, 2)
    worker = make.worker(queue)
    job = await worker.getNextJob("token")
    assert await worker.getNextJob("other") is None
    _, next_id, _, _ = await job.moveToCompleted("done", "token", True)
    assert next_id == "2"


async def test_a_try_that_is_repeated_at_once_brings_no_next_job(make: Makers, queue: Any) -> None:
    await added(queue, 2, attempts=2)
    job = await make.worker(queue).getNextJob("token")
    assert await job.moveToFailed(ValueError("no"), "token", True) is None
    assert await queue.getJobCounts("active", "waiting") == {"active": 0, "waiting": 2}


async def test_a_backed_off_try_brings_the_next_job(make: Makers, queue: Any) -> None:
    await added(queue, 2, attempts=2, backoff=60_000)
    job = await make.worker(queue).getNextJob("token")
    _, next_id, _, _ = await job.moveToFailed(ValueError("no"), "token", True)
    assert next_id == "2"


@pytest.mark.parametrize("paused", [False, True])
async def test_a_backed_off_try_with_no_next_job_is_not_answered(
    make: Makers, queue: Any, paused: bool
) -> None:
    await added(queue, 1, attempts=2, backoff=60_000)
    job = await make.worker(queue).getNextJob("token")
    if paused:
        await queue.add("next", {})
        await queue.pause()
    assert await job.moveToFailed(ValueError("no"), "token", True) is None
    assert await job.isDelayed()


async def test_the_next_job_comes_as_its_stored_texts(make: Makers, queue: Any) -> None:
    [job] = await active(make, queue, 1)
    await queue.add("next", {"a": 1}, {"attempts": 2, "keepLogs": 3, "priority": 4})
    data, next_id, _, _ = await job.moveToCompleted("done", "token-0", True)
    assert (data["name"], data["data"], data["priority"], data["ats"]) == (
        "next",
        '{"a":1}',
        "4",
        "1",
    )
    opts = json.loads(data["opts"])
    assert opts == {"attempts": 2, "delay": 0, "kl": 3, "priority": 4}
    again = make.backend.Job.fromJSON(make.worker(queue), data, next_id)
    assert (again.id, again.name, again.opts["keepLogs"], again.attemptsStarted) == (
        next_id,
        "next",
        3,
        1,
    )


async def test_a_later_try_comes_with_what_the_earlier_ones_left(make: Makers, queue: Any) -> None:
    await queue.add("twice", {}, {"attempts": 2})
    worker = make.worker(queue)
    first = await worker.getNextJob("t1")
    await queue.add("other", {}, {"lifo": True})
    await first.moveToFailed(ValueError("no"), "t1")
    other = await worker.getNextJob("t2")
    data, _, _, _ = await other.moveToCompleted("done", "t2", True)
    assert (data["atm"], data["ats"], data["failedReason"]) == ("1", "2", "no")
    assert len(json.loads(data["stacktrace"])) == 1


async def test_token_zero_stands_for_whoever_holds_the_job(make: Makers, queue: Any) -> None:
    [job] = await active(make, queue, 1)
    stranger = await queue.getJob(job.id)
    await stranger.moveToCompleted("done", "0")
    assert (await queue.getJob(job.id)).returnvalue == "done"


async def test_token_zero_needs_an_active_job(make: Makers, queue: Any) -> None:
    [job] = await added(queue, 1)
    message = f"^Job {job.id} is not in the active state. moveToFinished$"
    with pytest.raises(TypeError, match=message):
        await job.moveToCompleted("done", "0")


async def test_waiting_for_children_looks_at_children_before_the_lock(
    make: Makers, queue: Any
) -> None:
    [job] = await added(queue, 1)
    assert await job.moveToWaitingChildren("no lock", {}) is False


async def test_waiting_for_children_needs_a_job_that_is_still_there(
    make: Makers, queue: Any
) -> None:
    [job] = await active(make, queue, 1)
    await queue.obliterate(True)
    message = r"^Missing key for job 1\. moveToWaitingChildren$"
    with pytest.raises(TypeError, match=message):
        await job.moveToWaitingChildren(job.token, {})


async def test_waiting_for_children_needs_the_lock_when_there_are_some(
    make: Makers, queue: Any
) -> None:
    [job] = await active(make, queue, 1)
    link = {"id": job.id, "queue": queue.qualifiedName}
    await make.queue().add("child", {}, {"parent": link})
    with pytest.raises(TypeError, match=r"^Lock mismatch for job 1\. Cmd moveToWaitingChildren"):
        await job.moveToWaitingChildren("another token", {})


async def test_a_returnvalue_is_on_the_job_even_when_it_is_refused(
    make: Makers, queue: Any
) -> None:
    [job] = await added(queue, 1)
    with pytest.raises(TypeError, match="Missing lock"):
        await job.moveToCompleted("done", "token")
    assert job.returnvalue == "done"
