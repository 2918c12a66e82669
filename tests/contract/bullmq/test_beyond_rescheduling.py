"""Duplicates that move the due time of the delayed job that stands for them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done
from tests.contract.bullmq.signals import Heard, Story
from tests.contract.bullmq.situations import names

HOUR = 3_600_000
RESCHEDULE: dict[str, Any] = {"id": "d", "reschedule": True}


@pytest.mark.parametrize("mode", [{}, {"ttl": HOUR}, {"ttl": HOUR, "extend": True}])
async def test_a_duplicate_gives_its_delay_to_the_job_that_waits_for_its_time(
    make: Makers, queue: Any, mode: dict[str, Any]
) -> None:
    story = Story(make.events(queue))
    first = await queue.add("first", {"n": 1}, {"deduplication": RESCHEDULE, "delay": HOUR})
    options = {"deduplication": {**RESCHEDULE, **mode}, "delay": 2 * HOUR, "timestamp": 10**12}
    second = await queue.add("second", {"n": 2}, options)
    assert second.id == first.id
    told = await story.until("delayed", 2)
    assert told == {"jobId": first.id, "delay": str(10**12 + 2 * HOUR)}
    assert len(story.told("deduplicated")) == 1
    [job] = await queue.getDelayed()
    assert (job.name, job.data, job.delay) == ("first", {"n": 1}, 2 * HOUR)


async def test_a_duplicate_without_a_delay_makes_the_job_due(make: Makers, queue: Any) -> None:
    first = await queue.add("first", {}, {"deduplication": RESCHEDULE, "delay": HOUR})
    completed = Heard(make.worker(queue, done), "completed")
    await queue.add("second", {}, {"deduplication": RESCHEDULE})
    job, _ = await completed.once()
    assert (job.id, job.name) == (first.id, "first")


async def test_only_a_delayed_job_is_moved(queue: Any) -> None:
    first = await queue.add("first", {}, {"deduplication": RESCHEDULE})
    second = await queue.add("second", {}, {"deduplication": RESCHEDULE, "delay": HOUR})
    assert second.id == first.id
    assert names(await queue.getWaiting()) == ["first"]


async def test_a_replacement_is_no_other_time(queue: Any) -> None:
    rule = {**RESCHEDULE, "replace": True}
    first = await queue.add("first", {}, {"deduplication": rule, "delay": HOUR})
    second = await queue.add("second", {}, {"deduplication": rule, "delay": 2 * HOUR})
    assert second.id != first.id
    assert names(await queue.getDelayed()) == ["second"]


async def test_the_duplicates_of_a_bulk_move_the_job_one_after_the_other(queue: Any) -> None:
    jobs = await queue.addBulk(
        [
            {"name": str(n), "opts": {"deduplication": RESCHEDULE, "delay": n * HOUR}}
            for n in (1, 2, 3)
        ]
    )
    assert len({job.id for job in jobs}) == 1
    [job] = await queue.getDelayed()
    assert (job.name, job.delay) == ("1", 3 * HOUR)
