"""Queue.clean: finished, waiting, delayed or abandoned jobs older than a grace period."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard, Story
from tests.contract.bullmq.situations import (
    EVERY_STATE,
    active,
    added,
    completed,
    failed,
    names,
    one_in_every_state,
    waiting_for_children,
)


async def test_clean_removes_completed_jobs_and_names_them(make: Makers, queue: Any) -> None:
    jobs = await completed(make, queue, 3)
    cleaned = await queue.clean(0, 0, "completed")
    assert cleaned == [job.id for job in jobs]
    assert await queue.getCompletedCount() == 0
    assert await queue.getJob(jobs[0].id) is None


async def test_clean_removes_failed_jobs(make: Makers, queue: Any) -> None:
    await failed(make, queue, 2)
    assert len(await queue.clean(0, 0, "failed")) == 2
    assert await queue.getFailedCount() == 0


@pytest.mark.parametrize(
    ("kind", "options"), [("delayed", {"delay": 60_000}), ("prioritized", {"priority": 1})]
)
async def test_clean_removes_jobs_that_were_never_taken(
    queue: Any, kind: str, options: dict[str, Any]
) -> None:
    await added(queue, 3, **options)
    assert await queue.clean(0, 0, kind) == ["1", "2", "3"]
    assert await queue.getJobCountByTypes() == 0


async def test_clean_names_waiting_jobs_newest_first(queue: Any) -> None:
    await added(queue, 3)
    assert await queue.clean(0, 0, "wait") == ["3", "2", "1"]
    assert await queue.getJobCountByTypes() == 0


async def test_clean_touches_only_the_state_it_was_asked_for(make: Makers, queue: Any) -> None:
    await one_in_every_state(make, queue)
    await queue.clean(0, 0, "completed")
    counts = await queue.getJobCounts()
    assert counts == {state: int(state != "completed") for state in EVERY_STATE}


async def test_jobs_within_the_grace_period_stay(make: Makers, queue: Any) -> None:
    await completed(make, queue, 2)
    assert await queue.clean(60_000, 0, "completed") == []
    assert await queue.getCompletedCount() == 2


async def test_a_waiting_job_is_as_old_as_its_timestamp(queue: Any) -> None:
    an_hour_ago = round(time.time() * 1000) - 3_600_000
    old = await queue.add("old", {}, {"timestamp": an_hour_ago})
    await queue.add("new", {})
    assert await queue.clean(60_000, 0, "wait") == [old.id]
    assert names(await queue.getWaiting()) == ["new"]


async def test_a_limit_removes_the_oldest_first(make: Makers, queue: Any) -> None:
    await completed(make, queue, 5)
    cleaned = await queue.clean(0, 2, "completed")
    assert cleaned == ["1", "2"]
    assert names(await queue.getCompleted()) == ["c4", "c3", "c2"]


@pytest.mark.parametrize("limit", [0, -1])
async def test_a_limit_of_0_or_less_removes_all(make: Makers, queue: Any, limit: int) -> None:
    await completed(make, queue, 5)
    assert len(await queue.clean(0, limit, "completed")) == 5


async def test_a_limit_removes_the_oldest_waiting_jobs_first(queue: Any) -> None:
    await added(queue, 4)
    assert await queue.clean(0, 2, "wait") == ["2", "1"]
    assert names(await queue.getWaiting()) == ["w2", "w3"]


async def test_active_jobs_that_are_locked_stay(make: Makers, queue: Any) -> None:
    await active(make, queue, 2)
    assert await queue.clean(0, 0, "active") == []
    assert await queue.getJobCounts("active") == {"active": 2}


async def test_cleaning_is_told_with_its_count(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    await completed(make, queue, 3)
    await queue.clean(0, 0, "completed")
    assert await story.until("cleaned") == {"count": "3"}


async def test_cleaned_jobs_lose_their_logs(make: Makers, queue: Any) -> None:
    [job] = await completed(make, queue, 1)
    await job.log("row")
    await queue.clean(0, 0, "completed")
    assert await queue.getJobLogs(job.id) == {"logs": [], "count": 0}


async def test_cleaning_an_empty_state_names_nothing(queue: Any) -> None:
    assert await queue.clean(0, 0, "failed") == []


async def test_an_id_is_free_again_once_its_job_was_cleaned(make: Makers, queue: Any) -> None:
    await completed(make, queue, 1, jobId="same")
    await queue.clean(0, 0, "completed")
    await queue.add("again", {}, {"jobId": "same"})
    assert await queue.getJobState("same") == "waiting"


async def child_done(job: Any, token: str) -> None:
    return None


async def test_cleaning_takes_jobs_that_wait_for_children(make: Makers, queue: Any) -> None:
    low = make.queue()
    [parent] = await waiting_for_children(make, queue, low, 1)
    assert await queue.clean(60_000, 0, "waiting-children") == []
    assert await queue.clean(0, 0, "waiting-children") == [parent.id]
    assert await queue.getJobState(parent.id) == "unknown"
    worker = make.worker(low, child_done)
    job, _ = await Heard(worker, "completed").once()
    assert job.name == "child"


async def test_a_parent_is_released_when_the_child_that_waited_itself_is_cleaned(
    make: Makers, queue: Any
) -> None:
    low = make.queue()
    leaf = {"name": "leaf", "queueName": low.name, "data": {}}
    middle = {"name": "middle", "queueName": low.name, "data": {}, "children": [leaf]}
    root = {"name": "root", "queueName": queue.name, "data": {}, "children": [middle]}
    tree = await make.flow_producer().add(root)
    assert await low.clean(0, 0, "waiting-children") == [tree["children"][0]["job"].id]
    assert await tree["job"].getState() == "waiting"
    assert names(await low.getWaiting()) == ["leaf"]
