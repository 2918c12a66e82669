"""Job schedulers: making, changing and removing them."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfoNotFoundError

import pytest
from croniter import CroniterBadCronError
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Story
from tests.contract.bullmq.times import FAR_AWAY, HOUR


async def test_a_new_scheduler_returns_its_first_job(queue: Any) -> None:
    job = await queue.upsertJobScheduler("hourly", {"every": HOUR}, "tick", {"n": 1})
    assert (job.name, job.data) == ("tick", {"n": 1})
    assert job.id.startswith("repeat:hourly:")
    stored = await queue.getJob(job.id)
    assert (stored.name, stored.data, stored.repeatJobKey) == ("tick", {"n": 1}, "hourly")


async def test_the_job_of_a_scheduler_is_named_after_it_unless_named(queue: Any) -> None:
    job = await queue.upsertJobScheduler("hourly", {"every": HOUR})
    assert job.name == "hourly"
    assert (await queue.getJobScheduler("hourly"))["name"] == "hourly"


async def test_upserting_again_leaves_one_scheduler_and_one_job(queue: Any) -> None:
    for _ in range(3):
        await queue.upsertJobScheduler("later", {"every": HOUR, "startDate": FAR_AWAY})
    assert await queue.getJobSchedulersCount() == 1
    assert await queue.getJobCounts("delayed", "waiting") == {"delayed": 1, "waiting": 0}


async def test_upserting_again_replaces_name_data_and_options(queue: Any) -> None:
    repeat = {"every": HOUR, "startDate": FAR_AWAY}
    await queue.upsertJobScheduler("later", repeat, "old", {"n": 1}, {"attempts": 2})
    job = await queue.upsertJobScheduler("later", repeat, "new", {"n": 2}, {"attempts": 5})
    [stored] = await queue.getDelayed()
    assert (stored.id, stored.name, stored.data) == (job.id, "new", {"n": 2})
    assert stored.opts["attempts"] == 5
    record = await queue.getJobScheduler("later")
    assert (record["name"], record["iterationCount"]) == ("new", 1)
    assert record["template"] == {"data": {"n": 2}, "opts": {"attempts": 5}}


async def test_upserting_with_another_interval_replaces_the_pending_job(queue: Any) -> None:
    await queue.upsertJobScheduler("later", {"every": HOUR, "startDate": FAR_AWAY})
    await queue.upsertJobScheduler("later", {"every": 2 * HOUR, "startDate": FAR_AWAY + HOUR})
    [job] = await queue.getDelayed()
    assert job.id == f"repeat:later:{FAR_AWAY + HOUR}"
    assert (await queue.getJobScheduler("later"))["every"] == 2 * HOUR


async def test_a_scheduler_can_change_from_an_interval_to_a_pattern(queue: Any) -> None:
    await queue.upsertJobScheduler("it", {"every": HOUR, "startDate": FAR_AWAY})
    await queue.upsertJobScheduler("it", {"pattern": "0 0 1 1 *"})
    record = await queue.getJobScheduler("it")
    assert record["pattern"] == "0 0 1 1 *"
    assert "every" not in record
    assert await queue.getDelayedCount() == 1


async def test_a_waiting_first_job_is_replaced_too(queue: Any) -> None:
    await queue.upsertJobScheduler("hourly", {"every": HOUR}, "old")
    await queue.upsertJobScheduler("hourly", {"every": HOUR}, "new")
    jobs = await queue.getJobs(["waiting", "delayed"])
    assert [job.name for job in jobs] == ["new"]


async def test_removing_a_scheduler_removes_its_delayed_job(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    job = await queue.upsertJobScheduler("later", {"every": HOUR, "startDate": FAR_AWAY})
    assert await queue.removeJobScheduler("later") == 0
    assert await queue.getDelayedCount() == 0
    assert await queue.getJob(job.id) is None
    assert await queue.isJobScheduler("later") is False
    assert await story.until("removed") == {"jobId": job.id, "prev": "delayed"}


async def test_removing_an_unknown_scheduler_answers_1(queue: Any) -> None:
    assert await queue.removeJobScheduler("unknown") == 1


async def test_removing_one_scheduler_leaves_the_others(queue: Any) -> None:
    for name in "ab":
        await queue.upsertJobScheduler(name, {"every": HOUR, "startDate": FAR_AWAY})
    await queue.removeJobScheduler("a")
    assert [record["key"] for record in await queue.getJobSchedulers()] == ["b"]
    assert await queue.getDelayedCount() == 1


@pytest.mark.parametrize(
    ("repeat", "message"),
    [
        (
            {"every": 1, "pattern": "* * * * *"},
            "Both .pattern and .every options are defined for this repeatable job",
        ),
        ({}, "Either .pattern or .every options must be defined for this repeatable job"),
        (
            {"pattern": "* * * * *", "immediately": True, "startDate": FAR_AWAY},
            "Both .immediately and .startDate options are defined for this repeatable job",
        ),
    ],
)
async def test_contradictory_repetitions_are_refused(
    queue: Any, repeat: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        await queue.upsertJobScheduler("it", repeat)
    assert await queue.getJobSchedulersCount() == 0


async def test_a_bad_pattern_is_refused(queue: Any) -> None:
    with pytest.raises(CroniterBadCronError):
        await queue.upsertJobScheduler("it", {"pattern": "every now and then"})
    assert await queue.getJobSchedulersCount() == 0


async def test_an_unknown_time_zone_is_refused(queue: Any) -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        await queue.upsertJobScheduler("it", {"pattern": "0 9 * * *", "tz": "Mars/Olympus"})
    assert await queue.getJobSchedulersCount() == 0


@pytest.mark.parametrize("name", ["with space", "a.b.*.>", "a:b", "שלום 🎧", "$JS.API.x"])
async def test_any_text_can_be_a_schedulers_id(queue: Any, name: str) -> None:
    job = await queue.upsertJobScheduler(name, {"every": HOUR, "startDate": FAR_AWAY})
    assert job.id == f"repeat:{name}:{FAR_AWAY}"
    assert (await queue.getJobScheduler(name))["key"] == name
    assert await queue.removeJobScheduler(name) == 0
    assert await queue.getDelayedCount() == 0


async def test_a_queue_offers_its_scheduler_object(make: Makers, queue: Any) -> None:
    assert isinstance(queue.jobScheduler, make.backend.JobScheduler)
    assert queue.jobScheduler is queue.jobScheduler


async def test_without_override_an_unknown_scheduler_stays_unknown(queue: Any) -> None:
    job = await queue.upsertJobScheduler("new", {"every": 60_000}, override=False)
    assert job is None
    assert not await queue.isJobScheduler("new")


async def test_an_interval_may_be_given_as_text(queue: Any) -> None:
    await queue.upsertJobScheduler("hourly", {"every": str(HOUR)})
    assert (await queue.getJobScheduler("hourly"))["every"] == HOUR
