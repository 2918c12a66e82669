"""Flows: trees of jobs in which a parent runs after its children."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import by_name
from tests.contract.bullmq.signals import Heard, Story
from tests.contract.bullmq.situations import names
from tests.contract.bullmq.trees import node


async def test_a_flow_comes_back_as_a_tree_of_jobs(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    tree = await make.flow_producer().add(
        node("parent", top, node("a", low), node("b", low, node("c", low)))
    )
    assert (tree["job"].name, tree["job"].data) == ("parent", {"of": "parent"})
    first, second = tree["children"]
    assert (first["job"].name, second["job"].name) == ("a", "b")
    assert "children" not in first
    assert second["children"][0]["job"].name == "c"


async def test_a_parent_waits_for_its_children(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    tree = await make.flow_producer().add(node("parent", top, node("a", low)))
    assert await tree["job"].getState() == "waiting-children"
    assert await tree["children"][0]["job"].getState() == "waiting"


async def test_a_flow_without_children_is_a_plain_job(make: Makers, queue: Any) -> None:
    tree = await make.flow_producer().add(node("alone", queue))
    assert set(tree) == {"job"}
    assert await tree["job"].getState() == "waiting"


async def test_the_jobs_of_a_flow_have_long_random_ids(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    tree = await make.flow_producer().add(node("parent", top, node("a", low)))
    ids = [tree["job"].id, tree["children"][0]["job"].id]
    assert all(len(job_id) == 32 and set(job_id) <= set("0123456789abcdef") for job_id in ids)


async def test_the_jobs_of_a_flow_may_have_ids_of_their_own(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    child = node("a", low, opts={"jobId": "child-id"})
    tree = await make.flow_producer().add(node("parent", top, child, opts={"jobId": "parent-id"}))
    assert (tree["job"].id, tree["children"][0]["job"].id) == ("parent-id", "child-id")
    assert await top.getJobState("parent-id") == "waiting-children"
    assert await low.getJobState("child-id") == "waiting"


async def test_a_child_knows_its_parent(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    tree = await make.flow_producer().add(node("parent", top, node("a", low)))
    parent = tree["job"]
    child = await low.getJob(tree["children"][0]["job"].id)
    assert child.parentKey == f"{top.qualifiedName}:{parent.id}"
    assert child.parent == {"id": parent.id, "queueKey": top.qualifiedName}
    assert child.opts["parent"] == {"id": parent.id, "queue": top.qualifiedName}


async def test_a_parent_runs_after_all_its_children(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    order: list[str] = []

    async def process(job: Any, token: str) -> None:
        order.append(job.name)

    parent_worker = make.worker(top, process)
    await make.flow_producer().add(node("parent", top, node("a", low), node("b", low)))
    make.worker(low, process)
    await Heard(parent_worker, "completed").once()
    assert order == ["a", "b", "parent"]


async def test_deep_flows_run_from_the_leaves_to_the_root(make: Makers, queue: Any) -> None:
    order: list[str] = []

    async def process(job: Any, token: str) -> None:
        order.append(job.name)

    tree = node("1", queue, node("2", queue, node("3", queue, node("4", queue))))
    await make.flow_producer().add(tree)
    await Heard(make.worker(queue, process), "completed").times(4)
    assert order == ["4", "3", "2", "1"]


async def test_a_released_parent_goes_to_the_head(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    await make.flow_producer().add(node("parent", top, node("a", low)))
    await top.add("other", {})
    await Heard(make.worker(low, by_name), "completed").once()
    assert names(await top.getWaiting()) == ["parent", "other"]


async def test_the_delay_of_a_parent_begins_when_its_children_are_done(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    tree = await make.flow_producer().add(
        node("parent", top, node("a", low), opts={"delay": 60_000})
    )
    assert await tree["job"].getState() == "waiting-children"
    await Heard(make.worker(low, by_name), "completed").once()
    assert await tree["job"].getState() == "delayed"


async def test_the_priority_of_a_parent_counts_when_its_children_are_done(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    tree = await make.flow_producer().add(node("parent", top, node("a", low), opts={"priority": 2}))
    assert await tree["job"].getState() == "waiting-children"
    await Heard(make.worker(low, by_name), "completed").once()
    assert await tree["job"].getState() == "prioritized"


async def test_a_delayed_child_delays_its_parent(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    child = node("a", low, opts={"delay": 60_000})
    tree = await make.flow_producer().add(node("parent", top, child))
    assert await tree["children"][0]["job"].getState() == "delayed"
    assert await tree["job"].getState() == "waiting-children"


async def test_the_events_of_a_parent(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    story = Story(make.events(top))
    tree = await make.flow_producer().add(node("parent", top, node("a", low)))
    make.worker(low, by_name)
    make.worker(top, by_name)
    await story.until("completed")
    parent = tree["job"].id
    assert story.names(parent) == ["added", "waiting-children", "waiting", "active", "completed"]
    assert story.told("waiting-children") == [{"jobId": parent}]
    assert story.told("waiting") == [{"jobId": parent, "prev": "waiting-children"}]


async def test_flow_nodes_take_job_options(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    child = node("a", low, opts={"attempts": 3, "backoff": 10})
    tree = await make.flow_producer().add(node("parent", top, child, opts={"attempts": 2}))
    stored_parent = await top.getJob(tree["job"].id)
    stored_child = await low.getJob(tree["children"][0]["job"].id)
    assert (stored_parent.opts["attempts"], stored_child.opts["attempts"]) == (2, 3)
    assert stored_child.opts["backoff"] == {"type": "fixed", "delay": 10}


@pytest.mark.parametrize("empty", [None, {}])
async def test_a_parent_may_be_given_no_deduplication(make: Makers, queue: Any, empty: Any) -> None:
    opts = {"deduplication": empty}
    flow = node("parent", queue, node("child", queue, opts=opts), opts=opts)
    tree = await make.flow_producer().add(flow)
    assert await tree["job"].getState() == "waiting-children"
    assert names(await queue.getWaiting()) == ["child"]


async def test_queues_of_a_flow_may_have_default_options(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    defaults = {"queuesOptions": {low.name: {"defaultJobOptions": {"attempts": 7}}}}
    own = node("b", low, opts={"attempts": 2})
    tree = await make.flow_producer().add(node("parent", top, node("a", low), own), defaults)
    jobs = [await low.getJob(child["job"].id) for child in tree["children"]]
    assert [job.opts["attempts"] for job in jobs] == [7, 2]
    assert (await top.getJob(tree["job"].id)).opts["attempts"] == 0


async def test_the_root_of_a_flow_has_no_parent_among_its_options(make: Makers, queue: Any) -> None:
    defaults = {"queuesOptions": {queue.name: {"defaultJobOptions": {"parent": {"id": "none"}}}}}
    root = (await make.flow_producer().add(node("root", queue), defaults))["job"]
    assert root.opts["parent"] is None
    assert "parent" not in (await queue.getJob(root.id)).opts


async def test_a_node_may_have_a_prefix_of_its_own(make: Makers) -> None:
    top = make.queue()
    low = make.queue(prefix=f"{make.prefix}-low")
    tree = await make.flow_producer().add(
        node("parent", top, node("a", low, prefix=f"{make.prefix}-low"))
    )
    make.worker(low, by_name, prefix=f"{make.prefix}-low")
    parent, _ = await Heard(make.worker(top, by_name), "completed").once()
    assert parent.id == tree["job"].id


async def test_bulk_adds_several_trees(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    trees = await make.flow_producer().addBulk(
        [node("p0", top, node("a", low)), node("p1", top, node("b", low), node("c", low))]
    )
    assert [tree["job"].name for tree in trees] == ["p0", "p1"]
    assert [len(tree["children"]) for tree in trees] == [1, 2]
    assert await top.getJobCounts("waiting-children") == {"waiting-children": 2}
    assert await low.getWaitingCount() == 3


async def test_an_empty_bulk_of_flows_adds_nothing(make: Makers) -> None:
    assert await make.flow_producer().addBulk([]) == []


async def test_a_wide_flow_releases_its_parent_once(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    children = [node(str(n), low) for n in range(50)]
    await make.flow_producer().add(node("parent", top, *children))
    completed = Heard(make.worker(top, by_name), "completed")
    make.worker(low, by_name, concurrency=5)
    make.worker(low, by_name, concurrency=5)
    await completed.once()
    assert await top.getCompletedCount() == 1
    assert await low.getCompletedCount() == 50


async def test_a_flow_producer_takes_its_options_as_one_dictionary(make: Makers) -> None:
    queue = make.queue()
    producer = make.backend.FlowProducer(make.options({}))
    tree = await producer.add(node("job", queue))
    assert await queue.getJobState(tree["job"].id) == "waiting"
    await producer.close()


async def test_a_flow_producer_takes_connection_and_options_apart(make: Makers) -> None:
    queue = make.queue()
    connection = make.backend.connection["connection"]
    producer = make.backend.FlowProducer(connection, {"prefix": make.prefix})
    tree = await producer.add(node("job", queue))
    assert await queue.getJobState(tree["job"].id) == "waiting"
    await producer.close()


async def test_the_callers_default_options_are_not_changed(make: Makers, queue: Any) -> None:
    defaults = {"attempts": 2}
    flow = {"name": "job", "queueName": queue.name, "opts": {"priority": 3, "jobId": "mine"}}
    options = {"queuesOptions": {queue.name: {"defaultJobOptions": defaults}}}
    tree = await make.flow_producer().add(flow, options)
    assert (tree["job"].opts["attempts"], tree["job"].opts["priority"]) == (2, 3)
    assert defaults == {"attempts": 2}
    assert flow["opts"] == {"priority": 3, "jobId": "mine"}
