"""Deduplication: one job per id, in the simple mode until that job is done."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.contract.bullmq.duplicates import add
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done, fail
from tests.contract.bullmq.signals import PATIENCE, Heard, Story
from tests.contract.bullmq.situations import names


async def test_a_duplicate_gives_the_id_of_the_owner(queue: Any) -> None:
    first = await add(queue, "first")
    second = await add(queue, "second")
    assert second.id == first.id
    assert names(await queue.getWaiting()) == ["first"]


async def test_other_deduplication_ids_are_free(queue: Any) -> None:
    await add(queue, "first")
    await queue.add("other", {}, {"deduplication": {"id": "other"}})
    await queue.add("none", {})
    assert names(await queue.getWaiting()) == ["first", "other", "none"]


async def test_deduplication_ids_belong_to_one_queue(make: Makers) -> None:
    first, second = make.queue(), make.queue()
    await add(first, "a")
    await add(second, "b")
    assert await second.getWaitingCount() == 1


async def test_the_owner_of_an_id_can_be_asked_for(queue: Any) -> None:
    assert await queue.getDeduplicationJobId("d") is None
    job = await add(queue, "first")
    assert await queue.getDeduplicationJobId("d") == job.id


async def test_a_duplicate_is_told(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    first = await add(queue, "first")
    await add(queue, "second", jobId="would-be")
    assert await story.until("deduplicated") == {
        "jobId": first.id,
        "deduplicationId": "d",
        "deduplicatedJobId": "would-be",
    }
    assert len(story.told("added")) == 1


async def test_a_duplicate_without_an_id_is_told_with_the_next_number(
    make: Makers, queue: Any
) -> None:
    story = Story(make.events(queue))
    await add(queue, "first")
    await add(queue, "second")
    told = await story.until("deduplicated")
    assert (told["jobId"], told["deduplicatedJobId"]) == ("1", "2")


async def test_the_simple_mode_holds_while_the_owner_is_active(make: Makers, queue: Any) -> None:
    first = await add(queue, "first")
    await make.worker(queue).getNextJob("token")
    assert (await add(queue, "second")).id == first.id
    assert await queue.getWaitingCount() == 0


async def test_the_simple_mode_ends_when_the_owner_completes(make: Makers, queue: Any) -> None:
    first = await add(queue, "first")
    await Heard(make.worker(queue, done), "completed").once()
    assert await queue.getDeduplicationJobId("d") is None
    assert (await add(queue, "second")).id != first.id


async def test_the_simple_mode_ends_when_the_owner_fails_for_good(make: Makers, queue: Any) -> None:
    first = await add(queue, "first")
    await Heard(make.worker(queue, fail), "failed").once()
    assert (await add(queue, "second")).id != first.id


async def test_the_simple_mode_holds_between_tries(make: Makers, queue: Any) -> None:
    first = await add(queue, "first", attempts=2, backoff=60_000)
    await Heard(make.worker(queue, fail), "failed").once()
    assert (await add(queue, "second")).id == first.id


async def test_the_simple_mode_ends_when_the_owner_is_removed(queue: Any) -> None:
    first = await add(queue, "first")
    await first.remove()
    second = await add(queue, "second")
    assert await queue.getDeduplicationJobId("d") == second.id


async def test_the_simple_mode_holds_for_delayed_and_prioritized_owners(queue: Any) -> None:
    first = await add(queue, "first", delay=60_000)
    assert (await add(queue, "second", priority=1)).id == first.id
    assert await queue.getJobCounts("delayed", "prioritized") == {"delayed": 1, "prioritized": 0}


async def test_duplicates_within_a_bulk_are_found(queue: Any) -> None:
    entry = {"name": "job", "data": {}, "opts": {"deduplication": {"id": "d"}}}
    jobs = await queue.addBulk([entry, entry, entry])
    assert {job.id for job in jobs} == {"1"}
    assert await queue.getWaitingCount() == 1


async def test_default_job_options_may_deduplicate(make: Makers) -> None:
    queue = make.queue(defaultJobOptions={"deduplication": {"id": "d"}})
    first = await queue.add("first", {})
    assert (await queue.add("second", {})).id == first.id


@pytest.mark.parametrize("job_id", ["with space", "a.*.>", "a:b", "שלום 🎧", "x" * 300])
async def test_any_text_can_be_a_deduplication_id(queue: Any, job_id: str) -> None:
    first = await queue.add("first", {}, {"deduplication": {"id": job_id}})
    second = await queue.add("second", {}, {"deduplication": {"id": job_id}})
    assert second.id == first.id
    assert await queue.getDeduplicationJobId(job_id) == first.id


async def test_a_deduplicated_child_holds_its_parent_until_it_is_done(
    make: Makers, queue: Any
) -> None:
    options = {"deduplication": {"id": "d"}}
    child = {"name": "child", "queueName": queue.name, "opts": options}
    tree = await make.flow_producer().add(
        {"name": "parent", "queueName": queue.name, "children": [child]}
    )
    job = await make.worker(queue).getNextJob("token")
    assert (job.name, await tree["job"].getState()) == ("child", "waiting-children")
    await job.moveToCompleted("done", "token")
    assert await tree["job"].getState() == "waiting"


async def test_a_deduplicated_child_may_have_the_id_of_a_removed_job(
    make: Makers, queue: Any
) -> None:
    top = make.queue()
    await (await queue.add("first", {}, {"jobId": "child"})).remove()
    parent = await top.add("parent", {}, {"jobId": "parent"})
    of_parent = {"id": parent.id, "queue": top.qualifiedName}
    async with asyncio.timeout(PATIENCE):
        child = await add(queue, "second", jobId="child", parent=of_parent)
    assert child.id == "child"
    assert names(await queue.getWaiting()) == ["second"]
    assert (await add(queue, "third")).id == "child"


async def test_a_deduplication_id_may_be_a_number(make: Makers, queue: Any) -> None:
    options = {"deduplication": {"id": 5}}
    first = await queue.add("first", {}, options)
    assert (await queue.add("second", {}, options)).id == first.id
    assert await queue.getDeduplicationJobId(5) == first.id
    assert str((await queue.getJob(first.id)).deduplication_id) == "5"
    await Heard(make.worker(queue, done), "completed").once()
    assert await queue.getDeduplicationJobId(5) is None
    third = await queue.add("third", {}, {**options, "delay": 60_000})
    await third.remove()
    assert await queue.getDeduplicationJobId("5") is None
