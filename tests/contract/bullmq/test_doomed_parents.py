"""A child that fails for its parent, wherever the parent is; and parents of removed children."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import by_name
from tests.contract.bullmq.signals import Heard
from tests.contract.bullmq.situations import added


async def child_of(children: Any, queue: Any, parent: Any, **options: Any) -> Any:
    """A job of `children` whose parent is `parent`, a job of `queue`."""
    link = {"id": parent.id, "queue": queue.qualifiedName}
    return await children.add("child", {}, {"parent": link, **options})


async def fail_next(make: Makers, queue: Any) -> Any:
    """Take the next job of `queue` and fail it; the job."""
    job = await make.worker(queue).getNextJob("token")
    await job.moveToFailed(ValueError("no"), "token")
    return job


@pytest.mark.parametrize(("options", "state"), [({}, "waiting"), ({"priority": 3}, "prioritized")])
async def test_a_parent_in_line_stays_there_and_fails_when_taken(
    make: Makers, queue: Any, options: dict[str, Any], state: str
) -> None:
    children = make.queue()
    parent = await queue.add("parent", {}, options)
    child = await child_of(children, queue, parent, failParentOnFailure=True)
    await fail_next(make, children)
    stored = await queue.getJob(parent.id)
    assert await stored.getState() == state
    assert stored.deferredFailure == f"child {children.qualifiedName}:{child.id} failed"


async def test_a_parent_that_has_failed_for_its_child_is_doomed_no_more(
    make: Makers, queue: Any
) -> None:
    children = make.queue()
    parent = await queue.add("parent", {})
    child = await child_of(children, queue, parent, failParentOnFailure=True)
    await fail_next(make, children)
    worker = make.worker(queue, by_name)
    await Heard(worker, "failed").once()
    stored = await queue.getJob(parent.id)
    reason = f"child {children.qualifiedName}:{child.id} failed"
    assert (stored.failedReason, stored.deferredFailure) == (reason, None)


async def test_a_delayed_parent_comes_at_once_to_be_failed(make: Makers, queue: Any) -> None:
    children = make.queue()
    parent = await queue.add("parent", {}, {"delay": 60_000})
    await child_of(children, queue, parent, failParentOnFailure=True)
    await fail_next(make, children)
    stored = await queue.getJob(parent.id)
    assert (await stored.getState(), stored.delay) == ("waiting", 0)
    assert stored.deferredFailure is not None


async def test_an_active_parent_learns_it_when_it_wants_to_wait(make: Makers, queue: Any) -> None:
    children = make.queue()
    await queue.add("parent", {})
    parent = await make.worker(queue).getNextJob("mine")
    await child_of(children, queue, parent, failParentOnFailure=True)
    await child_of(children, queue, parent)
    await fail_next(make, children)
    with pytest.raises(make.backend.UnrecoverableError, match="at least one failed child"):
        await parent.moveToWaitingChildren("mine", {})


async def test_a_parent_that_failed_already_is_left_alone(make: Makers, queue: Any) -> None:
    children = make.queue()
    await queue.add("parent", {})
    parent = await make.worker(queue).getNextJob("mine")
    await child_of(children, queue, parent, failParentOnFailure=True)
    await parent.moveToFailed(ValueError("own reason"), "mine")
    await fail_next(make, children)
    stored = await queue.getJob(parent.id)
    assert (stored.failedReason, stored.deferredFailure) == ("own reason", None)


async def test_a_child_without_policy_still_counts_as_pending(make: Makers, queue: Any) -> None:
    children = make.queue()
    await queue.add("parent", {})
    parent = await make.worker(queue).getNextJob("mine")
    await child_of(children, queue, parent)
    await fail_next(make, children)
    with pytest.raises(TypeError, match="has pending dependencies"):
        await parent.moveToCompleted("done", "mine")


async def test_a_dependency_that_was_removed_does_not_come_back_by_a_retry(
    make: Makers, queue: Any
) -> None:
    children = make.queue()
    await queue.add("parent", {})
    parent = await make.worker(queue).getNextJob("mine")
    await child_of(children, queue, parent, removeDependencyOnFailure=True)
    child = await fail_next(make, children)
    await child.retry()
    await parent.moveToCompleted("done", "mine")
    assert await parent.getState() == "completed"


async def flow_in_one_queue(make: Makers, queue: Any) -> Any:
    tree = await make.flow_producer().add(
        {
            "name": "parent",
            "queueName": queue.name,
            "children": [{"name": "child", "queueName": queue.name}],
        }
    )
    return tree["job"]


async def test_draining_the_last_child_removes_a_parent_in_the_same_queue(
    make: Makers, queue: Any
) -> None:
    parent = await flow_in_one_queue(make, queue)
    await queue.drain()
    assert await queue.getJobState(parent.id) == "unknown"


async def test_cleaning_the_last_child_removes_a_parent_in_the_same_queue(
    make: Makers, queue: Any
) -> None:
    parent = await flow_in_one_queue(make, queue)
    await queue.clean(0, 0, "wait")
    assert await queue.getJobState(parent.id) == "unknown"


@pytest.mark.parametrize("how", ["drain", "clean", "obliterate"])
async def test_a_parent_elsewhere_is_released(make: Makers, queue: Any, how: str) -> None:
    children = make.queue()
    tree = await make.flow_producer().add(
        {
            "name": "parent",
            "queueName": queue.name,
            "children": [{"name": "child", "queueName": children.name}],
        }
    )
    await (children.clean(0, 0, "wait") if how == "clean" else getattr(children, how)())
    assert await tree["job"].getState() == "waiting"


@pytest.mark.parametrize("how", ["drain", "clean"])
async def test_parents_released_together_keep_the_order_of_their_children(
    make: Makers, queue: Any, how: str
) -> None:
    children, producer = make.queue(), make.flow_producer()
    for name in ("first", "second"):
        child = {"name": "child", "queueName": children.name}
        await producer.add({"name": name, "queueName": queue.name, "children": [child]})
    await (children.clean(0, 0, "wait") if how == "clean" else children.drain())
    assert [job.name for job in await queue.getWaiting()] == ["first", "second"]


async def test_a_drain_releases_the_parents_of_what_waits_before_those_of_what_is_delayed(
    make: Makers, queue: Any
) -> None:
    children, producer = make.queue(), make.flow_producer()
    for name, opts in (("by priority", {"priority": 1}), ("later", {"delay": 60_000}), ("now", {})):
        child = {"name": "child", "queueName": children.name, "opts": opts}
        await producer.add({"name": name, "queueName": queue.name, "children": [child]})
    await children.drain(True)
    assert [job.name for job in await queue.getWaiting()] == ["by priority", "later", "now"]


async def test_obliterating_a_parents_own_children_takes_the_parent_along(
    make: Makers, queue: Any
) -> None:
    await flow_in_one_queue(make, queue)
    await added(queue, 2)
    await queue.obliterate()
    assert await queue.getJobCountByTypes() == 0


async def test_a_removed_child_lets_its_parent_go_before_everybody(
    make: Makers, queue: Any
) -> None:
    children = make.queue()
    tree = await make.flow_producer().add(
        {
            "name": "parent",
            "queueName": queue.name,
            "opts": {"priority": 5, "delay": 60_000},
            "children": [{"name": "child", "queueName": children.name}],
        }
    )
    await added(queue, 1)
    await tree["children"][0]["job"].remove()
    assert [job.name for job in await queue.getWaiting()] == ["parent", "w0"]
