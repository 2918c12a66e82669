"""Jobs that exist already and are given a parent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard


async def adopt(make: Makers, low: Any, top: Any, **opts: Any) -> Any:
    """A new parent in `top` of the job `shared` in `low`."""
    child = {"name": "a", "queueName": low.name, "data": {}, "opts": {"jobId": "shared", **opts}}
    flow = {"name": "parent", "queueName": top.name, "data": {}, "children": [child]}
    return (await make.flow_producer().add(flow))["job"]


@pytest.mark.parametrize("outcome", ["kept", "removed"])
async def test_a_running_job_that_is_given_a_parent_releases_it(make: Makers, outcome: str) -> None:
    top, low = make.queue(), make.queue()
    adopted = asyncio.Event()

    async def process(job: Any, token: str) -> str:
        await adopted.wait()
        return "value"

    await low.add("a", {}, {"jobId": "shared", "removeOnComplete": outcome == "removed"})
    worker = make.worker(low, process)
    completed = Heard(worker, "completed")
    await Heard(worker, "active").once()
    parent = await adopt(make, low, top)
    assert await parent.getState() == "waiting-children"
    adopted.set()
    await completed.once()
    assert await parent.getState() == "waiting"
    assert await parent.getChildrenValues() == {f"{low.qualifiedName}:shared": "value"}


async def test_a_running_job_that_is_given_a_parent_fails_it_if_it_has_to(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    await low.add("a", {}, {"jobId": "shared"})
    child = await make.worker(low).getNextJob("token")
    parent = await adopt(make, low, top, failParentOnFailure=True)
    assert (await low.getJob("shared")).parent["fpof"] is True
    await child.moveToFailed(ValueError("no"), "token")
    assert await parent.getState() == "waiting"
    taken = await make.worker(top).getNextJob("token")
    with pytest.raises(Exception, match="at least one failed child"):
        await taken.moveToCompleted("value", "token")


async def test_what_a_failure_means_is_said_by_the_add_that_names_the_parent(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    await low.add("a", {}, {"jobId": "shared", "failParentOnFailure": True})
    parent = await adopt(make, low, top)
    child = await make.worker(low).getNextJob("token")
    await child.moveToFailed(ValueError("no"), "token")
    assert await parent.getState() == "waiting-children"


@pytest.mark.parametrize("outcome", ["completed", "failed"])
async def test_a_finished_child_of_an_existing_parent_cannot_change_to_another(
    make: Makers, outcome: str
) -> None:
    top, low = make.queue(), make.queue()
    await adopt(make, low, top)
    child = await make.worker(low).getNextJob("token")
    if outcome == "completed":
        await child.moveToCompleted("value", "token")
    else:
        await child.moveToFailed(ValueError("no"), "token")
    other = await top.add("other", {})
    parent = {"id": other.id, "queue": top.qualifiedName}
    with pytest.raises(TypeError, match="cannot be replaced"):
        await low.add("a", {}, {"jobId": "shared", "parent": parent})
    assert await low.getJobState("shared") == outcome


async def test_a_completed_job_knows_the_parent_it_was_given(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    await low.add("a", {}, {"jobId": "shared"})
    child = await make.worker(low).getNextJob("token")
    await child.moveToCompleted("value", "token")
    parent = await adopt(make, low, top)
    job = await low.getJob("shared")
    assert job.parentKey == f"{top.qualifiedName}:{parent.id}"
    await parent.remove()
    assert await low.getJobState("shared") == "unknown"


async def test_a_failed_job_that_makes_room_releases_the_parent_it_was_given(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    worker = make.worker(low)
    await low.add("a", {}, {"jobId": "shared"})
    await (await worker.getNextJob("one")).moveToFailed(ValueError("no"), "one")
    parent = await adopt(make, low, top)
    await low.add("b", {}, {"removeOnFail": 1})
    await (await worker.getNextJob("two")).moveToFailed(ValueError("no"), "two")
    assert await low.getJobState("shared") == "unknown"
    assert await parent.getState() == "waiting"


async def test_a_parent_of_finished_children_is_a_child_like_any_other(make: Makers) -> None:
    top, low = make.queue(), make.queue()

    async def process(job: Any, token: str) -> str:
        return str(job.name)

    await adopt(make, low, low)
    [middle] = await low.getWaitingChildren()
    child = {"name": "parent", "queueName": low.name, "data": {}, "opts": {"jobId": middle.id}}
    tree = await make.flow_producer().add(
        {"name": "root", "queueName": top.name, "data": {}, "children": [child]}
    )
    await Heard(make.worker(low, process), "completed").times(2)
    assert await tree["job"].getState() == "waiting"
    values = await tree["job"].getChildrenValues()
    assert values == {f"{low.qualifiedName}:{middle.id}": "parent"}


@pytest.mark.parametrize("when", ["before", "afterwards"])
async def test_a_known_job_in_another_prefix_lets_its_new_parent_go(
    make: Makers, when: str
) -> None:
    top, low = make.queue(), make.queue(prefix=f"{make.prefix}-low")
    await low.add("a", {}, {"jobId": "shared"})
    job = await make.worker(low, prefix=low.prefix).getNextJob("token")
    if when == "before":
        await job.moveToCompleted("value", "token", False)
    child = {"name": "a", "queueName": low.name, "prefix": low.prefix, "opts": {"jobId": "shared"}}
    flow = {"name": "parent", "queueName": top.name, "children": [child]}
    parent = (await make.flow_producer().add(flow))["job"]
    if when == "afterwards":
        assert await parent.getState() == "waiting-children"
        await job.moveToCompleted("value", "token", False)
    assert await parent.getState() == "waiting"
    assert await parent.getChildrenValues() == {f"{low.qualifiedName}:shared": "value"}


async def test_a_duplicate_in_another_prefix_is_not_waited_for(make: Makers) -> None:
    top, low = make.queue(), make.queue(prefix=f"{make.prefix}-low")
    options = {"deduplication": {"id": "once"}}
    await low.add("a", {}, options)
    children = [
        {"name": "a", "queueName": low.name, "prefix": low.prefix, "opts": options},
        {"name": "b", "queueName": low.name, "prefix": low.prefix},
    ]
    tree = await make.flow_producer().add(
        {"name": "parent", "queueName": top.name, "children": children}
    )
    await Heard(make.worker(low, by_name, prefix=low.prefix), "completed").times(2)
    assert await tree["job"].getState() == "waiting"
    assert list((await tree["job"].getChildrenValues()).values()) == ["b"]


async def by_name(job: Any, token: str) -> str:
    return str(job.name)
