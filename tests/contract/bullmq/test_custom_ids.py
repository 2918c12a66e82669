"""Job ids chosen by the caller, and what happens when one comes twice."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done, fail
from tests.contract.bullmq.signals import Heard, Story


async def test_a_custom_id_becomes_the_jobs_id(queue: Any) -> None:
    job = await queue.add("job", {}, {"jobId": "order-17"})
    assert job.id == "order-17"
    assert (await queue.getJob("order-17")).opts["jobId"] == "order-17"


@pytest.mark.parametrize(
    "job_id",
    [
        "with space",
        "a.b.c",
        "a.*.>",
        "$JS.API.STREAM.DELETE.x",
        "שלום",
        "🎧",
        "x" * 500,
        "17",
        "0",
        "-1",
        "user:17",
        ":",
        "three:part:id",
        "more:than:three:parts",
        "a/b\\c",
        "per%20cent",
        "line\r\nbreak",
        "nul\0l",
        "-",
        "_",
    ],
)
async def test_an_id_may_hold_any_character(queue: Any, job_id: str) -> None:
    job = await queue.add("job", {"mine": True}, {"jobId": job_id})
    assert job.id == job_id
    stored = await queue.getJob(job_id)
    assert (stored.id, stored.data) == (job_id, {"mine": True})
    assert [waiting.id for waiting in await queue.getWaiting()] == [job_id]


async def test_jobs_of_a_flow_may_have_numbers_and_colons_as_their_ids(
    make: Makers, queue: Any
) -> None:
    seen: dict[str, Any] = {}

    async def process(job: Any, token: str) -> str:
        seen[job.id] = await job.getChildrenValues()
        await job.log("seen")
        return f"value of {job.id}"

    named = [
        {"name": "job", "queueName": queue.name, "opts": {"jobId": job_id}}
        for job_id in ("order:17", "17", "a:b:c:d")
    ]
    await make.flow_producer().add({**named[0], "children": named[1:]})
    await Heard(make.worker(queue, process), "completed").times(3)
    values = {f"{queue.qualifiedName}:{i}": f"value of {i}" for i in ("17", "a:b:c:d")}
    assert seen == {"17": {}, "a:b:c:d": {}, "order:17": values}
    for job_id in seen:
        assert await queue.getJobState(job_id) == "completed"
        assert (await queue.getJobLogs(job_id))["logs"] == ["seen"]
        await (await queue.getJob(job_id)).remove()
    assert await queue.getJobCountByTypes() == 0


async def test_ids_that_differ_only_in_odd_characters_stay_apart(queue: Any) -> None:
    ids = ["a.b", "a_b", "a b", "a%b", "a*b", "a>b", "A.B", "a.b "]
    for job_id in ids:
        await queue.add("job", job_id, {"jobId": job_id})
    assert {job.id: job.data for job in await queue.getWaiting()} == {i: i for i in ids}


async def test_the_counter_also_advances_for_custom_ids(queue: Any) -> None:
    await queue.add("job", {})
    await queue.add("job", {}, {"jobId": "mine"})
    assert (await queue.add("job", {})).id == "3"


async def test_a_known_id_keeps_the_first_job(queue: Any) -> None:
    await queue.add("first", {"n": 1}, {"jobId": "same"})
    second = await queue.add("second", {"n": 2}, {"jobId": "same"})
    assert second.id == "same"
    stored = await queue.getJob("same")
    assert (stored.name, stored.data) == ("first", {"n": 1})
    assert await queue.getWaitingCount() == 1


async def test_a_known_id_is_told_as_duplicated(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    await queue.add("job", {}, {"jobId": "same"})
    await queue.add("job", {}, {"jobId": "same"})
    assert await story.until("duplicated") == {"jobId": "same"}
    assert len(story.told("added", jobId="same")) == 1


async def test_an_id_is_known_while_its_job_is_delayed(queue: Any) -> None:
    await queue.add("job", {"n": 1}, {"jobId": "same", "delay": 60_000})
    await queue.add("job", {"n": 2}, {"jobId": "same"})
    assert await queue.getJobState("same") == "delayed"
    assert await queue.getWaitingCount() == 0


async def test_an_id_is_known_while_its_job_is_prioritized(queue: Any) -> None:
    await queue.add("job", {}, {"jobId": "same", "priority": 2})
    await queue.add("job", {}, {"jobId": "same", "delay": 60_000})
    assert await queue.getJobState("same") == "prioritized"
    assert await queue.getDelayedCount() == 0


async def test_an_id_is_known_while_its_job_is_active(make: Makers, queue: Any) -> None:
    await queue.add("job", {"n": 1}, {"jobId": "same"})
    await make.worker(queue).getNextJob("token")
    await queue.add("job", {"n": 2}, {"jobId": "same"})
    assert await queue.getJobState("same") == "active"
    assert await queue.getWaitingCount() == 0


async def test_an_id_is_known_after_its_job_completed(make: Makers, queue: Any) -> None:
    await queue.add("job", {"n": 1}, {"jobId": "same"})
    await Heard(make.worker(queue, done), "completed").once()
    await queue.add("job", {"n": 2}, {"jobId": "same"})
    assert await queue.getJobState("same") == "completed"
    assert (await queue.getJob("same")).data == {"n": 1}


async def test_an_id_is_known_after_its_job_failed(make: Makers, queue: Any) -> None:
    await queue.add("job", {"n": 1}, {"jobId": "same"})
    await Heard(make.worker(queue, fail), "failed").once()
    await queue.add("job", {"n": 2}, {"jobId": "same"})
    assert await queue.getJobState("same") == "failed"


async def test_an_id_is_free_again_once_its_job_is_removed(queue: Any) -> None:
    job = await queue.add("job", {"n": 1}, {"jobId": "same"})
    await job.remove()
    await queue.add("job", {"n": 2}, {"jobId": "same"})
    assert (await queue.getJob("same")).data == {"n": 2}


async def test_an_id_is_free_again_after_a_completion_that_removes(
    make: Makers, queue: Any
) -> None:
    await queue.add("job", {"n": 1}, {"jobId": "same", "removeOnComplete": True})
    await Heard(worker := make.worker(queue, done), "completed").once()
    await worker.pause()
    await queue.add("job", {"n": 2}, {"jobId": "same"})
    assert await queue.getJobState("same") == "waiting"


async def test_the_same_id_in_two_queues_is_two_jobs(make: Makers) -> None:
    first, second = make.queue(), make.queue()
    await first.add("job", 1, {"jobId": "same"})
    await second.add("job", 2, {"jobId": "same"})
    assert (await first.getJob("same")).data == 1
    assert (await second.getJob("same")).data == 2


async def test_a_bulk_with_custom_ids_returns_them(queue: Any) -> None:
    ids = ["x", "y", "z"]
    jobs = await queue.addBulk([{"name": "job", "data": {}, "opts": {"jobId": i}} for i in ids])
    assert [job.id for job in jobs] == ids
