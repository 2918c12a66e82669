"""Jobs and flows that are added below parents which are there, or are not."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import by_name
from tests.contract.bullmq.signals import Heard, Story
from tests.contract.bullmq.trees import node


async def test_a_job_can_be_added_to_a_waiting_parent(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    tree = await make.flow_producer().add(node("parent", top, node("a", low)))
    parent = {"id": tree["job"].id, "queue": top.qualifiedName}
    late = await low.add("late", {}, {"parent": parent})
    assert late.parentKey == f"{top.qualifiedName}:{tree['job'].id}"
    make.worker(low, by_name)
    _, values = await Heard(make.worker(top, _values), "completed").once()
    assert sorted(values.values()) == ["value of a", "value of late"]


async def test_a_flow_can_hang_below_an_existing_parent(make: Makers) -> None:
    top, middle, low = make.queue(), make.queue(), make.queue()
    tree = await make.flow_producer().add(node("parent", top, node("a", low)))
    parent = {"id": tree["job"].id, "queue": top.qualifiedName}
    await make.flow_producer().add(node("mid", middle, node("b", low), opts={"parent": parent}))
    make.worker(low, by_name)
    make.worker(middle, by_name)
    _, values = await Heard(make.worker(top, _values), "completed").once()
    assert sorted(values.values()) == ["value of a", "value of mid"]


async def test_a_flow_below_an_unknown_parent_is_refused(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    parent = {"id": "nobody", "queue": top.qualifiedName}
    flow = node("mid", low, node("a", low), opts={"parent": parent})
    message = f"^Missing key for parent job {top.qualifiedName}:nobody. addJob$"
    with pytest.raises(Exception, match=message) as caught:
        await make.flow_producer().add(flow)
    assert caught.value.code == -5  # type: ignore[attr-defined]


async def test_a_job_below_an_unknown_parent_is_refused(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    parent = {"id": "nobody", "queue": top.qualifiedName}
    message = f"^Missing key for parent job {top.qualifiedName}:nobody. addJob$"
    with pytest.raises(TypeError, match=message):
        await low.add("job", {}, {"parent": parent})
    assert await low.getWaitingCount() == 0


async def test_the_jobs_of_a_flow_that_is_added_again_are_told_as_duplicated(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    stories = {"p": Story(make.events(top)), "c": Story(make.events(low))}
    child = node("child", low, opts={"jobId": "c"})
    for _ in range(2):
        await make.flow_producer().add(node("parent", top, child, opts={"jobId": "p"}))
    for job_id, story in stories.items():
        assert await story.until("duplicated") == {"jobId": job_id}
        assert len(story.told("added")) == 1


async def test_a_known_id_is_attached_to_a_new_parent(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    await low.add("a", {}, {"jobId": "shared"})
    child = node("a", low, opts={"jobId": "shared"})
    tree = await make.flow_producer().add(node("parent", top, child))
    await Heard(make.worker(low, by_name), "completed").once()
    assert await tree["job"].getState() == "waiting"
    assert list((await tree["job"].getChildrenValues()).values()) == ["value of a"]


async def test_a_completed_id_counts_at_once_for_a_new_parent(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    await low.add("a", {}, {"jobId": "shared"})
    await Heard(make.worker(low, by_name), "completed").once()
    child = node("a", low, opts={"jobId": "shared"})
    tree = await make.flow_producer().add(node("parent", top, child))
    assert await tree["job"].getState() == "waiting"
    assert list((await tree["job"].getChildrenValues()).values()) == ["value of a"]


async def test_a_child_of_a_living_parent_cannot_change_to_another(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    child = node("a", low, opts={"jobId": "shared"})
    await make.flow_producer().add(node("parent", top, child))
    other = await make.flow_producer().add(node("other", top, node("b", low)))
    parent = {"id": other["job"].id, "queue": top.qualifiedName}
    with pytest.raises(TypeError, match=r"^The parent job .* cannot be replaced. addJob$"):
        await low.add("a", {}, {"jobId": "shared", "parent": parent})


async def _values(job: Any, token: str) -> Any:
    return await job.getChildrenValues()
