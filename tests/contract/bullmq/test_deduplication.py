"""Deduplication: one job per id for as long as its mode says."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard, Story
from tests.contract.bullmq.situations import names


async def done(job: Any, token: str) -> str:
    return "done"


async def fail(job: Any, token: str) -> None:
    raise ValueError("no")


async def add(queue: Any, name: str, mode: dict[str, Any] | None = None, **options: Any) -> Any:
    """Add a job with the deduplication id "d" and the given mode."""
    return await queue.add(
        name, {"of": name}, {**options, "deduplication": {"id": "d", **(mode or {})}}
    )


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


async def test_a_ttl_holds_past_completion(make: Makers, queue: Any) -> None:
    first = await add(queue, "first", {"ttl": 60_000})
    await Heard(make.worker(queue, done), "completed").once()
    assert (await add(queue, "second", {"ttl": 60_000})).id == first.id
    assert await queue.getDeduplicationJobId("d") == first.id


async def test_a_ttl_ends_although_the_owner_still_waits(queue: Any) -> None:
    first = await add(queue, "first", {"ttl": 60})
    await asyncio.sleep(0.08)  # the ttl runs out on the server, which tells nobody
    second = await add(queue, "second", {"ttl": 60})
    assert second.id != first.id
    assert names(await queue.getWaiting()) == ["first", "second"]


async def test_a_ttl_counts_from_the_first_add(queue: Any) -> None:
    first = await add(queue, "first", {"ttl": 800})
    await asyncio.sleep(0.48)  # within the ttl
    assert (await add(queue, "second", {"ttl": 800})).id == first.id
    await asyncio.sleep(0.48)  # past the first ttl, within that of the second add
    assert (await add(queue, "third", {"ttl": 800})).id != first.id


async def test_an_extended_ttl_counts_from_the_last_add(queue: Any) -> None:
    mode = {"ttl": 1000, "extend": True}
    first = await add(queue, "first", mode)
    await asyncio.sleep(0.6)  # within the ttl
    assert (await add(queue, "second", mode)).id == first.id
    await asyncio.sleep(0.6)  # past the first ttl, within that of the second add
    assert (await add(queue, "third", mode)).id == first.id


async def test_a_removed_owner_ends_its_ttl(queue: Any) -> None:
    first = await add(queue, "first", {"ttl": 60_000})
    await first.remove()
    assert (await add(queue, "second", {"ttl": 60_000})).id != first.id


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


KEEP_LAST = {"keepLastIfActive": True}


async def test_the_last_add_during_the_owners_run_becomes_one_job(make: Makers, queue: Any) -> None:
    await add(queue, "first", KEEP_LAST)
    worker = make.worker(queue)
    first = await worker.getNextJob("t1")
    for name in ("second", "third", "last"):
        assert (await add(queue, name, KEEP_LAST)).id == first.id
    assert await queue.getWaitingCount() == 0
    await first.moveToCompleted("done", "t1")
    [job] = await queue.getWaiting()
    assert (job.name, job.data) == ("last", {"of": "last"})
    assert job.id != first.id
    assert await queue.getDeduplicationJobId("d") == job.id


async def test_the_last_add_is_kept_when_the_owner_fails(make: Makers, queue: Any) -> None:
    await add(queue, "first", KEEP_LAST)
    first = await make.worker(queue).getNextJob("t1")
    await add(queue, "last", KEEP_LAST)
    await first.moveToFailed(ValueError("no"), "t1")
    assert names(await queue.getWaiting()) == ["last"]


async def test_an_add_while_the_owner_waits_is_a_plain_duplicate(make: Makers, queue: Any) -> None:
    first = await add(queue, "first", KEEP_LAST)
    assert (await add(queue, "second", KEEP_LAST)).id == first.id
    await Heard(make.worker(queue, done), "completed").once()
    assert await queue.getWaitingCount() == 0
    assert await queue.getDeduplicationJobId("d") is None


async def test_without_an_add_during_the_run_nothing_follows(make: Makers, queue: Any) -> None:
    await add(queue, "first", KEEP_LAST)
    await Heard(make.worker(queue, done), "completed").once()
    assert await queue.getJobCounts("waiting", "completed") == {"waiting": 0, "completed": 1}


async def test_the_kept_add_has_its_own_options(make: Makers, queue: Any) -> None:
    await add(queue, "first", KEEP_LAST)
    first = await make.worker(queue).getNextJob("t1")
    await add(queue, "last", KEEP_LAST, delay=60_000, attempts=4)
    await first.moveToCompleted("done", "t1")
    [job] = await queue.getDelayed()
    assert (job.name, job.opts["attempts"]) == ("last", 4)


async def test_kept_adds_follow_each_other_as_long_as_they_come(make: Makers, queue: Any) -> None:
    runs: list[str] = []

    async def process(job: Any, token: str) -> None:
        runs.append(job.name)
        if len(runs) < 3:
            await add(queue, f"after {len(runs)}", KEEP_LAST)

    await add(queue, "first", KEEP_LAST)
    await Heard(make.worker(queue, process), "completed").times(3)
    assert runs == ["first", "after 1", "after 2"]


@pytest.mark.parametrize("job_id", ["with space", "a.*.>", "a:b", "שלום 🎧", "x" * 300])
async def test_any_text_can_be_a_deduplication_id(queue: Any, job_id: str) -> None:
    first = await queue.add("first", {}, {"deduplication": {"id": job_id}})
    second = await queue.add("second", {}, {"deduplication": {"id": job_id}})
    assert second.id == first.id
    assert await queue.getDeduplicationJobId(job_id) == first.id


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


@pytest.mark.parametrize("ttl", [-5, 10**15])
async def test_an_odd_time_to_live_holds_the_id_as_well(queue: Any, ttl: int) -> None:
    once = {"deduplication": {"id": "once", "ttl": ttl}}
    first = await queue.add("job", {"n": 1}, once)
    assert (await queue.add("job", {"n": 2}, once)).id == first.id
