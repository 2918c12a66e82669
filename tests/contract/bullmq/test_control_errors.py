"""Errors a processor raises to say that its job goes elsewhere."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.contract.bullmq.backends.backend import Backend
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard, Story


def in_ms(pause: int) -> int:
    return round(time.time() * 1000) + pause


async def test_a_delayed_job_runs_again_when_it_is_due(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> str:
        if job.attemptsStarted == 1:
            await job.moveToDelayed(in_ms(80), token)
            raise make.backend.DelayedError
        return "second time"

    await queue.add("job", {})
    worker = make.worker(queue, process)
    failed = Heard(worker, "failed")
    _, result = await Heard(worker, "completed").once()
    assert (result, failed.calls) == ("second time", [])


async def test_delaying_on_purpose_is_no_try(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> None:
        if job.attemptsStarted == 1:
            await job.moveToDelayed(in_ms(20), token)
            raise make.backend.DelayedError

    await queue.add("job", {})
    job, _ = await Heard(make.worker(queue, process), "completed").once()
    stored = await queue.getJob(job.id)
    assert (stored.attemptsMade, stored.attemptsStarted) == (1, 2)


async def test_a_job_delayed_on_purpose_is_delayed(make: Makers, queue: Any) -> None:
    await queue.add("job", {})
    job = await make.worker(queue).getNextJob("token")
    due = in_ms(60_000)
    await job.moveToDelayed(due, "token")
    assert await job.getState() == "delayed"
    assert 59_000 < job.delay <= 60_000
    assert 59_000 < (await queue.getJob(job.id)).delay <= 60_000


async def test_delaying_on_purpose_is_told_with_the_due_time(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    await queue.add("job", {})
    job = await make.worker(queue).getNextJob("token")
    due = in_ms(60_000)
    await job.moveToDelayed(due, "token")
    told = await story.until("delayed")
    assert (told["jobId"], told["delay"]) == (job.id, str(due))


async def test_a_job_delayed_into_the_past_is_due_at_once(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> str:
        if job.attemptsStarted == 1:
            await job.moveToDelayed(in_ms(-1_000), token)
            raise make.backend.DelayedError
        return "again"

    await queue.add("job", {})
    job, result = await Heard(make.worker(queue, process), "completed").once()
    assert (result, job.attemptsStarted) == ("again", 2)


async def test_delaying_takes_the_lock_holders_token(make: Makers, queue: Any) -> None:
    await queue.add("job", {})
    job = await make.worker(queue).getNextJob("token")
    message = f"^Lock mismatch for job {job.id}. Cmd moveToDelayed from active$"
    with pytest.raises(TypeError, match=message):
        await job.moveToDelayed(in_ms(60_000), "another token")
    assert await job.getState() == "active"


async def test_a_processor_may_add_children_and_wait_for_them(make: Makers, queue: Any) -> None:
    children = make.queue()

    async def process(job: Any, token: str) -> Any:
        if job.data == "begin":
            parent = {"id": job.id, "queue": job.queueQualifiedName}
            await children.add("child", {}, {"parent": parent})
            await job.updateData("children added")
            if await job.moveToWaitingChildren(token, {}):
                raise make.backend.WaitingChildrenError
        return await job.getChildrenValues()

    async def work(job: Any, token: str) -> str:
        return "child's value"

    job = await queue.add("job", "begin")
    make.worker(children, work)
    worker = make.worker(queue, process)
    failed = Heard(worker, "failed")
    finished, result = await Heard(worker, "completed").once()
    assert list(result.values()) == ["child's value"]
    assert (finished.id, failed.calls) == (job.id, [])


async def test_waiting_for_children_is_no_try(make: Makers, queue: Any) -> None:
    children = make.queue()

    async def process(job: Any, token: str) -> None:
        if job.attemptsStarted == 1:
            parent = {"id": job.id, "queue": job.queueQualifiedName}
            await children.add("child", {}, {"parent": parent})
            assert await job.moveToWaitingChildren(token, {}) is True
            raise make.backend.WaitingChildrenError

    async def work(job: Any, token: str) -> None:
        return None

    await queue.add("job", {})
    make.worker(children, work)
    job, _ = await Heard(make.worker(queue, process), "completed").once()
    stored = await queue.getJob(job.id)
    assert (stored.attemptsMade, stored.attemptsStarted) == (1, 2)


async def test_without_pending_children_there_is_nothing_to_wait_for(
    make: Makers, queue: Any
) -> None:
    await queue.add("job", {})
    job = await make.worker(queue).getNextJob("token")
    assert await job.moveToWaitingChildren("token", {}) is False
    assert await job.getState() == "active"


async def test_a_job_that_waits_for_children_is_told(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    await queue.add("job", {})
    job = await make.worker(queue).getNextJob("token")
    parent = {"id": job.id, "queue": queue.qualifiedName}
    await make.queue().add("child", {}, {"parent": parent})
    assert await job.moveToWaitingChildren("token", {}) is True
    assert await job.getState() == "waiting-children"
    assert await story.until("waiting-children") == {"jobId": job.id, "prev": "active"}


async def test_a_job_can_wait_for_one_child_of_several(make: Makers, queue: Any) -> None:
    children = make.queue()
    await queue.add("job", {})
    job = await make.worker(queue).getNextJob("token")
    parent = {"id": job.id, "queue": queue.qualifiedName}
    first = await children.add("first", {}, {"parent": parent})
    await children.add("second", {}, {"parent": parent})
    done = await make.worker(children).getNextJob("child token")
    await done.moveToCompleted("value", "child token")
    child = {"child": {"id": first.id, "queue": children.qualifiedName}}
    assert await job.moveToWaitingChildren("token", child) is False
    assert await job.getState() == "active"


async def test_waiting_for_children_takes_the_lock_holders_token(make: Makers, queue: Any) -> None:
    await queue.add("job", {})
    job = await make.worker(queue).getNextJob("token")
    parent = {"id": job.id, "queue": queue.qualifiedName}
    await make.queue().add("child", {}, {"parent": parent})
    message = f"^Lock mismatch for job {job.id}. Cmd moveToWaitingChildren from active$"
    with pytest.raises(TypeError, match=message):
        await job.moveToWaitingChildren("another token", {})


async def test_returning_with_pending_children_fails_the_job(make: Makers, queue: Any) -> None:
    children = make.queue()

    async def process(job: Any, token: str) -> str:
        parent = {"id": job.id, "queue": job.queueQualifiedName}
        await children.add("child", {}, {"parent": parent})
        return "too early"

    job = await queue.add("job", {})
    _, error = await Heard(make.worker(queue, process), "failed").once()
    assert str(error) == f"Job {job.id} has pending dependencies. moveToFinished"
    assert await job.getState() == "failed"


@pytest.mark.parametrize("name", ["UnrecoverableError", "DelayedError", "WaitingChildrenError"])
def test_control_errors_are_exceptions_with_the_text_given(backend: Backend, name: str) -> None:
    error = getattr(backend, name)("why")
    assert isinstance(error, Exception)
    assert str(error) == "why"
