"""Prioritized jobs: their order, and changing it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done
from tests.contract.bullmq.signals import Heard, Story
from tests.contract.bullmq.situations import names, run_order

LOWEST = 2_097_152


async def test_a_job_with_a_priority_is_prioritized_and_not_waiting(queue: Any) -> None:
    job = await queue.add("job", {}, {"priority": 5})
    assert await job.getState() == "prioritized"
    assert await queue.getJobCounts("waiting", "prioritized") == {"waiting": 0, "prioritized": 1}


async def test_a_priority_may_be_a_whole_number_in_text(make: Makers, queue: Any) -> None:
    for priority in ("10", 3, "2"):
        await queue.add(f"job {priority}", {}, {"priority": priority})
    assert await run_order(make, queue, 3) == ["job 2", "job 3", "job 10"]


async def test_priority_zero_means_no_priority(queue: Any) -> None:
    job = await queue.add("job", {}, {"priority": 0})
    assert await job.getState() == "waiting"


async def test_a_prioritized_add_is_told_as_waiting(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    job = await queue.add("job", {}, {"priority": 5})
    assert await story.until("waiting") == {"jobId": job.id}
    assert story.names(job.id) == ["added", "waiting"]


async def test_lower_numbers_run_first(make: Makers, queue: Any) -> None:
    for priority in (3, LOWEST, 1, 2):
        await queue.add(str(priority), {}, {"priority": priority})
    assert await run_order(make, queue, 4) == ["1", "2", "3", str(LOWEST)]


async def test_equal_priorities_run_in_the_order_added(make: Makers, queue: Any) -> None:
    for n in range(10):
        await queue.add(str(n), {}, {"priority": 7})
    assert await run_order(make, queue, 10) == [str(n) for n in range(10)]


async def test_jobs_without_priority_run_before_all_prioritized_ones(
    make: Makers, queue: Any
) -> None:
    await queue.add("urgent", {}, {"priority": 1})
    await queue.add("plain", {})
    await queue.add("plain too", {})
    assert await run_order(make, queue, 3) == ["plain", "plain too", "urgent"]


async def test_priorities_hold_within_a_bulk(make: Makers, queue: Any) -> None:
    await queue.addBulk(
        [{"name": str(p), "data": {}, "opts": {"priority": p}} for p in (5, 1, 4, 2, 3)]
    )
    worker = make.worker(queue)
    taken = [await worker.getNextJob("token") for _ in range(3)]
    assert names(taken) == ["1", "2", "3"]


async def test_a_job_given_a_priority_becomes_prioritized(queue: Any) -> None:
    job = await queue.add("job", {})
    await job.changePriority({"priority": 4})
    assert job.priority == 4
    assert (await queue.getJob(job.id)).priority == 4
    assert await job.getState() == "prioritized"


async def test_a_job_given_priority_zero_becomes_waiting(queue: Any) -> None:
    job = await queue.add("job", {}, {"priority": 4})
    await job.changePriority({"priority": 0})
    assert (await queue.getJob(job.id)).priority == 0
    assert await job.getState() == "waiting"


async def test_change_priority_without_a_priority_means_zero(queue: Any) -> None:
    job = await queue.add("job", {}, {"priority": 4})
    await job.changePriority({})
    assert await job.getState() == "waiting"


async def test_a_changed_job_queues_behind_its_new_equals(make: Makers, queue: Any) -> None:
    first = await queue.add("was first", {}, {"priority": 1})
    await queue.add("two", {}, {"priority": 2})
    await queue.add("three", {}, {"priority": 3})
    await first.changePriority({"priority": 2})
    assert await run_order(make, queue, 3) == ["two", "was first", "three"]


async def test_a_changed_job_with_lifo_goes_before_its_equals(make: Makers, queue: Any) -> None:
    await queue.add("one", {}, {"priority": 2})
    await queue.add("two", {}, {"priority": 2})
    last = await queue.add("was last", {}, {"priority": 9})
    await last.changePriority({"priority": 2, "lifo": True})
    assert await run_order(make, queue, 3) == ["was last", "one", "two"]


async def test_priority_zero_puts_a_job_at_the_tail_of_waiting(make: Makers, queue: Any) -> None:
    job = await queue.add("changed", {}, {"priority": 1})
    await queue.add("waiting", {})
    await job.changePriority({"priority": 0})
    assert await run_order(make, queue, 2) == ["waiting", "changed"]


async def test_priority_zero_with_lifo_puts_a_job_at_the_head_of_waiting(
    make: Makers, queue: Any
) -> None:
    job = await queue.add("changed", {}, {"priority": 1})
    await queue.add("waiting", {})
    await job.changePriority({"priority": 0, "lifo": True})
    assert await run_order(make, queue, 2) == ["changed", "waiting"]


async def test_a_waiting_job_changed_to_zero_goes_to_the_tail(make: Makers, queue: Any) -> None:
    first = await queue.add("was first", {})
    await queue.add("second", {})
    await first.changePriority({"priority": 0})
    assert await run_order(make, queue, 2) == ["second", "was first"]


async def test_the_priority_of_a_delayed_job_counts_once_it_is_due(
    make: Makers, queue: Any
) -> None:
    job = await queue.add("changed", {}, {"delay": 60_000})
    await job.changePriority({"priority": 1})
    assert await job.getState() == "delayed"
    await queue.add("ranked", {}, {"priority": 2})
    await job.promote()
    assert await job.getState() == "prioritized"
    assert await run_order(make, queue, 2) == ["changed", "ranked"]


async def test_the_priority_of_a_finished_job_is_only_a_field(make: Makers, queue: Any) -> None:
    job = await queue.add("job", {})
    await Heard(make.worker(queue, done), "completed").once()
    await job.changePriority({"priority": 3})
    assert await job.getState() == "completed"
    assert (await queue.getJob(job.id)).priority == 3


async def test_a_failed_job_whose_priority_is_taken_away_waits_without_one_when_retried(
    make: Makers, queue: Any
) -> None:
    await queue.add("job", {}, {"priority": 5})
    job = await make.worker(queue).getNextJob("token")
    await job.moveToFailed(ValueError("no"), "token")
    await job.changePriority({"priority": 0})
    assert (await queue.getJob(job.id)).priority == 0
    await job.retry()
    assert await job.getState() == "waiting"


async def test_changing_the_priority_of_an_unknown_job_is_an_error(queue: Any) -> None:
    job = await queue.add("job", {})
    await job.remove()
    with pytest.raises(TypeError, match=f"^Missing key for job {job.id}. changePriority$"):
        await job.changePriority({"priority": 1})


async def test_counts_per_priority_have_string_keys(queue: Any) -> None:
    for priority in (0, 0, 1, 1, 1, 6):
        await queue.add("job", {}, {"priority": priority})
    counts = await queue.getCountsPerPriority([0, 1, 2, 6])
    assert counts == {"0": 2, "1": 3, "2": 0, "6": 1}


async def test_counts_per_priority_name_each_priority_once(queue: Any) -> None:
    await queue.add("job", {}, {"priority": 1})
    assert await queue.getCountsPerPriority([1, 1]) == {"1": 1}


async def test_a_priority_below_0_counts_no_jobs(queue: Any) -> None:
    await queue.add("job", {}, {"priority": 1})
    assert await queue.getCountsPerPriority([-1]) == {"-1": 0}


async def test_counts_per_priority_hold_while_the_queue_is_paused(queue: Any) -> None:
    await queue.pause()
    await queue.add("job", {})
    await queue.add("job", {}, {"priority": 1})
    assert await queue.getCountsPerPriority([0, 1]) == {"0": 1, "1": 1}


async def test_a_prioritized_job_keeps_its_rank_over_retries(make: Makers, queue: Any) -> None:
    async def fail_once(job: Any, token: str) -> None:
        if job.name == "one" and job.attemptsMade == 0:
            raise ValueError("again")

    await queue.add("one", {}, {"priority": 1, "attempts": 2})
    await queue.add("two", {}, {"priority": 2})
    completed = Heard(make.worker(queue, fail_once), "completed")
    names = [job.name for job, _ in await completed.times(2)]
    assert names == ["one", "two"]


async def test_every_job_may_have_a_priority_of_its_own(make: Makers, queue: Any) -> None:
    rows = [{"name": str(n), "data": {}, "opts": {"priority": n}} for n in range(1100, 0, -1)]
    await queue.addBulk(rows)
    assert (await queue.getJobCounts("prioritized")) == {"prioritized": 1100}
    assert names(await queue.getPrioritized(0, 2)) == ["1", "2", "3"]
    worker = make.worker(queue)
    taken = [await worker.getNextJob("token") for _ in range(3)]
    assert names(taken) == ["1", "2", "3"]


async def test_a_parent_let_go_before_its_delay_is_not_told_as_due_after_a_change(
    make: Makers, queue: Any
) -> None:
    children = make.queue()
    child = {"name": "child", "queueName": children.name}
    parent = {"name": "parent", "queueName": queue.name, "opts": {"delay": 60_000}}
    tree = await make.flow_producer().add({**parent, "children": [child]})
    await tree["children"][0]["job"].remove()
    await tree["job"].changePriority({"priority": 0})
    story = Story(make.events(queue))
    await Heard(make.worker(queue, done), "completed").once()
    await story.until("completed")
    assert story.told("waiting") == [{"jobId": tree["job"].id, "prev": "waiting-children"}]
