"""Queue.addBulk and FlowProducer.add with deduplication ids: as if added one after the other."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Story
from tests.contract.bullmq.situations import names

HOUR = 3_600_000
TOLD = ("added", "waiting", "delayed", "removed", "deduplicated", "duplicated")


def entry(name: str, mode: dict[str, Any] | None = None, **opts: Any) -> dict[str, Any]:
    """A bulk entry; with a `mode`, of the deduplication id "d"."""
    if mode is not None:
        opts["deduplication"] = {"id": "d", **mode}
    return {"name": name, "data": {"of": name}, "opts": opts}


async def added(make: Makers, queue: Any, entries: list[dict[str, Any]]) -> Any:
    """The ids of the jobs that stand for the entries, and what was told of them."""
    story = Story(make.events(queue))
    jobs = await queue.addBulk(entries)
    await queue.add("last", {}, {"jobId": "last"})
    await story.until("waiting", jobId="last")
    told = [
        (name, *sorted(args.values()))
        for name, args in story.chapters
        if name in TOLD and args["jobId"] != "last"
    ]
    return [job.id for job in jobs], told


async def test_the_first_of_a_bulk_stands_for_all_of_its_id(queue: Any) -> None:
    jobs = await queue.addBulk([entry("a", {}), entry("b", {}), entry("c"), entry("d", {})])
    assert [job.id for job in jobs] == ["1", "1", "3", "1"]
    assert names(await queue.getWaiting()) == ["a", "c"]


async def test_duplicates_in_a_bulk_are_told_in_their_place(make: Makers, queue: Any) -> None:
    ids, told = await added(make, queue, [entry("a", {}), entry("b", {}), entry("c")])
    assert ids == ["1", "1", "3"]
    assert told == [
        ("added", "1", "a"),
        ("waiting", "1"),
        ("deduplicated", "1", "2", "d"),
        ("added", "3", "c"),
        ("waiting", "3"),
    ]


async def test_the_id_of_a_job_that_a_bulk_replaces_is_free_for_the_rest_of_it(
    queue: Any,
) -> None:
    replacing = {"replace": True}
    await queue.addBulk([entry("first", replacing, delay=HOUR, jobId="first")])
    jobs = await queue.addBulk(
        [entry("second", replacing, delay=HOUR, jobId="second"), entry("third", jobId="first")]
    )
    assert [job.id for job in jobs] == ["second", "first"]
    assert names(await queue.getDelayed()) == ["second"]
    assert names(await queue.getWaiting()) == ["third"]


async def test_a_bulk_respects_who_holds_the_id_already(make: Makers, queue: Any) -> None:
    first = await queue.add("first", {}, {"deduplication": {"id": "d"}})
    ids, told = await added(make, queue, [entry("a", {}), entry("b")])
    assert ids == [first.id, "3"]
    assert told[-3][0] == "deduplicated"


async def test_a_finished_owner_does_not_keep_a_bulk_out(make: Makers, queue: Any) -> None:
    first = await queue.add("first", {}, {"deduplication": {"id": "d"}})
    worker = make.worker(queue)
    job = await worker.getNextJob("token")
    await job.moveToCompleted("done", "token", False)
    jobs = await queue.addBulk([entry("a", {}), entry("b", {})])
    assert [job.id for job in jobs] == ["2", "2"]
    assert first.id == "1"


async def test_a_window_holds_within_a_bulk(queue: Any) -> None:
    jobs = await queue.addBulk([entry("a", {"ttl": HOUR}), entry("b", {"ttl": HOUR})])
    assert [job.id for job in jobs] == ["1", "1"]
    await queue.drain()
    late = await queue.addBulk([entry("c", {"ttl": HOUR}), entry("d", {"ttl": HOUR})])
    assert [job.id for job in late] == ["3", "3"]  # drained with its owner


async def test_the_last_of_a_bulk_replaces_those_before_it(make: Makers, queue: Any) -> None:
    mode = {"ttl": HOUR, "extend": True, "replace": True}
    entries = [entry(name, mode, delay=HOUR) for name in ("a", "b", "c")]
    ids, told = await added(make, queue, entries)
    assert ids == ["1", "2", "3"]
    assert names(await queue.getDelayed()) == ["c"]
    assert await queue.getDeduplicationJobId("d") == "3"
    assert [name for name, *_ in told] == [
        *("added", "delayed"),
        *("removed", "deduplicated", "added", "delayed"),
        *("removed", "deduplicated", "added", "delayed"),
    ]


async def test_a_bulk_replaces_a_delayed_job_that_is_there(make: Makers, queue: Any) -> None:
    mode = {"replace": True}
    await queue.add("first", {}, {"delay": HOUR, "deduplication": {"id": "d", **mode}})
    ids, _ = await added(make, queue, [entry("a", mode, delay=HOUR), entry("b")])
    assert ids == ["2", "3"]
    assert names(await queue.getDelayed()) == ["a"]
    assert await queue.getJob("1") is None


async def test_nobody_is_told_of_one_in_a_bulk_that_may_not_replace_its_owner(
    make: Makers, queue: Any
) -> None:
    mode = {"replace": True}
    ids, told = await added(make, queue, [entry("a", mode), entry("b", mode), entry("c")])
    assert ids == ["1", "1", "3"]
    assert told == [("added", "1", "a"), ("waiting", "1"), ("added", "3", "c"), ("waiting", "3")]


async def test_a_bulk_does_not_replace_a_job_that_waits(queue: Any) -> None:
    jobs = await queue.addBulk([entry("a", {"replace": True}), entry("b", {"replace": True})])
    assert [job.id for job in jobs] == ["1", "1"]
    assert names(await queue.getWaiting()) == ["a"]


async def test_the_last_of_a_bulk_is_kept_for_the_end_of_an_active_owner(
    make: Makers, queue: Any
) -> None:
    mode = {"keepLastIfActive": True}
    await queue.add("first", {}, {"deduplication": {"id": "d", **mode}})
    worker = make.worker(queue)
    active = await worker.getNextJob("token")
    jobs = await queue.addBulk([entry("a", mode), entry("b", mode)])
    assert [job.id for job in jobs] == ["1", "1"]
    assert await queue.getWaitingCount() == 0
    await active.moveToCompleted("done", "token", False)
    assert names(await queue.getWaiting()) == ["b"]


async def test_a_known_id_counts_before_the_deduplication_id(make: Makers, queue: Any) -> None:
    await queue.add("first", {}, {"jobId": "known"})
    ids, told = await added(make, queue, [entry("a", {}, jobId="known"), entry("b", {})])
    assert ids == ["known", "3"]
    assert ("duplicated", "known") in told
    assert await queue.getDeduplicationJobId("d") == "3"


async def test_a_bulk_with_one_id_twice_keeps_the_first(make: Makers, queue: Any) -> None:
    ids, told = await added(
        make, queue, [entry("a", {}, jobId="x"), entry("b", None, jobId="x"), entry("c", {})]
    )
    assert ids == ["x", "x", "x"]
    assert [name for name, *_ in told] == ["added", "waiting", "duplicated", "deduplicated"]


async def test_priorities_and_delays_of_a_bulk_with_rules_are_kept(queue: Any) -> None:
    jobs = await queue.addBulk(
        [
            entry("a", {}, priority=3),
            entry("b", None, priority=1),
            entry("c", None, delay=HOUR),
            entry("d", None, lifo=True),
            entry("e"),
        ]
    )
    states = [await job.getState() for job in jobs]
    assert states == ["prioritized", "prioritized", "delayed", "waiting", "waiting"]
    assert names(await queue.getWaiting()) == ["d", "e"]
    assert names(await queue.getPrioritized()) == ["b", "a"]


async def finish_all(make: Makers, queue: Any) -> int:
    """Completes what waits; how many that were."""
    worker, count = make.worker(queue), await queue.getWaitingCount()
    for _ in range(count):
        job = await worker.getNextJob("token")
        await job.moveToCompleted("done", "token", False)
    return int(count)


async def test_a_bulk_of_children_with_rules_is_waited_for(make: Makers, queue: Any) -> None:
    other, more = make.queue(), make.queue()
    child = {"name": "c", "queueName": other.name}
    tree = await make.flow_producer().add(
        {"name": "p", "queueName": queue.name, "children": [child]}
    )
    parent = {"id": tree["job"].id, "queue": f"{queue.prefix}:{queue.name}"}
    jobs = await more.addBulk(
        [entry("a", {}, parent=parent), entry("b", {}, parent=parent), entry("c", parent=parent)]
    )
    assert jobs[0].id == jobs[1].id != jobs[2].id
    assert await finish_all(make, other) == 1
    assert await queue.getWaitingCount() == 0
    assert await finish_all(make, more) == 2
    assert names(await queue.getWaiting()) == ["p"]


@pytest.mark.parametrize("is_last", [False, True])
async def test_a_leaf_of_a_flow_that_is_a_duplicate_is_not_waited_for(
    make: Makers, queue: Any, is_last: bool
) -> None:
    leaf = {"name": "leaf", "queueName": queue.name, "opts": {"deduplication": {"id": "d"}}}
    plain = {"name": "plain", "queueName": queue.name}
    parent, leaves = make.queue(), [leaf, dict(leaf)]
    children = [plain, *leaves] if is_last else [*leaves, plain]
    tree = await make.flow_producer().add(
        {"name": "p", "queueName": parent.name, "children": children}
    )
    assert await tree["job"].getState() == "waiting-children"
    assert await finish_all(make, queue) == 2
    assert names(await parent.getWaiting()) == ["p"]


async def test_a_bad_entry_leaves_the_whole_bulk_out(queue: Any) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        await queue.addBulk([entry("a", {}), {"name": "b", "data": object()}])
    assert await queue.getWaitingCount() == 0


async def test_a_child_that_is_kept_for_later_is_waited_for(make: Makers, queue: Any) -> None:
    top, keep = make.queue(), {"deduplication": {"id": "d", "keepLastIfActive": True}}
    await queue.add("owner", {}, keep)
    worker = make.worker(queue)
    owner = await worker.getNextJob("token")
    child = {"name": "later", "queueName": queue.name, "opts": keep}
    flow = {"name": "parent", "queueName": top.name, "children": [child]}
    parent = (await make.flow_producer().add(flow))["job"]
    await owner.moveToCompleted("done", "token", False)
    assert await parent.getState() == "waiting-children"
    later = await worker.getNextJob("token")
    assert later.name == "later"
    await later.moveToCompleted("done", "token", False)
    assert await parent.getState() == "waiting"


async def test_a_bulk_with_a_duplicate_keeps_its_order_where_an_id_belonged_to_a_removed_job(
    queue: Any,
) -> None:
    await queue.addBulk([entry("owner", {}), entry("old", jobId="again")])
    await queue.remove("again")
    await queue.addBulk([entry("a", jobId="again"), entry("b", {}), entry("c")])
    assert names(await queue.getWaiting()) == ["owner", "a", "c"]
