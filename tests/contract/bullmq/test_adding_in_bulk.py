"""Queue.addBulk: many jobs, one insertion."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard, Story


async def test_bulk_returns_one_job_per_entry_in_the_same_order(queue: Any) -> None:
    jobs = await queue.addBulk([{"name": "a", "data": 1}, {"name": "b", "data": 2}])
    assert [(job.id, job.name, job.data) for job in jobs] == [("1", "a", 1), ("2", "b", 2)]


async def test_bulk_jobs_wait_in_the_order_given(queue: Any) -> None:
    await queue.addBulk([{"name": str(n), "data": n} for n in range(20)])
    assert [job.data for job in await queue.getWaiting()] == list(range(20))


async def test_an_empty_bulk_adds_nothing(queue: Any) -> None:
    assert await queue.addBulk([]) == []
    assert await queue.getWaitingCount() == 0


async def test_each_bulk_entry_has_its_own_options(queue: Any) -> None:
    jobs = await queue.addBulk(
        [
            {"name": "plain", "data": {}},
            {"name": "later", "data": {}, "opts": {"delay": 60_000}},
            {"name": "ranked", "data": {}, "opts": {"priority": 3}},
            {"name": "named", "data": {}, "opts": {"jobId": "my-id"}},
        ]
    )
    states = [await job.getState() for job in jobs]
    assert states == ["waiting", "delayed", "prioritized", "waiting"]
    assert jobs[3].id == "my-id"


async def test_default_job_options_apply_in_bulk(make: Makers) -> None:
    queue = make.queue(defaultJobOptions={"attempts": 5})
    jobs = await queue.addBulk(
        [{"name": "a", "data": {}}, {"name": "b", "data": {}, "opts": {"attempts": 1}}]
    )
    stored = [await queue.getJob(job.id) for job in jobs]
    assert [job.opts["attempts"] for job in stored] == [5, 1]


async def test_one_bad_entry_leaves_the_whole_bulk_out(queue: Any) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        await queue.addBulk([{"name": "good", "data": {}}, {"name": "bad", "data": object()}])
    assert await queue.getWaitingCount() == 0


async def test_a_bulk_that_is_left_out_uses_up_no_numbers(queue: Any) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        await queue.addBulk([{"name": "good", "data": {}}, {"name": "bad", "data": object()}])
    assert [job.id for job in await queue.addBulk([{"name": "good", "data": {}}])] == ["1"]


async def test_a_bulk_entry_with_a_known_id_gives_that_id_and_adds_nothing(queue: Any) -> None:
    await queue.add("first", {"n": 1}, {"jobId": "same"})
    jobs = await queue.addBulk([{"name": "second", "data": {"n": 2}, "opts": {"jobId": "same"}}])
    assert jobs[0].id == "same"
    assert (await queue.getJob("same")).data == {"n": 1}
    assert await queue.getWaitingCount() == 1


async def test_one_id_twice_in_a_bulk_is_stored_once(queue: Any) -> None:
    entry = {"name": "job", "data": {}, "opts": {"jobId": "same"}}
    jobs = await queue.addBulk([entry, entry])
    assert [job.id for job in jobs] == ["same", "same"]
    assert await queue.getWaitingCount() == 1


async def test_one_id_twice_in_a_bulk_is_told_as_duplicated_in_its_place(
    make: Makers, queue: Any
) -> None:
    story = Story(make.events(queue))
    named = {"name": "job", "data": {}, "opts": {"jobId": "same"}}
    await queue.addBulk([named, {"name": "job", "data": {}}, named, {"name": "job", "data": {}}])
    await story.until("waiting", jobId="4")
    told = [(name, args["jobId"]) for name, args in story.chapters]
    assert told == [
        ("added", "same"),
        ("waiting", "same"),
        ("added", "2"),
        ("waiting", "2"),
        ("duplicated", "same"),
        ("added", "4"),
        ("waiting", "4"),
    ]


async def test_a_parent_and_its_child_may_come_in_one_bulk(queue: Any) -> None:
    parent = {"id": "parent", "queue": queue.qualifiedName}
    await queue.addBulk(
        [
            {"name": "parent", "data": {}, "opts": {"jobId": "parent"}},
            {"name": "child", "data": {}, "opts": {"jobId": "child", "parent": parent}},
        ]
    )
    assert (await queue.getJob("child")).parentKey == f"{queue.qualifiedName}:parent"


async def test_a_worker_processes_a_bulk_in_order(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> Any:
        return job.data

    await queue.addBulk([{"name": "job", "data": n} for n in range(10)])
    completed = Heard(make.worker(queue, process), "completed")
    assert [result for _, result in await completed.times(10)] == list(range(10))


async def test_a_thousand_jobs_go_in_with_one_bulk(queue: Any) -> None:
    jobs = await queue.addBulk([{"name": "job", "data": n} for n in range(1000)])
    assert [job.id for job in jobs] == [str(n) for n in range(1, 1001)]
    assert await queue.getWaitingCount() == 1000


async def test_a_bulk_keeps_its_order_where_an_id_belonged_to_a_removed_job(queue: Any) -> None:
    await queue.add("old", {}, {"jobId": "again"})
    await queue.remove("again")
    rows = [{"name": "job", "data": {}, "opts": {"jobId": i}} for i in ("first", "again", "last")]
    await queue.addBulk(rows)
    assert [job.id for job in await queue.getWaiting()] == ["first", "again", "last"]
