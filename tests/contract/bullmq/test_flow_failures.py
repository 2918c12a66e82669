"""What becomes of a parent when a child fails for good: the four policies, and none."""

from __future__ import annotations

from typing import Any

from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import by_name
from tests.contract.bullmq.signals import Heard, Story

POLICIES = [
    "failParentOnFailure",
    "continueParentOnFailure",
    "ignoreDependencyOnFailure",
    "removeDependencyOnFailure",
]


class Family:
    """A parent in `top` and its children in `low`, added as one flow."""

    def __init__(self, top: Any, low: Any, tree: dict[str, Any]) -> None:
        self.top, self.low = top, low
        self.parent = tree["job"]
        self.children = {child["job"].name: child["job"] for child in tree["children"]}

    def key(self, child: str) -> str:
        return f"{self.low.qualifiedName}:{self.children[child].id}"


async def family(make: Makers, children: dict[str, dict[str, Any]]) -> Family:
    """A parent with `children`: their names and options."""
    top, low = make.queue(), make.queue()
    nodes = [
        {"name": name, "queueName": low.name, "data": {}, "opts": opts}
        for name, opts in children.items()
    ]
    flow = {"name": "parent", "queueName": top.name, "data": {}, "children": nodes}
    return Family(top, low, await make.flow_producer().add(flow))


async def run_children(make: Makers, low: Any, failures: int) -> None:
    worker = make.worker(low, by_name)
    await Heard(worker, "failed").times(failures)
    await worker.close()


async def test_without_a_policy_the_parent_waits_for_ever(make: Makers) -> None:
    them = await family(make, {"bad": {}, "good": {}})
    await Heard(make.worker(them.low, by_name), "completed").once()
    assert await them.children["bad"].getState() == "failed"
    assert await them.parent.getState() == "waiting-children"


async def test_a_failing_child_that_is_not_kept_holds_its_parent_no_longer(make: Makers) -> None:
    them = await family(make, {"bad": {"removeOnFail": True}, "good": {}})
    await Heard(make.worker(them.low, by_name), "completed").once()
    assert await them.parent.getState() == "waiting"
    assert await them.parent.getChildrenValues() == {them.key("good"): "value of good"}


async def test_a_failed_child_that_makes_room_for_another_releases_its_parent(
    make: Makers,
) -> None:
    them = await family(make, {"bad": {}})
    worker = make.worker(them.low, by_name, removeOnFail={"count": 1})
    failed = Heard(worker, "failed")
    await failed.once()
    assert await them.parent.getState() == "waiting-children"
    await them.low.add("bad as well", {})
    await failed.times(2)
    assert await them.parent.getState() == "waiting"


async def test_a_retried_child_releases_its_parent_after_all(make: Makers) -> None:
    them = await family(make, {"bad": {}})
    await run_children(make, them.low, 1)
    await them.children["bad"].retry()
    worker = make.worker(them.low, _always_good)
    await Heard(worker, "completed").once()
    assert await them.parent.getState() == "waiting"
    assert await them.parent.getChildrenValues() == {them.key("bad"): "good after all"}


async def test_a_failing_child_that_will_be_retried_decides_nothing(make: Makers) -> None:
    options = {"attempts": 2, "backoff": 60_000, "failParentOnFailure": True}
    them = await family(make, {"bad": options})
    await run_children(make, them.low, 1)
    assert await them.children["bad"].getState() == "delayed"
    assert await them.parent.getState() == "waiting-children"


async def test_fail_parent_fails_the_parent_without_its_processor(make: Makers) -> None:
    ran: list[str] = []

    async def process(job: Any, token: str) -> None:
        ran.append(job.name)

    them = await family(make, {"bad": {"failParentOnFailure": True}})
    await run_children(make, them.low, 1)
    failed, error = await Heard(make.worker(them.top, process), "failed").once()
    reason = f"child {them.key('bad')} failed"
    assert (failed.id, str(error)) == (them.parent.id, reason)
    assert (await them.top.getJob(them.parent.id)).failedReason == reason
    assert await them.parent.getState() == "failed"
    assert ran == []


async def test_fail_parent_does_not_wait_for_the_other_children(make: Makers) -> None:
    options = {"failParentOnFailure": True}
    them = await family(make, {"bad": options, "later": {"delay": 60_000}})
    await run_children(make, them.low, 1)
    stored = await them.top.getJob(them.parent.id)
    assert await stored.getState() == "waiting"
    assert stored.deferredFailure == f"child {them.key('bad')} failed"
    assert await them.children["later"].getState() == "delayed"


