"""Calls that meet: what one process stores or removes while another does the same."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done, fail
from tests.contract.bullmq.signals import Heard
from tests.contract.bullmq.situations import failed

ROUNDS = 20
YEARLY = {"pattern": "0 0 1 1 *"}
HOURLY = {"every": 3_600_000}


async def pending(queue: Any) -> list[Any]:
    """The jobs that are still to come."""
    return list(await queue.getJobs(["waiting", "delayed", "prioritized"]))


@pytest.mark.parametrize("repeat", [YEARLY, HOURLY], ids=["pattern", "interval"])
async def test_many_upserts_at_once_leave_one_scheduler_with_one_job(
    make: Makers, queue: Any, repeat: dict[str, Any]
) -> None:
    queues = [queue, make.queue(queue.name)]
    for n in range(4):
        calls = [q.upsertJobScheduler(f"s{n}", repeat, "job", {}) for q in queues * 5]
        assert all(await asyncio.gather(*calls))
    assert await queue.getJobSchedulersCount() == 4
    assert len(await pending(queue)) == 4


async def test_a_scheduler_stored_and_removed_at_once_is_there_with_its_job_or_gone(
    make: Makers, queue: Any
) -> None:
    other = make.queue(queue.name)
    for n in range(ROUNDS):
        await queue.upsertJobScheduler(f"s{n}", YEARLY, "job", {})
        await asyncio.gather(
            other.removeJobScheduler(f"s{n}"),
            queue.upsertJobScheduler(f"s{n}", YEARLY, "job", {}),
        )
    schedulers = await queue.getJobSchedulers()
    ids = {f"repeat:{s['key']}:{s['next']}" for s in schedulers}
    assert {job.id for job in await pending(queue)} == ids


async def test_a_scheduler_removed_while_its_job_is_taken_leaves_no_job(
    make: Makers, queue: Any
) -> None:
    completed = Heard(make.worker(queue, done), "completed")
    for n in range(ROUNDS):
        await queue.upsertJobScheduler(f"s{n}", HOURLY, "job", {})
        await queue.removeJobScheduler(f"s{n}")
    await completed.times(ROUNDS)
    assert await pending(queue) == []


async def test_of_two_retries_at_once_one_is_refused(make: Makers, queue: Any) -> None:
    (job,) = await failed(make, queue, 1)
    same = await make.queue(queue.name).getJob(job.id)
    answers = await asyncio.gather(job.retry(), same.retry(), return_exceptions=True)
    assert sorted(str(answer) for answer in answers) == [
        f"Job {job.id} is not in the failed state. reprocessJob",
        "None",
    ]
    assert [waiting.id for waiting in await queue.getWaiting()] == [job.id]


@pytest.mark.parametrize(
    "policy",
    ["ignoreDependencyOnFailure", "removeDependencyOnFailure", "continueParentOnFailure"],
)
async def test_a_child_that_fails_for_its_own_child_lets_its_parent_go_by_its_own_policy(
    make: Makers, queue: Any, policy: str
) -> None:
    middle, low = make.queue(), make.queue()
    leaf = {"name": "leaf", "queueName": low.name, "opts": {"failParentOnFailure": True}}
    child = {"name": "child", "queueName": middle.name, "opts": {policy: True}, "children": [leaf]}
    flow = {"name": "root", "queueName": queue.name, "children": [child]}
    await make.flow_producer().add(flow)
    make.worker(low, fail)
    _, reason = await Heard(make.worker(middle, done), "failed").once()
    job, _ = await Heard(make.worker(queue, done), "completed").once()
    assert job.name == "root"
    assert str(reason).startswith(f"child {make.prefix}:{low.name}:")


async def test_a_job_may_wait_for_one_of_its_children(make: Makers, queue: Any) -> None:
    low = make.queue()
    await queue.add("parent", {})
    parent = await make.worker(queue).getNextJob("token")
    link = {"parent": {"id": parent.id, "queue": parent.queueQualifiedName}}
    first, second = [await low.add("child", {}, link) for _ in range(2)]
    finished = await make.worker(low).getNextJob("other")
    await finished.moveToCompleted("done", "other")
    one, two = ({"id": child.id, "queue": f"{make.prefix}:{low.name}"} for child in (first, second))
    assert not await parent.moveToWaitingChildren("token", {"child": one})
    assert await parent.moveToWaitingChildren("token", {"child": two})
