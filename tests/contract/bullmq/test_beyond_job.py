"""Methods of a Job that only BullMQ for Node has."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import by_name
from tests.contract.bullmq.signals import PATIENCE, Heard
from tests.contract.bullmq.situations import active, added, completed, names


async def family(make: Makers, children: dict[str, dict[str, Any]]) -> tuple[Any, Any, Any]:
    """A parent, its queue and the queue of its `children` (their names and options)."""
    top, low = make.queue(), make.queue()
    nodes = [
        {"name": name, "queueName": low.name, "data": {}, "opts": {"jobId": name, **opts}}
        for name, opts in children.items()
    ]
    flow = {"name": "parent", "queueName": top.name, "data": {}, "children": nodes}
    return (await make.flow_producer().add(flow))["job"], top, low


async def test_a_delay_can_be_changed_counting_from_now(make: Makers, queue: Any) -> None:
    job = await queue.add("job", {}, {"delay": 60_000})
    await job.changeDelay(50)
    finished, _ = await Heard(make.worker(queue, by_name), "completed").once()
    assert finished.id == job.id


@pytest.mark.parametrize("delay", [90_000.5, "90000"])
async def test_a_changed_delay_may_have_a_fraction_or_be_text(queue: Any, delay: Any) -> None:
    job = await queue.add("job", {}, {"delay": 60_000})
    await job.changeDelay(delay)
    (stored,) = await queue.getDelayed()
    assert stored.delay == float(delay)


@pytest.mark.parametrize("delay", ["soon", None, float("inf")])
async def test_a_changed_delay_is_a_number(queue: Any, delay: Any) -> None:
    job = await queue.add("job", {}, {"delay": 60_000})
    with pytest.raises(ValueError, match=rf"^delay is a number, not {delay!r}\.$"):
        await job.changeDelay(delay)


async def test_only_the_delay_of_a_delayed_job_can_be_changed(queue: Any) -> None:
    [job] = await added(queue, 1)
    message = f"^Job {job.id} is not in the delayed state. changeDelay$"
    with pytest.raises(TypeError, match=message):
        await job.changeDelay(50)


async def test_the_delay_of_a_missing_job_cannot_be_changed(queue: Any) -> None:
    job = await queue.add("job", {}, {"delay": 60_000})
    await job.remove()
    with pytest.raises(TypeError, match=f"^Missing key for job {job.id}. changeDelay$"):
        await job.changeDelay(50)


async def test_a_job_can_be_created_without_the_queue(make: Makers) -> None:
    queue = make.queue(defaultJobOptions={"attempts": 3})
    job = await make.backend.Job.create(queue, "one", {"n": 1}, {"jobId": "mine"})
    stored = await queue.getJob("mine")
    assert (job.id, stored.name, stored.data, stored.opts["attempts"]) == (
        "mine",
        "one",
        {"n": 1},
        0,
    )


async def test_jobs_can_be_created_in_bulk_without_the_queue(make: Makers, queue: Any) -> None:
    entries = [{"name": "a", "data": 1}, {"name": "b", "data": 2, "opts": {"priority": 3}}]
    jobs = await make.backend.Job.createBulk(queue, entries)
    assert [job.id for job in jobs] == ["1", "2"]
    assert [await job.getState() for job in jobs] == ["waiting", "prioritized"]


async def test_a_job_is_not_created_under_an_id_that_bullmq_would_never_run(
    make: Makers, queue: Any
) -> None:
    kind, opts = make.backend.Job, {"jobId": "0:17"}
    with pytest.raises(ValueError, match=r"^JobId cannot start"):
        await kind.create(queue, "one", {}, opts)
    with pytest.raises(ValueError, match=r"^JobId cannot start"):
        await kind.createBulk(queue, [{"name": "fine"}, {"name": "two", "opts": opts}])
    assert await queue.getJobCountByTypes() == 0


async def test_the_stored_deduplication_id_is_read(make: Makers, queue: Any) -> None:
    raw = {"name": "job", "data": "{}", "opts": "{}", "deid": "only here"}
    assert make.backend.Job.fromJSON(queue, raw, "1").deduplicationId == "only here"


@pytest.mark.parametrize(("keep", "rows"), [(0, []), (1, ["third"]), (5, None)])
async def test_logs_can_be_cleared(queue: Any, keep: int, rows: list[str] | None) -> None:
    [job] = await added(queue, 1)
    for row in ("first", "second", "third"):
        await job.log(row)
    await job.clearLogs(keep)
    expected = ["first", "second", "third"] if rows is None else rows
    assert (await queue.getJobLogs(job.id))["logs"] == expected


async def test_dependencies_are_told_by_their_outcome(make: Makers) -> None:
    parent, _, low = await family(
        make,
        {"good": {}, "bad ignored": {"ignoreDependencyOnFailure": True}, "late": {"delay": 60_000}},
    )
    worker = make.worker(low, by_name)
    done, failed = Heard(worker, "completed"), Heard(worker, "failed")
    await done.once()
    await failed.once()
    prefix = low.qualifiedName
    dependencies = await parent.getDependencies()
    assert dependencies["processed"] == {f"{prefix}:good": "value of good"}
    assert dependencies["ignored"] == {f"{prefix}:bad ignored": "bad ignored is bad"}
    assert dependencies["unprocessed"] == [f"{prefix}:late"]
    assert dependencies.get("failed", []) == []


async def test_dependencies_are_counted_by_their_outcome(make: Makers) -> None:
    parent, _, low = await family(
        make, {"good": {}, "bad": {"failParentOnFailure": True}, "late": {"delay": 60_000}}
    )
    worker = make.worker(low, by_name)
    done, failed = Heard(worker, "completed"), Heard(worker, "failed")
    await done.once()
    await failed.once()
    counts = await parent.getDependenciesCount()
    assert counts == {"processed": 1, "unprocessed": 1, "failed": 1, "ignored": 0}
    assert await parent.getDependenciesCount({"failed": True, "ignored": False}) == {"failed": 1}
    assert await parent.getDependenciesCount({"processed": False}) == counts


async def test_ignored_failures_can_be_read(make: Makers) -> None:
    parent, _, low = await family(make, {"bad": {"ignoreDependencyOnFailure": True}})
    await Heard(make.worker(low, by_name), "failed").once()
    failures = await parent.getIgnoredChildrenFailures()
    assert failures == {f"{low.qualifiedName}:bad": "bad is bad"}


async def test_a_child_can_leave_its_parent(make: Makers) -> None:
    parent, _, low = await family(make, {"a": {}, "b": {}})
    first, second = await low.getJob("a"), await low.getJob("b")
    assert await first.removeChildDependency() is True
    assert await parent.getState() == "waiting-children"
    assert await second.removeChildDependency() is True
    assert await parent.getState() == "waiting"
    assert await first.getState() == "waiting"


async def test_a_job_without_a_parent_has_none_to_leave(queue: Any) -> None:
    [job] = await added(queue, 1)
    assert await job.removeChildDependency() is False


async def test_unprocessed_children_can_be_removed(make: Makers) -> None:
    parent, _, low = await family(make, {"done": {}, "waiting": {}, "late": {"delay": 60_000}})
    child = await make.worker(low).getNextJob("token")
    await child.moveToCompleted("value", "token")
    await parent.removeUnprocessedChildren()
    states = [await low.getJobState(job_id) for job_id in ("done", "waiting", "late")]
    assert states == ["completed", "unknown", "unknown"]


async def test_a_prioritized_job_goes_back_before_its_equals(make: Makers, queue: Any) -> None:
    jobs = [await queue.add(name, {}, {"priority": 7}) for name in ("a", "b")]
    await queue.add("urgent", {}, {"priority": 6})
    worker = make.worker(queue)
    await (await worker.getNextJob("token")).moveToCompleted("done", "token")
    taken = await worker.getNextJob("token")
    await taken.moveToWait("token")
    assert await jobs[0].getState() == "prioritized"
    assert await queue.getCountsPerPriority([6, 7]) == {"6": 0, "7": 2}
    assert await queue.getJobCounts("prioritized") == {"prioritized": 2}
    assert names(await queue.getPrioritized()) == ["a", "b"]
    assert [(await worker.getNextJob("token")).name for _ in jobs] == ["a", "b"]


async def test_a_job_can_go_back_to_the_head_of_waiting(make: Makers, queue: Any) -> None:
    [job, _] = await added(queue, 2)
    taken = await make.worker(queue).getNextJob("token")
    await taken.moveToWait("token")
    assert names(await queue.getWaiting()) == ["w0", "w1"]
    assert (await queue.getJob(job.id)).attemptsMade == 0


async def test_a_lock_can_be_extended_by_its_holder(make: Makers, queue: Any) -> None:
    [job] = await active(make, queue, 1)
    assert await job.extendLock("token-0", 60_000) == 1
    assert await job.extendLock("another token", 60_000) == 0


async def test_waiting_for_a_job_returns_its_result(make: Makers, queue: Any) -> None:
    [job] = await added(queue, 1)
    waiting = asyncio.ensure_future(job.waitUntilFinished(make.events(queue)))
    make.worker(queue, by_name)
    assert await asyncio.wait_for(waiting, PATIENCE) == "value of w0"


async def test_waiting_for_a_finished_job_returns_at_once(make: Makers, queue: Any) -> None:
    [job] = await completed(make, queue, 1)
    assert await asyncio.wait_for(job.waitUntilFinished(make.events(queue)), PATIENCE) == 0


async def test_waiting_for_a_failing_job_raises_its_reason(make: Makers, queue: Any) -> None:
    job = await queue.add("bad", {})
    waiting = asyncio.ensure_future(job.waitUntilFinished(make.events(queue)))
    make.worker(queue, by_name)
    with pytest.raises(Exception, match=r"^bad is bad$"):
        await asyncio.wait_for(waiting, PATIENCE)


async def test_waiting_for_a_job_ends_after_its_ttl(make: Makers, queue: Any) -> None:
    [job] = await added(queue, 1)
    message = (
        "^Job wait w0 timed out before finishing, "
        rf"no finish notification arrived after 50ms \(id={job.id}\)$"
    )
    with pytest.raises(Exception, match=message):
        await job.waitUntilFinished(make.events(queue), 50)


async def test_waiting_for_a_missing_job_is_an_error(make: Makers, queue: Any) -> None:
    [job] = await added(queue, 1)
    await job.remove()
    with pytest.raises(Exception, match=r"^Missing key for job .*\. isFinished$"):
        await job.waitUntilFinished(make.events(queue))


async def test_a_job_tells_its_queue_and_prefix(make: Makers, queue: Any) -> None:
    job = await queue.add("job", {}, {"deduplication": {"id": "d"}})
    assert (job.queueName, job.prefix) == (queue.name, make.prefix)
    assert job.deduplicationId == "d"


async def test_a_job_can_be_written_as_json(queue: Any) -> None:
    job = await queue.add("paint", {"n": 1}, {"attempts": 2})
    written = job.asJSON()
    assert (written["id"], written["name"]) == (job.id, "paint")
    assert set(written) >= {
        *("id", "name", "data", "opts", "progress", "attemptsMade", "attemptsStarted"),
        *("stalledCounter", "timestamp", "delay", "priority", "stacktrace"),
    }


async def test_a_flow_can_be_read_back(make: Makers) -> None:
    parent, top, _ = await family(make, {"a": {}, "b": {}})
    flow = await make.flow_producer().getFlow({"id": parent.id, "queueName": top.name})
    assert flow["job"].id == parent.id
    assert sorted(child["job"].id for child in flow["children"]) == ["a", "b"]


async def test_flow_nodes_with_children_cannot_be_deduplicated(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    flow = {
        "name": "parent",
        "queueName": top.name,
        "opts": {"deduplication": {"id": "d"}},
        "children": [{"name": "child", "queueName": low.name}],
    }
    message = "^Deduplication options cannot be used on flow nodes with children"
    with pytest.raises(Exception, match=message):
        await make.flow_producer().add(flow)
    assert await low.getWaitingCount() == 0


@pytest.mark.parametrize("priority", [-1, 2_097_153, 1.5])
async def test_a_priority_that_no_new_job_may_have_cannot_be_given_later(
    queue: Any, priority: float
) -> None:
    [job] = await added(queue, 1)
    with pytest.raises(ValueError, match=r"^Priority should "):
        await job.changePriority({"priority": priority})
    assert (job.priority, await job.getState()) == (0, "waiting")


async def test_what_is_printed_of_a_job_and_its_queue_names_them(make: Makers, queue: Any) -> None:
    [job] = await added(queue, 1)
    assert repr(queue) == f"<Queue '{queue.name}'>"
    assert repr([job]) == f"[<Job {job.id} '{job.name}' of '{queue.name}'>]"
    assert repr(make.backend.Job(queue, "new", {})) == f"<Job None 'new' of '{queue.name}'>"