async def test_fail_parent_goes_on_upwards(make: Makers, queue: Any) -> None:
    def nested(name: str, *children: Any, **opts: Any) -> dict[str, Any]:
        node: dict[str, Any] = {"name": name, "queueName": queue.name, "data": {}, "opts": opts}
        return {**node, "children": list(children)} if children else node

    bad = nested("bad", failParentOnFailure=True)
    tree = await make.flow_producer().add(
        nested("root", nested("middle", bad, failParentOnFailure=True))
    )
    failed = Heard(make.worker(queue, by_name), "failed")
    assert [job.name for job, _ in await failed.times(3)] == ["bad", "middle", "root"]
    middle = tree["children"][0]["job"]
    stored = await queue.getJob(tree["job"].id)
    assert stored.failedReason == f"child {queue.qualifiedName}:{middle.id} failed"


async def test_fail_parent_stops_at_a_parent_without_the_policy(make: Makers, queue: Any) -> None:
    bad = {"name": "bad", "queueName": queue.name, "opts": {"failParentOnFailure": True}}
    middle = {"name": "middle", "queueName": queue.name, "children": [bad]}
    tree = await make.flow_producer().add(
        {"name": "root", "queueName": queue.name, "children": [middle]}
    )
    failed = Heard(make.worker(queue, by_name), "failed")
    assert [job.name for job, _ in await failed.times(2)] == ["bad", "middle"]
    assert await tree["job"].getState() == "waiting-children"


async def test_continue_parent_releases_the_parent_at_once(make: Makers) -> None:
    options = {"continueParentOnFailure": True}
    them = await family(make, {"bad": options, "later": {"delay": 60_000}})
    await run_children(make, them.low, 1)
    assert await them.parent.getState() == "waiting"
    assert await them.children["later"].getState() == "delayed"


async def test_a_parent_that_continues_runs_its_processor(make: Makers) -> None:
    them = await family(make, {"bad": {"continueParentOnFailure": True}})
    await run_children(make, them.low, 1)
    parent, result = await Heard(make.worker(them.top, by_name), "completed").once()
    assert (parent.id, result) == (them.parent.id, "value of parent")


async def test_an_ignored_failure_counts_as_done(make: Makers) -> None:
    them = await family(make, {"bad": {"ignoreDependencyOnFailure": True}, "good": {}})
    make.worker(them.low, by_name)
    parent, _ = await Heard(make.worker(them.top, by_name), "completed").once()
    assert parent.id == them.parent.id
    assert await them.parent.getChildrenValues() == {them.key("good"): "value of good"}


async def test_an_ignored_failure_leaves_the_other_children_pending(make: Makers) -> None:
    options = {"ignoreDependencyOnFailure": True}
    them = await family(make, {"bad": options, "later": {"delay": 60_000}})
    await run_children(make, them.low, 1)
    assert await them.parent.getState() == "waiting-children"


async def test_a_removed_dependency_counts_as_done(make: Makers) -> None:
    them = await family(make, {"bad": {"removeDependencyOnFailure": True}, "good": {}})
    make.worker(them.low, by_name)
    await Heard(make.worker(them.top, by_name), "completed").once()
    assert await them.parent.getChildrenValues() == {them.key("good"): "value of good"}
    assert await them.parent.getState() == "completed"


async def test_the_last_ignored_failure_releases_the_parent(make: Makers) -> None:
    options = {"ignoreDependencyOnFailure": True}
    them = await family(make, {"bad 1": options, "bad 2": options})
    await run_children(make, them.low, 2)
    assert await them.parent.getState() == "waiting"
    assert await them.parent.getChildrenValues() == {}


async def test_the_release_of_a_parent_by_a_failure_is_told(make: Makers) -> None:
    them = await family(make, {"bad": {"ignoreDependencyOnFailure": True}})
    story = Story(make.events(them.top))
    await run_children(make, them.low, 1)
    told = await story.until("waiting")
    assert told == {"jobId": them.parent.id, "prev": "waiting-children"}


async def test_a_child_carries_its_policy_for_its_parent(make: Makers) -> None:
    short = {
        "failParentOnFailure": "fpof",
        "continueParentOnFailure": "cpof",
        "ignoreDependencyOnFailure": "idof",
        "removeDependencyOnFailure": "rdof",
    }
    for policy in POLICIES:
        them = await family(make, {"child": {policy: True}})
        stored = await them.low.getJob(them.children["child"].id)
        assert stored.parent == {
            "id": them.parent.id,
            "queueKey": them.top.qualifiedName,
            short[policy]: True,
        }


async def _always_good(job: Any, token: str) -> str:
    return "good after all"
