"""Large flows of which some or all jobs exist already."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard

MANY = 120  # more than are added at once


def large_flow(top: Any, low: Any, named: bool = True) -> dict[str, Any]:
    children: list[dict[str, Any]] = []
    for number in range(MANY):
        opts = {"jobId": f"child-{number}"} if named else {}
        children.append({"name": f"{number}", "queueName": low.name, "opts": opts})
    root = {"name": "parent", "queueName": top.name, "opts": {"jobId": "root"}}
    return {**root, "children": children}


async def number_of(job: Any, token: str) -> int:
    return int(job.name)


async def test_a_large_flow_that_waits_is_as_before_when_it_is_added_again(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    producer = make.flow_producer()
    await producer.add(large_flow(top, low))
    tree = await producer.add(large_flow(top, low))
    assert (await low.getJobCounts("waiting"))["waiting"] == MANY
    waiting = await low.getJobs(["waiting"], 0, -1, True)
    assert [job.name for job in waiting] == [str(number) for number in range(MANY)]
    assert await tree["job"].getState() == "waiting-children"
    await Heard(make.worker(low, number_of), "completed").times(MANY)
    assert await tree["job"].getState() == "waiting"
    assert sorted((await tree["job"].getChildrenValues()).values()) == list(range(MANY))


async def test_a_parent_of_many_finished_children_needs_not_wait(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    await low.addBulk(
        [{"name": f"{n}", "data": {}, "opts": {"jobId": f"child-{n}"}} for n in range(MANY)]
    )
    await Heard(make.worker(low, number_of), "completed").times(MANY)
    tree = await make.flow_producer().add(large_flow(top, low))
    assert await tree["job"].getState() == "waiting"
    assert sorted((await tree["job"].getChildrenValues()).values()) == list(range(MANY))


@pytest.mark.parametrize("known", [0, 60, MANY - 1])
async def test_children_of_a_known_parent_stand_in_their_order(make: Makers, known: int) -> None:
    top, low = make.queue(), make.queue()
    await low.add(str(known), {}, {"jobId": f"child-{known}"})
    tree = await make.flow_producer().add(large_flow(top, low))
    waiting = await low.getJobs(["waiting"], 0, -1, True)
    others = [str(number) for number in range(MANY) if number != known]
    assert [job.name for job in waiting] == [str(known), *others]
    assert await tree["job"].getState() == "waiting-children"
    await Heard(make.worker(low, number_of), "completed").times(MANY)
    assert await tree["job"].getState() == "waiting"


async def test_unnamed_children_come_again_below_a_known_parent(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    producer = make.flow_producer()
    await producer.add(large_flow(top, low, named=False))
    tree = await producer.add(large_flow(top, low, named=False))
    waiting = await low.getJobs(["waiting"], 0, -1, True)
    assert [job.name for job in waiting] == [str(number) for number in range(MANY)] * 2
    await Heard(make.worker(low, number_of), "completed").times(2 * MANY)
    assert await tree["job"].getState() == "waiting"
