"""A duplicate may replace the delayed job that owns the deduplication id."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.contract.bullmq.duplicates import add
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done
from tests.contract.bullmq.signals import Heard, Story
from tests.contract.bullmq.situations import names

REPLACE = {"replace": True}


async def test_a_delayed_owner_is_replaced(queue: Any) -> None:
    first = await add(queue, "first", REPLACE, delay=60_000)
    second = await add(queue, "second", REPLACE, delay=60_000)
    assert second.id != first.id
    assert names(await queue.getDelayed()) == ["second"]
    assert await queue.getJob(first.id) is None
    assert await queue.getDeduplicationJobId("d") == second.id


async def test_a_replacement_is_told(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    first = await add(queue, "first", REPLACE, delay=60_000)
    second = await add(queue, "second", REPLACE, delay=60_000)
    assert await story.until("removed") == {"jobId": first.id, "prev": "delayed"}
    assert await story.until("deduplicated") == {
        "jobId": second.id,
        "deduplicationId": "d",
        "deduplicatedJobId": first.id,
    }


async def test_a_waiting_owner_is_not_replaced(queue: Any) -> None:
    first = await add(queue, "first", REPLACE)
    assert (await add(queue, "second", REPLACE)).id == first.id
    assert names(await queue.getWaiting()) == ["first"]


async def test_an_active_owner_is_not_replaced(make: Makers, queue: Any) -> None:
    first = await add(queue, "first", REPLACE)
    await make.worker(queue).getNextJob("token")
    assert (await add(queue, "second", REPLACE)).id == first.id
    assert await queue.getJobCounts("active", "waiting") == {"active": 1, "waiting": 0}


async def test_a_debounce_runs_the_last_job_once(make: Makers, queue: Any) -> None:
    mode = {"ttl": 2_000, "extend": True, "replace": True}
    for n in range(4):
        await add(queue, str(n), mode, delay=700)
    completed = Heard(make.worker(queue, done), "completed")
    job, _ = await completed.once()
    assert job.name == "3"
    assert await queue.getJobCountByTypes() == 1


async def test_a_replacement_keeps_the_ttl_of_the_first(queue: Any) -> None:
    mode = {"ttl": 1000, "replace": True}
    await add(queue, "first", mode, delay=60_000)
    await asyncio.sleep(0.6)  # within the ttl
    await add(queue, "second", mode, delay=60_000)
    await asyncio.sleep(0.6)  # past the first ttl
    await add(queue, "third", mode, delay=60_000)
    assert sorted(names(await queue.getDelayed())) == ["second", "third"]


async def test_a_replacement_that_extends_begins_a_new_ttl(queue: Any) -> None:
    mode = {"ttl": 1000, "replace": True, "extend": True}
    await add(queue, "first", mode, delay=60_000)
    await asyncio.sleep(0.6)  # within the ttl
    await add(queue, "second", mode, delay=60_000)
    await asyncio.sleep(0.6)  # past the first ttl, within the second
    await add(queue, "third", mode, delay=60_000)
    assert names(await queue.getDelayed()) == ["third"]


@pytest.mark.parametrize(
    ("before", "after", "is_held"),
    [
        ({"ttl": 60_000}, {}, False),
        ({"ttl": 60_000}, {"keepLastIfActive": True}, False),
        ({"ttl": 60_000}, {"ttl": 60_000}, True),
        ({}, {"ttl": 60_000}, False),
        ({}, {"ttl": 60_000, "extend": True}, True),
    ],
)
async def test_a_replacement_holds_the_id_past_its_end_as_its_ttl_says(
    make: Makers, queue: Any, before: dict[str, Any], after: dict[str, Any], is_held: bool
) -> None:
    await add(queue, "first", before, delay=60_000)
    second = await add(queue, "second", {**after, "replace": True}, delay=60_000)
    await second.promote()
    await Heard(make.worker(queue, done), "completed").once()
    assert await queue.getDeduplicationJobId("d") == (second.id if is_held else None)


async def test_a_replacement_is_told_before_the_new_job(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    first = await add(queue, "first", REPLACE, delay=60_000)
    second = await add(queue, "second", REPLACE, delay=60_000)
    await story.until("delayed", jobId=second.id)
    assert story.names() == ["added", "delayed", "removed", "deduplicated", "added", "delayed"]
    [told] = story.told("deduplicated")
    assert (told["jobId"], told["deduplicatedJobId"]) == (second.id, first.id)


async def test_a_replacement_that_finds_a_waiting_owner_is_told_to_nobody(
    make: Makers, queue: Any
) -> None:
    story = Story(make.events(queue))
    first = await add(queue, "first", REPLACE)
    assert (await add(queue, "second", REPLACE, delay=60_000)).id == first.id
    last = await queue.add("last", {})
    await story.until("waiting", jobId=last.id)
    assert story.told("deduplicated") == []
