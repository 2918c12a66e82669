"""Removing jobs that have parents or children."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done
from tests.contract.bullmq.signals import Heard, Story
from tests.contract.bullmq.trees import node


class Tree:
    """parent -> a -> deep, parent -> b; the parent in `top`, all others in `low`."""

    def __init__(self, top: Any, low: Any, tree: dict[str, Any]) -> None:
        self.top, self.low = top, low
        self.parent = tree["job"]
        first, second = tree["children"]
        self.a, self.b = first["job"], second["job"]
        self.deep = first["children"][0]["job"]

    async def states(self) -> list[str]:
        """The states of parent, a, deep and b."""
        return [await job.getState() for job in (self.parent, self.a, self.deep, self.b)]


async def planted(make: Makers) -> Tree:
    top, low = make.queue(), make.queue()
    deep = {"name": "deep", "queueName": low.name}
    first = {"name": "a", "queueName": low.name, "children": [deep]}
    second = {"name": "b", "queueName": low.name}
    flow = {"name": "parent", "queueName": top.name, "children": [first, second]}
    return Tree(top, low, await make.flow_producer().add(flow))


async def test_removing_a_parent_removes_all_below_it(make: Makers) -> None:
    tree = await planted(make)
    await tree.parent.remove()
    assert await tree.states() == ["unknown"] * 4


async def test_the_children_can_be_kept(make: Makers) -> None:
    tree = await planted(make)
    await tree.parent.remove({"removeChildren": False})
    assert await tree.states() == ["unknown", "waiting-children", "waiting", "waiting"]


async def test_queue_remove_removes_children_as_well(make: Makers) -> None:
    tree = await planted(make)
    assert await tree.top.remove(tree.parent.id) == 1
    assert await tree.states() == ["unknown"] * 4


async def test_queue_remove_can_keep_the_children(make: Makers) -> None:
    tree = await planted(make)
    assert await tree.top.remove(tree.parent.id, {"removeChildren": False}) == 1
    assert await tree.states() == ["unknown", "waiting-children", "waiting", "waiting"]


async def test_removing_some_children_keeps_the_parent_waiting(make: Makers) -> None:
    tree = await planted(make)
    await tree.a.remove()
    assert await tree.states() == ["waiting-children", "unknown", "unknown", "waiting"]


async def test_removing_the_last_child_releases_the_parent(make: Makers) -> None:
    tree = await planted(make)
    await tree.a.remove()
    await tree.b.remove()
    assert await tree.parent.getState() == "waiting"


async def test_the_release_by_a_removal_is_told(make: Makers) -> None:
    tree = await planted(make)
    story = Story(make.events(tree.top))
    await tree.a.remove()
    await tree.b.remove()
    told = await story.until("waiting")
    assert told == {"jobId": tree.parent.id, "prev": "waiting-children"}


async def test_a_removed_parent_is_told_with_its_state(make: Makers) -> None:
    tree = await planted(make)
    story = Story(make.events(tree.top))
    await tree.parent.remove({"removeChildren": False})
    told = await story.until("removed")
    assert told == {"jobId": tree.parent.id, "prev": "waiting-children"}


async def test_a_parent_that_is_removed_with_its_children_never_runs(make: Makers) -> None:
    begun: list[str] = []

    async def process(job: Any, token: str) -> None:
        begun.append(job.name)

    tree = await planted(make)
    story = Story(make.events(tree.top))
    worker = make.worker(tree.top, process)
    completed = Heard(worker, "completed")
    await tree.parent.remove()
    told = await story.until("removed")
    assert told == {"jobId": tree.parent.id, "prev": "wait"}
    assert story.told("waiting") == [{"jobId": tree.parent.id, "prev": "waiting-children"}]
    await tree.top.add("after", {})
    await completed.once()
    assert begun == ["after"]


async def test_a_locked_child_protects_its_parent(make: Makers) -> None:
    tree = await planted(make)
    await make.worker(tree.low).getNextJob("token")
    message = f"^Job {tree.parent.id} could not be removed because it is locked by another worker$"
    with pytest.raises(Exception, match=message):
        await tree.parent.remove()
    assert await tree.parent.getState() == "waiting-children"


async def test_a_child_of_a_removed_parent_still_runs(make: Makers) -> None:
    async def process(job: Any, token: str) -> str:
        return job.name  # type: ignore[no-any-return]

    tree = await planted(make)
    await tree.parent.remove({"removeChildren": False})
    calls = await Heard(make.worker(tree.low, process), "completed").times(3)
    assert sorted(name for _, name in calls) == ["a", "b", "deep"]


async def test_completed_children_go_with_their_parent(make: Makers) -> None:
    tree = await planted(make)
    await Heard(make.worker(tree.low, done), "completed").times(3)
    await tree.parent.remove()
    assert await tree.states() == ["unknown"] * 4


async def test_completed_children_can_outlive_their_parent(make: Makers) -> None:
    tree = await planted(make)
    await Heard(make.worker(tree.low, done), "completed").times(3)
    await tree.parent.remove({"removeChildren": False})
    assert await tree.states() == ["unknown", "completed", "completed", "completed"]


async def test_cleaning_a_waiting_child_releases_its_parent(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    child = {"name": "child", "queueName": low.name}
    tree = await make.flow_producer().add(
        {"name": "parent", "queueName": top.name, "children": [child]}
    )
    await low.clean(0, 0, "wait")
    assert await tree["job"].getState() == "waiting"


async def test_finished_children_are_removed_before_those_that_wait(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    children = [{"name": "c", "queueName": low.name, "opts": {"jobId": id}} for id in "ab"]
    flow = {"name": "parent", "queueName": top.name, "children": children}
    parent = (await make.flow_producer().add(flow))["job"]
    first = await make.worker(low).getNextJob("token")
    await first.moveToCompleted(1, "token", False)
    story = Story(make.events(low))
    await parent.remove()
    await story.until("removed", 2)
    [last] = {"a", "b"} - {first.id}
    assert story.told("removed") == [
        {"jobId": first.id, "prev": "completed"},
        {"jobId": last, "prev": "wait"},
    ]


def of_one_queue(queue: Any) -> dict[str, Any]:
    """A tree with ids of its own: root -> (a -> (a1, a2), b -> b1)."""

    def own(name: str, *children: dict[str, Any]) -> dict[str, Any]:
        return node(name, queue, *children, opts={"jobId": name})

    return own("root", own("a", own("a1"), own("a2")), own("b", own("b1")))


async def test_the_removal_of_a_tree_is_told_job_by_job(make: Makers, queue: Any) -> None:
    await make.flow_producer().add(of_one_queue(queue))
    story = Story(make.events(queue))
    await queue.remove("root")
    await story.until("removed", jobId="root")
    told = [(name, args["jobId"]) for name, args in story.chapters if name != "added"]
    assert told[-9:] == [
        ("removed", "a1"),
        ("waiting", "a"),
        ("removed", "a2"),
        ("removed", "a"),
        ("waiting", "root"),
        ("waiting", "b"),
        ("removed", "b1"),
        ("removed", "b"),
        ("removed", "root"),
    ]
    assert all(args["prev"] == "wait" for name, args in story.chapters if name == "removed")


def large_family(top: Any, low: Any) -> dict[str, Any]:
    """A parent of more children than are removed at once, some of which are parents."""
    deep = {"name": "deep", "queueName": low.name}
    children: list[dict[str, Any]] = [{"name": f"{n}", "queueName": low.name} for n in range(120)]
    for child in children[::40]:
        child["children"] = [deep, deep]
    return {"name": "parent", "queueName": top.name, "children": children}


async def test_a_large_family_goes_with_its_parent(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    tree = await make.flow_producer().add(large_family(top, low))
    await tree["job"].remove()
    assert not any((await top.getJobCounts()).values())
    assert not any((await low.getJobCounts()).values())


async def test_a_lock_deep_in_a_large_family_protects_all_of_it(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    tree = await make.flow_producer().add(large_family(top, low))
    before = await low.getJobCounts("waiting", "waiting-children")
    worker = make.worker(low)
    for _ in range(5):
        assert await worker.getNextJob("token") is not None
    assert await top.remove(tree["job"].id) == 0
    after = await low.getJobCounts("waiting", "waiting-children", "active")
    assert after["active"] == 5
    assert sum(after.values()) == sum(before.values())


async def test_cleaning_a_large_family_releases_its_parent_once(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    children = [{"name": f"{n}", "queueName": low.name} for n in range(120)]
    flow = {"name": "parent", "queueName": top.name, "children": children}
    tree = await make.flow_producer().add(flow)
    assert len(await low.clean(0, 0, "wait")) == 120
    assert await tree["job"].getState() == "waiting"
    assert (await top.getJobCounts("waiting", "waiting-children")) == {
        "waiting": 1,
        "waiting-children": 0,
    }


async def test_draining_a_large_family_of_one_queue_removes_its_parent(make: Makers) -> None:
    queue = make.queue()
    children = [{"name": f"{n}", "queueName": queue.name} for n in range(120)]
    flow = {"name": "parent", "queueName": queue.name, "children": children}
    await make.flow_producer().add(flow)
    await queue.drain()
    assert not any((await queue.getJobCounts()).values())
