"""Finishing a job one does not hold: the exact errors."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import fail
from tests.contract.bullmq.signals import Heard
from tests.contract.bullmq.situations import active, added, completed


async def test_completing_a_job_that_is_gone(make: Makers, queue: Any) -> None:
    [job] = await added(queue, 1)
    await job.remove()
    with pytest.raises(TypeError, match=f"^Missing key for job {job.id}. moveToFinished$"):
        await job.moveToCompleted("done", "token")


async def test_completing_a_job_nobody_holds(make: Makers, queue: Any) -> None:
    [job] = await added(queue, 1)
    with pytest.raises(TypeError, match=f"^Missing lock for job {job.id}. moveToFinished$"):
        await job.moveToCompleted("done", "token")
    assert await job.getState() == "waiting"


async def test_completing_a_job_someone_else_holds(make: Makers, queue: Any) -> None:
    [job] = await active(make, queue, 1)
    message = f"^Lock mismatch for job {job.id}. Cmd moveToFinished from active$"
    with pytest.raises(TypeError, match=message):
        await job.moveToCompleted("done", "another token")
    assert await job.getState() == "active"


async def test_completing_a_job_twice(make: Makers, queue: Any) -> None:
    [job] = await active(make, queue, 1)
    await job.moveToCompleted("first", "token-0")
    with pytest.raises(TypeError, match=f"^Missing lock for job {job.id}. moveToFinished$"):
        await job.moveToCompleted("second", "token-0")
    assert (await queue.getJob(job.id)).returnvalue == "first"


async def test_failing_a_job_nobody_holds(make: Makers, queue: Any) -> None:
    [job] = await added(queue, 1)
    with pytest.raises(TypeError, match=f"^Missing lock for job {job.id}. moveToFinished$"):
        await job.moveToFailed(ValueError("no"), "token")
    assert await job.getState() == "waiting"


async def test_failing_a_job_someone_else_holds(make: Makers, queue: Any) -> None:
    [job] = await active(make, queue, 1)
    message = f"^Lock mismatch for job {job.id}. Cmd moveToFinished from active$"
    with pytest.raises(TypeError, match=message):
        await job.moveToFailed(ValueError("no"), "another token")
    assert (await queue.getJob(job.id)).failedReason is None


async def test_failing_a_job_that_is_gone(make: Makers, queue: Any) -> None:
    [job] = await added(queue, 1)
    await job.remove()
    with pytest.raises(TypeError, match=f"^Missing key for job {job.id}. moveToFinished$"):
        await job.moveToFailed(ValueError("no"), "token")


async def test_retrying_a_job_someone_else_holds(make: Makers, queue: Any) -> None:
    await added(queue, 1, attempts=2)
    job = await make.worker(queue).getNextJob("token")
    message = f"^Lock mismatch for job {job.id}. Cmd retryJob from active$"
    with pytest.raises(TypeError, match=message):
        await job.moveToFailed(ValueError("no"), "another token")


async def test_retrying_a_job_nobody_holds(make: Makers, queue: Any) -> None:
    [job] = await added(queue, 1, attempts=2)
    with pytest.raises(TypeError, match=f"^Missing lock for job {job.id}. retryJob$"):
        await job.moveToFailed(ValueError("no"), "token")


async def test_retrying_a_job_that_is_gone(make: Makers, queue: Any) -> None:
    [job] = await added(queue, 1, attempts=2)
    await job.remove()
    with pytest.raises(TypeError, match=f"^Missing key for job {job.id}. retryJob$"):
        await job.moveToFailed(ValueError("no"), "token")


async def test_backing_off_a_job_someone_else_holds(make: Makers, queue: Any) -> None:
    await added(queue, 1, attempts=2, backoff=60_000)
    job = await make.worker(queue).getNextJob("token")
    message = f"^Lock mismatch for job {job.id}. Cmd moveToDelayed from active$"
    with pytest.raises(TypeError, match=message):
        await job.moveToFailed(ValueError("no"), "another token")
    assert await job.getState() == "active"


async def test_delaying_a_job_that_is_gone(make: Makers, queue: Any) -> None:
    [job] = await added(queue, 1)
    await job.remove()
    with pytest.raises(TypeError, match=f"^Missing key for job {job.id}. moveToDelayed$"):
        await job.moveToDelayed(4_000_000_000_000, "token")


async def test_delaying_a_job_nobody_holds(make: Makers, queue: Any) -> None:
    [job] = await added(queue, 1)
    with pytest.raises(TypeError, match=f"^Missing lock for job {job.id}. moveToDelayed$"):
        await job.moveToDelayed(4_000_000_000_000, "token")


async def test_completing_a_parent_with_pending_children(make: Makers, queue: Any) -> None:
    [parent] = await active(make, queue, 1)
    child = {"id": parent.id, "queue": queue.qualifiedName}
    await make.queue().add("child", {}, {"parent": child})
    message = f"^Job {parent.id} has pending dependencies. moveToFinished$"
    with pytest.raises(TypeError, match=message):
        await parent.moveToCompleted("done", "token-0")
    assert await parent.getState() == "active"


async def test_pending_children_are_looked_at_before_the_lock(make: Makers, queue: Any) -> None:
    [parent] = await active(make, queue, 1)
    child = {"id": parent.id, "queue": queue.qualifiedName}
    await make.queue().add("child", {}, {"parent": child})
    with pytest.raises(TypeError, match="has pending dependencies"):
        await parent.moveToCompleted("done", "another token")


async def test_a_parent_with_pending_children_may_fail(make: Makers, queue: Any) -> None:
    [parent] = await active(make, queue, 1)
    child = {"id": parent.id, "queue": queue.qualifiedName}
    await make.queue().add("child", {}, {"parent": child})
    await parent.moveToFailed(ValueError("no"), "token-0")
    assert await parent.getState() == "failed"


async def test_completing_a_parent_whose_child_failed_for_it(make: Makers, queue: Any) -> None:
    [parent] = await active(make, queue, 1)
    children = make.queue()
    options = {
        "parent": {"id": parent.id, "queue": queue.qualifiedName},
        "failParentOnFailure": True,
    }
    await children.add("child", {}, options)
    await Heard(make.worker(children, fail), "failed").once()
    message = (
        f"^Cannot complete job {parent.id} because it has at least one failed child."
        " moveToFinished$"
    )
    with pytest.raises(make.backend.UnrecoverableError, match=message):
        await parent.moveToCompleted("done", "token-0")


async def test_a_finished_job_keeps_its_end_when_it_is_finished_again(
    make: Makers, queue: Any
) -> None:
    [job] = await completed(make, queue, 1)
    with pytest.raises(TypeError, match="Missing lock"):
        await job.moveToFailed(ValueError("too late"), "token")
    assert await job.getState() == "completed"
