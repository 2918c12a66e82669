"""Queue.obliterate: nothing is left."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import Gate
from tests.contract.bullmq.signals import Heard, Story
from tests.contract.bullmq.situations import (
    EVERY_STATE,
    active,
    added,
    completed,
    failed,
    one_in_every_state,
    waiting_for_children,
)


async def test_obliterate_removes_jobs_in_every_state_but_active(make: Makers, queue: Any) -> None:
    await completed(make, queue, 2)
    await failed(make, queue, 2)
    await added(queue, 2, delay=60_000)
    await added(queue, 2, priority=1)
    await added(queue, 2)
    await queue.obliterate()
    assert await queue.getJobCounts() == dict.fromkeys(EVERY_STATE, 0)
    assert await queue.getJob("1") is None


async def test_active_jobs_stop_obliterate(make: Makers, queue: Any) -> None:
    await active(make, queue, 1)
    with pytest.raises(Exception, match=r"^Cannot obliterate queue with active jobs$"):
        await queue.obliterate()
    assert await queue.getJobCounts("active") == {"active": 1}


async def test_a_refused_obliterate_leaves_the_queue_paused(make: Makers, queue: Any) -> None:
    await active(make, queue, 1)
    with pytest.raises(Exception, match="active jobs"):
        await queue.obliterate()
    assert await queue.isPaused()


async def test_force_obliterates_active_jobs_too(make: Makers, queue: Any) -> None:
    await active(make, queue, 2)
    await added(queue, 1)
    await queue.obliterate(True)
    assert await queue.getJobCounts() == dict.fromkeys(EVERY_STATE, 0)


async def test_the_outcome_of_a_job_that_was_obliterated_as_it_ran_is_refused_and_told(
    make: Makers, queue: Any
) -> None:
    gate = Gate()
    worker = make.worker(queue, gate.process)
    errors, told = Heard(worker, "error"), Heard(worker, "completed")
    await queue.add("job", {})
    await gate.holds(1)
    await queue.obliterate(True)
    gate.open()
    assert str((await errors.once())[0]).startswith("Missing ")
    assert told.calls == []
    assert await queue.getJobCounts() == dict.fromkeys(EVERY_STATE, 0)


async def test_force_may_be_named(make: Makers, queue: Any) -> None:
    await active(make, queue, 1)
    await queue.obliterate(force=True)
    assert await queue.getJobCounts("active") == {"active": 0}


async def test_force_obliterates_a_queue_with_every_state(make: Makers, queue: Any) -> None:
    await one_in_every_state(make, queue)
    await queue.obliterate(force=True)
    expected = {**dict.fromkeys(EVERY_STATE, 0), "waiting-children": 1}
    assert await queue.getJobCounts() == expected, "a parent of children elsewhere survives"


async def test_an_obliterated_queue_begins_again_at_1(queue: Any) -> None:
    await added(queue, 3)
    await queue.obliterate()
    assert (await queue.add("job", {})).id == "1"


async def test_an_obliterated_queue_is_not_paused(queue: Any) -> None:
    await queue.pause()
    await queue.obliterate()
    assert not await queue.isPaused()


async def test_obliterate_removes_logs(make: Makers, queue: Any) -> None:
    [job] = await completed(make, queue, 1)
    await job.log("row")
    await queue.obliterate()
    assert await queue.getJobLogs(job.id) == {"logs": [], "count": 0}


async def test_obliterate_removes_schedulers(queue: Any) -> None:
    await queue.upsertJobScheduler("every-hour", {"every": 3_600_000})
    await queue.obliterate()
    assert await queue.getJobSchedulersCount() == 0
    assert await queue.getDelayedCount() == 0


async def test_obliterate_forgets_global_limits(queue: Any) -> None:
    await queue.setGlobalConcurrency(2)
    await queue.setGlobalRateLimit(5, 1_000)
    await queue.obliterate()
    assert await queue.getGlobalConcurrency() is None
    assert await queue.getGlobalRateLimit() is None


async def test_obliterate_empties_the_event_history(make: Makers, queue: Any) -> None:
    await added(queue, 2)
    await queue.obliterate()
    await queue.add("after", {}, {"jobId": "after"})
    story = Story(make.events(queue))
    await story.until("waiting", jobId="after")
    assert story.names() == ["added", "waiting"]


async def test_obliterating_an_empty_queue_is_fine(queue: Any) -> None:
    await queue.obliterate()
    assert await queue.getJobCountByTypes() == 0


async def test_obliterate_takes_more_jobs_than_one_batch(queue: Any) -> None:
    await queue.addBulk([{"name": "job", "data": {}} for _ in range(1500)])
    await queue.obliterate()
    assert await queue.getJobCountByTypes() == 0


async def test_children_elsewhere_outlive_obliterate(make: Makers) -> None:
    parents, children = make.queue(), make.queue()
    await waiting_for_children(make, parents, children, 1)
    await parents.obliterate()
    assert await children.getWaitingCount() == 1


@pytest.mark.parametrize("is_near", [True, False])
async def test_whoever_waits_for_a_parent_that_survives_obliterate_waits_on(
    make: Makers, is_near: bool
) -> None:
    queue, children = make.queue(), make.queue()
    top = queue if is_near else make.queue()
    names = {"top": top, "middle": queue, "low": children}
    tree: dict[str, Any] = {}
    for name in ("low", "middle", "top"):
        below = [tree] if tree else []
        tree = {"name": name, "queueName": names[name].name, "data": {}, "children": below}
    ids = [(await make.flow_producer().add(tree))["job"].id]
    ids += [job.id for job in await queue.getWaitingChildren() if job.name == "middle"]
    await queue.obliterate()
    states = [await top.getJobState(ids[0]), await queue.getJobState(ids[1])]
    assert states == ["waiting-children", "waiting-children"]


async def test_obliterate_leaves_other_queues_alone(make: Makers) -> None:
    queue, other = make.queue(), make.queue()
    await added(queue, 2)
    await added(other, 2)
    await queue.obliterate()
    assert await other.getWaitingCount() == 2


@pytest.mark.parametrize("options", [{}, {"delay": 60_000}, {"priority": 2}])
async def test_nothing_is_left_of_a_parent_that_does_not_wait_yet(
    make: Makers, options: dict[str, Any]
) -> None:
    queue, children = make.queue(), make.queue()
    job = await queue.add("parent", {}, {"jobId": "p", **options})
    await job.log("row")
    family = {"parent": {"id": "p", "queue": queue.qualifiedName}}
    await children.add("child", {}, family)
    await queue.obliterate()
    assert (await queue.getJobLogs("p"))["logs"] == []
    await queue.add("successor", {}, {"jobId": "p"})
    worker = make.worker(queue)
    again = await worker.getNextJob("token")
    await again.moveToCompleted("done", "token")
    assert await queue.getJobState("p") == "completed"
