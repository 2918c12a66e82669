"""A parent reads the values of its children."""

from __future__ import annotations

from typing import Any

from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import by_name
from tests.contract.bullmq.signals import Heard
from tests.contract.bullmq.trees import node


async def test_a_parent_reads_the_values_of_its_children(make: Makers) -> None:
    top, low = make.queue(), make.queue()

    async def gather(job: Any, token: str) -> Any:
        return await job.getChildrenValues()

    tree = await make.flow_producer().add(node("parent", top, node("a", low), node("b", low)))
    make.worker(low, by_name)
    _, values = await Heard(make.worker(top, gather), "completed").once()
    keys = [f"{low.qualifiedName}:{child['job'].id}" for child in tree["children"]]
    assert values == {keys[0]: "value of a", keys[1]: "value of b"}


async def test_values_of_children_keep_their_json(make: Makers) -> None:
    top, low = make.queue(), make.queue()

    async def nested(job: Any, token: str) -> Any:
        return {"list": [1, None, "x"]}

    tree = await make.flow_producer().add(node("parent", top, node("a", low)))
    await Heard(make.worker(low, nested), "completed").once()
    assert list((await tree["job"].getChildrenValues()).values()) == [{"list": [1, None, "x"]}]


async def test_a_job_without_finished_children_has_no_values(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    tree = await make.flow_producer().add(node("parent", top, node("a", low)))
    assert await tree["job"].getChildrenValues() == {}


async def test_a_child_removed_on_completion_leaves_its_value(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    child = node("a", low, opts={"removeOnComplete": True})
    tree = await make.flow_producer().add(node("parent", top, child))
    await Heard(make.worker(low, by_name), "completed").once()
    assert await low.getCompletedCount() == 0
    assert list((await tree["job"].getChildrenValues()).values()) == ["value of a"]
    assert await tree["job"].getState() == "waiting"


async def test_a_parent_with_more_than_a_thousand_children_gets_all_their_values(
    make: Makers,
) -> None:
    top, low = make.queue(), make.queue()
    order: list[str] = []

    async def note(job: Any, token: str) -> int:
        order.append(job.name)
        return 1

    async def count(job: Any, token: str) -> int:
        return sum((await job.getChildrenValues()).values())

    heard = Heard(make.worker(top, count), "completed")
    make.worker(low, note)
    children = [node(f"child {number}", low) for number in range(1100)]
    await make.flow_producer().add(node("parent", top, *children))
    _, value = await heard.once()
    assert (value, order) == (1100, [child["name"] for child in children])
