"""What only BullMQ for Node offers to flows: reading them back, and cutting children off."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard, Story


def node(name: str, queue: Any, *children: dict[str, Any], **opts: Any) -> dict[str, Any]:
    """A node whose id is its name."""
    return {
        "name": name,
        "queueName": queue.name,
        "data": {},
        "opts": {"jobId": name, **opts},
        "children": list(children),
    }


async def by_name(job: Any, token: str) -> str:
    if job.name.startswith("bad"):
        raise ValueError("no")
    return str(job.name)


def shape(tree: dict[str, Any]) -> Any:
    """The tree as `[name, child, child …]`, children in the order of their names."""
    return [tree["job"].name, *sorted(shape(child) for child in tree.get("children", ()))]


@pytest.mark.parametrize(
    ("depth", "expected"),
    [(1, ["root"]), (2, ["root", ["a"], ["b"]]), (3, ["root", ["a", ["a1"]], ["b"]])],
)
async def test_a_flow_is_read_to_the_depth_asked_for(
    make: Makers, queue: Any, depth: int, expected: Any
) -> None:
    flow = node("root", queue, node("a", queue, node("a1", queue)), node("b", queue))
    producer = make.flow_producer()
    await producer.add(flow)
    tree = await producer.getFlow({"id": "root", "queueName": queue.name, "depth": depth})
    assert shape(tree) == expected


async def test_as_many_children_of_each_outcome_are_read_as_asked_for(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    soft = {"ignoreDependencyOnFailure": True}
    children = [node(f"good {n}", low) for n in (1, 2)]
    children += [node(f"bad {n}", low, **soft) for n in (1, 2)]
    children += [node(f"late {n}", low, delay=60_000) for n in (1, 2)]
    producer = make.flow_producer()
    await producer.add(node("root", top, *children))
    worker = make.worker(low, by_name)
    completed, failed = Heard(worker, "completed"), Heard(worker, "failed")
    await completed.times(2)
    await failed.times(2)
    tree = await producer.getFlow({"id": "root", "queueName": top.name, "maxChildren": 1})
    kinds = [child["job"].name.split()[0] for child in tree["children"]]
    assert kinds == ["good", "late", "bad"]


async def test_an_unknown_flow_is_none(make: Makers, queue: Any) -> None:
    place = {"id": "unknown", "queueName": queue.name}
    assert await make.flow_producer().getFlow(place) is None


async def test_removing_unprocessed_children_spares_the_failed_ones(
    make: Makers, queue: Any
) -> None:
    low = make.queue()
    flow = node("root", queue, node("bad", low), node("late", low, delay=60_000))
    tree = await make.flow_producer().add(flow)
    await Heard(make.worker(low, by_name), "failed").once()
    await tree["job"].removeUnprocessedChildren()
    assert await low.getJobState("bad") == "failed"
    assert await low.getJobState("late") == "unknown"


async def test_removing_unprocessed_children_spares_a_running_grandchild_only(
    make: Makers, queue: Any
) -> None:
    low = make.queue()
    middle = make.queue()
    child = node("child", middle, node("runs", low), node("waits", low))
    tree = await make.flow_producer().add(node("root", queue, child))
    taken = await make.worker(low).getNextJob("token")
    await tree["job"].removeUnprocessedChildren()
    assert await middle.getJobState("child") == "unknown"
    assert (taken.id, await low.getJobState(taken.id)) == ("runs", "active")
    assert await low.getJobState("waits") == "unknown"
    assert await tree["job"].getState() == "waiting"


async def test_removing_unprocessed_children_is_told_job_by_job(make: Makers, queue: Any) -> None:
    low = node("low", queue, node("one", queue), node("two", queue))
    tree = await make.flow_producer().add(node("root", queue, node("first", queue), low))
    story = Story(make.events(queue))
    await tree["job"].removeUnprocessedChildren()
    await story.until("removed", 4)
    told = [(name, args["jobId"]) for name, args in story.chapters]
    assert told[-6:] == [
        ("removed", "first"),
        ("waiting", "root"),
        ("removed", "one"),
        ("waiting", "low"),
        ("removed", "two"),
        ("removed", "low"),
    ]


async def test_a_child_whose_outcome_is_known_cannot_leave_its_parent(
    make: Makers, queue: Any
) -> None:
    low = make.queue()
    flow = node("root", queue, node("done", low), node("late", low, delay=60_000))
    tree = await make.flow_producer().add(flow)
    await Heard(make.worker(low, by_name), "completed").once()
    child = await low.getJob("done")
    assert await child.removeChildDependency() is False
    assert child.parentKey == f"{queue.qualifiedName}:root"
    assert await tree["job"].getChildrenValues() == {f"{low.qualifiedName}:done": "done"}


async def test_a_child_that_is_gone_cannot_leave_its_parent(make: Makers, queue: Any) -> None:
    tree = await make.flow_producer().add(node("root", queue, node("child", queue)))
    child = tree["children"][0]["job"]
    await child.remove()
    with pytest.raises(TypeError, match=r"^Missing key for job child\. removeChildDependency$"):
        await child.removeChildDependency()


async def test_a_child_cannot_leave_a_parent_that_is_gone(make: Makers, queue: Any) -> None:
    tree = await make.flow_producer().add(node("root", queue, node("child", queue)))
    await tree["job"].remove({"removeChildren": False})
    child = tree["children"][0]["job"]
    key = f"{queue.qualifiedName}:root"
    message = f"^Missing key for parent job {key}\\. removeChildDependency$"
    with pytest.raises(TypeError, match=message):
        await child.removeChildDependency()


async def test_a_child_that_left_its_parent_may_be_given_another(make: Makers, queue: Any) -> None:
    low = make.queue()
    tree = await make.flow_producer().add(node("root", queue, node("child", low)))
    await tree["children"][0]["job"].removeChildDependency()
    other = await queue.add("other", {})
    parent = {"id": other.id, "queue": queue.qualifiedName}
    await low.add("child", {}, {"jobId": "child", "parent": parent})
    assert (await low.getJob("child")).parentKey == f"{queue.qualifiedName}:{other.id}"
    await Heard(make.worker(low, by_name), "completed").once()
    assert await other.getChildrenValues() == {f"{low.qualifiedName}:child": "child"}


async def test_a_child_that_left_its_parent_survives_it(make: Makers, queue: Any) -> None:
    low = make.queue()
    flow = node("root", queue, node("child", low), node("late", low, delay=60_000))
    tree = await make.flow_producer().add(flow)
    await tree["children"][0]["job"].removeChildDependency()
    await tree["job"].remove()
    assert await low.getJobState("child") == "waiting"
    assert await low.getJobState("late") == "unknown"


async def test_jobs_given_to_each_other_can_be_removed(make: Makers, queue: Any) -> None:
    for name, other in (("a", None), ("b", "a"), ("a", "b")):
        parent = {"parent": {"id": other, "queue": queue.qualifiedName}} if other else {}
        await queue.add(name, {}, {"jobId": name, **parent})
    assert await queue.remove("a") == 1
    assert [await queue.getJobState(name) for name in ("a", "b")] == ["unknown", "unknown"]


async def test_a_node_without_a_name_or_a_queue_is_named(make: Makers, queue: Any) -> None:
    flow = make.flow_producer()
    for field, node in (("queueName", {"name": "p"}), ("name", {"queueName": queue.name})):
        parent = {"name": "p", "queueName": queue.name, "children": [node]}
        with pytest.raises(ValueError, match=f"^{field} is missing in a flow node that has"):
            await flow.add(parent)
    assert await queue.getJobCountByTypes() == 0


@pytest.mark.parametrize("finished", ["a", "ab", "b", "c", "ac"])
async def test_a_parent_waits_for_new_children_beside_finished_ones(
    make: Makers, queue: Any, finished: str
) -> None:
    low = make.queue()
    worker = make.worker(low, by_name)
    await low.addBulk([{"name": n, "data": {}, "opts": {"jobId": n}} for n in finished])
    await Heard(worker, "completed").times(len(finished))
    await low.pause()
    tree = node("parent", queue, *(node(name, low) for name in "abc"))
    parent = (await make.flow_producer().add(tree))["job"]
    assert await parent.getState() == "waiting-children"
    later = Heard(worker, "completed")
    await low.resume()
    await later.times(3 - len(finished))
    assert await parent.getState() == "waiting"
    assert await parent.getChildrenValues() == {f"{low.qualifiedName}:{n}": n for n in "abc"}


async def test_a_flow_with_the_child_of_another_parent_adds_nothing(
    make: Makers, queue: Any
) -> None:
    low, flows = make.queue(), make.flow_producer()
    await flows.add(node("owner", queue, node("theirs", low)))
    children = (node(name, low) for name in ("before", "theirs", "after"))
    with pytest.raises(TypeError, match="cannot be replaced"):
        await flows.add(node("late", queue, *children))
    twice = (node(name, low, node("shared", low)) for name in ("one", "other"))
    with pytest.raises(TypeError, match="cannot be replaced"):
        await flows.add(node("late", queue, *twice))
    assert [await q.getJobCountByTypes() for q in (queue, low)] == [1, 1]


async def test_a_bulk_with_the_child_of_another_parent_adds_nothing(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    owner, other = [
        {"id": (await top.add("job", {})).id, "queue": top.qualifiedName} for _ in range(2)
    ]
    await low.add("theirs", {}, {"jobId": "theirs", "parent": owner})
    taken = {"name": "theirs", "opts": {"jobId": "theirs", "parent": other}}
    with pytest.raises(TypeError, match="cannot be replaced"):
        await low.addBulk([{"name": "before"}, taken, {"name": "after"}])
    assert await low.getJobCountByTypes() == 1


async def test_a_tree_that_is_refused_keeps_no_other_from_being_added(
    make: Makers, queue: Any
) -> None:
    low, flows = make.queue(), make.flow_producer()
    await flows.add(node("owner", queue, node("theirs", low)))
    trees = [node("refused", queue, node("theirs", low)), node("other", queue, node("ours", low))]
    with pytest.raises(TypeError, match="cannot be replaced"):
        await flows.addBulk(trees)
    await Heard(make.worker(low, by_name), "completed").times(2)
    states = [await queue.getJobState(name) for name in ("owner", "refused", "other")]
    assert states == ["waiting", "unknown", "waiting"]


@pytest.mark.parametrize(
    ("options", "state"),
    [({}, "waiting"), ({"priority": 7}, "prioritized"), ({"delay": 3_600_000}, "delayed")],
)
async def test_a_parent_whose_children_are_all_duplicates_waits_for_none(
    make: Makers, queue: Any, options: dict[str, Any], state: str
) -> None:
    top, once = make.queue(), {"deduplication": {"id": "once"}}
    await queue.add("owner", {}, once)
    leaves = (node(name, queue, **once) for name in ("b", "c"))
    await make.flow_producer().add(node("top", top, node("a", top, *leaves, **options)))
    assert await top.getJobState("a") == state
    assert await top.getJobState("top") == "waiting-children"
    worker = make.worker(top)
    if options:
        await (await top.getJob("a")).remove()
    else:
        await (await worker.getNextJob("token")).moveToCompleted("done", "token", False)
    assert (await worker.getNextJob("token")).name == "top"


async def test_a_parent_of_duplicates_waits_for_none_beside_jobs_that_exist(
    make: Makers, queue: Any
) -> None:
    top, once = make.queue(), {"deduplication": {"id": "once"}}
    await queue.add("owner", {}, once)
    await queue.add("known", {}, {"jobId": "known"})
    parent = node("parent", top, node("again", queue, **once))
    await make.flow_producer().add(node("top", top, parent, node("known", queue)))
    assert await top.getJobState("parent") == "waiting"
    assert await top.getJobState("top") == "waiting-children"


async def test_a_parent_that_exists_is_told_as_duplicated_though_its_children_are_as_well(
    make: Makers, queue: Any
) -> None:
    top, once = make.queue(), {"deduplication": {"id": "once"}}
    story = Story(make.events(top))
    await queue.add("owner", {}, once)
    await top.add("parent", {}, {"jobId": "parent"})
    await make.flow_producer().add(node("parent", top, node("again", queue, **once)))
    assert await story.until("duplicated") == {"jobId": "parent"}
    await top.add("last", {}, {"jobId": "last"})
    await story.until("added", jobId="last")
    assert [added["jobId"] for added in story.told("added")] == ["parent", "last"]


@pytest.mark.parametrize("is_done", [False, True])
async def test_a_child_that_was_cut_off_counts_for_the_next_parent_it_gets(
    make: Makers, queue: Any, is_done: bool
) -> None:
    low = make.queue()
    first = await make.flow_producer().add(node("first", queue, node("child", low)))
    await first["children"][0]["job"].removeChildDependency()
    if is_done:
        await Heard(make.worker(low, by_name), "completed").once()
    second = await make.flow_producer().add(node("second", queue, node("child", low)))
    if not is_done:
        await Heard(make.worker(low, by_name), "completed").once()
    key = f"{low.qualifiedName}:child"
    assert await second["job"].getChildrenValues() == {key: "child"}
    assert await first["job"].getChildrenValues() == {}
    assert await second["job"].getState() == "waiting"
