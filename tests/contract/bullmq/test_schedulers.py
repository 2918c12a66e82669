"""Job schedulers: making, reading, changing, listing and removing them."""

from __future__ import annotations

import importlib
import time
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

import pytest
from croniter import CroniterBadCronError
from tests.contract.bullmq.backends.backend import Backend
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard, Story

HOUR = 3_600_000
FAR_AWAY = 4_102_444_800_000  # the year 2100


def now_ms() -> int:
    return round(time.time() * 1000)


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


async def test_the_id_of_a_scheduled_job_ends_in_its_time(queue: Any) -> None:
    job = await queue.upsertJobScheduler("later", {"every": HOUR, "startDate": FAR_AWAY})
    assert job.id == f"repeat:later:{FAR_AWAY}"
    assert (await queue.getJobScheduler("later"))["next"] == FAR_AWAY


async def test_a_scheduled_job_carries_its_repetition(queue: Any) -> None:
    job = await queue.upsertJobScheduler("hourly", {"every": HOUR, "limit": 5})
    repeat = (await queue.getJob(job.id)).opts["repeat"]
    assert (repeat["every"], repeat["limit"], repeat["count"]) == (HOUR, 5, 1)


async def test_the_options_of_the_template_apply_to_the_jobs(queue: Any) -> None:
    options = {"attempts": 3, "removeOnComplete": True, "keepLogs": 7}
    job = await queue.upsertJobScheduler("hourly", {"every": HOUR}, "tick", {}, options)
    stored = (await queue.getJob(job.id)).opts
    assert {key: stored[key] for key in options} == options


async def test_a_scheduler_can_be_read(queue: Any) -> None:
    job = await queue.upsertJobScheduler(
        "hourly", {"every": HOUR, "limit": 9}, "tick", {"n": 1}, {"attempts": 3}
    )
    record = await queue.getJobScheduler("hourly")
    assert record["key"] == "hourly"
    assert record["name"] == "tick"
    assert record["every"] == HOUR
    assert record["limit"] == 9
    assert record["iterationCount"] == 1
    assert record["template"] == {"data": {"n": 1}, "opts": {"attempts": 3}}
    assert job.id == f"repeat:hourly:{record['next']}"
    assert not {"pattern", "tz", "startDate", "endDate"} & set(record)


async def test_a_scheduler_with_a_pattern_can_be_read(queue: Any) -> None:
    end = FAR_AWAY + HOUR
    repeat = {
        "pattern": "0 9 * * *",
        "tz": "Asia/Jerusalem",
        "startDate": FAR_AWAY,
        "endDate": end,
    }
    await queue.upsertJobScheduler("daily", repeat, "tick")
    record = await queue.getJobScheduler("daily")
    assert (record["pattern"], record["tz"]) == ("0 9 * * *", "Asia/Jerusalem")
    assert (record["startDate"], record["endDate"]) == (FAR_AWAY, end)
    assert "every" not in record


async def test_a_template_without_data_and_options_is_not_shown(queue: Any) -> None:
    await queue.upsertJobScheduler("hourly", {"every": HOUR})
    assert "template" not in await queue.getJobScheduler("hourly")


async def test_an_id_is_known_as_a_scheduler_or_not(queue: Any) -> None:
    await queue.upsertJobScheduler("hourly", {"every": HOUR})
    assert await queue.isJobScheduler("hourly") is True
    assert await queue.isJobScheduler("unknown") is False


async def test_schedulers_are_counted_and_listed_by_their_next_time(queue: Any) -> None:
    for name, start in (("b", FAR_AWAY + 2), ("a", FAR_AWAY + 1), ("c", FAR_AWAY + 3)):
        await queue.upsertJobScheduler(name, {"every": HOUR, "startDate": start})
    assert await queue.getJobSchedulersCount() == 3
    ascending = [record["key"] for record in await queue.getJobSchedulers(0, -1, True)]
    descending = [record["key"] for record in await queue.getJobSchedulers()]
    assert (ascending, descending) == (["a", "b", "c"], ["c", "b", "a"])


async def test_schedulers_are_listed_in_pages(queue: Any) -> None:
    for n in range(5):
        await queue.upsertJobScheduler(str(n), {"every": HOUR, "startDate": FAR_AWAY + n})
    page = await queue.getJobSchedulers(1, 2, True)
    assert [record["key"] for record in page] == ["1", "2"]
    assert page[0]["next"] == FAR_AWAY + 1
    assert page[0]["every"] == HOUR


async def test_without_schedulers_the_list_is_empty(queue: Any) -> None:
    assert await queue.getJobSchedulers() == []
    assert await queue.getJobSchedulersCount() == 0


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


@pytest.mark.parametrize("options", [{}, {"priority": 5}])
async def test_a_promoted_job_outlives_its_scheduler_and_keeps_its_slot(
    queue: Any, options: dict[str, Any]
) -> None:
    yearly = {"pattern": "0 0 0 1 1 *"}
    job = await queue.upsertJobScheduler("yearly", yearly, "first", {}, options)
    await job.promote()
    await queue.removeJobScheduler("yearly")
    with pytest.raises(Exception, match="job ID already exists"):
        await queue.upsertJobScheduler("yearly", yearly, "second", {}, options)
    assert await queue.getJobSchedulers() == []
    assert (await queue.getJob(job.id)).name == "first"
    assert await queue.getJobState(job.id) == ("prioritized" if options else "waiting")


async def test_removing_an_unknown_scheduler_answers_1(queue: Any) -> None:
    assert await queue.removeJobScheduler("unknown") == 1


async def test_removing_one_scheduler_leaves_the_others(queue: Any) -> None:
    for name in "ab":
        await queue.upsertJobScheduler(name, {"every": HOUR, "startDate": FAR_AWAY})
    await queue.removeJobScheduler("a")
    assert [record["key"] for record in await queue.getJobSchedulers()] == ["b"]
    assert await queue.getDelayedCount() == 1


async def test_the_pending_job_of_a_scheduler_cannot_be_drained(queue: Any) -> None:
    await queue.upsertJobScheduler("later", {"every": HOUR, "startDate": FAR_AWAY})
    await queue.add("other", {}, {"delay": HOUR})
    await queue.drain(True)
    assert [job.name for job in await queue.getDelayed()] == ["later"]


async def test_the_pending_job_of_a_scheduler_cannot_be_cleaned(queue: Any) -> None:
    await queue.upsertJobScheduler("later", {"every": HOUR, "startDate": FAR_AWAY})
    assert await queue.clean(0, 0, "delayed") == []
    assert await queue.getDelayedCount() == 1


async def test_adding_by_a_scheduler_is_told(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    job = await queue.upsertJobScheduler("later", {"every": HOUR, "startDate": FAR_AWAY}, "tick")
    assert await story.until("added") == {"jobId": job.id, "name": "tick"}
    assert await story.until("delayed") == {"jobId": job.id, "delay": str(FAR_AWAY)}


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


async def test_the_returned_job_has_the_data_that_was_given(queue: Any) -> None:
    assert (await queue.upsertJobScheduler("without", {"every": 60_000})).data is None
    job = await queue.upsertJobScheduler("with", {"every": 60_000}, "name", [1])
    assert job.data == [1]
    assert (await queue.getJob(job.id)).data == [1]


async def test_a_job_names_the_offset_only_when_it_was_given(queue: Any) -> None:
    plain = await queue.upsertJobScheduler("plain", {"every": 60_000})
    assert (await queue.getJob(plain.id)).opts["repeat"] == {"every": 60_000, "count": 1}
    shifted = await queue.upsertJobScheduler("shifted", {"every": 60_000, "offset": 500})
    assert (await queue.getJob(shifted.id)).opts["repeat"]["offset"] == 500


async def test_a_pattern_has_the_offset_0(queue: Any) -> None:
    await queue.upsertJobScheduler("daily", {"pattern": "0 0 * * *"})
    assert (await queue.getJobScheduler("daily"))["offset"] == 0


async def test_without_override_an_unknown_scheduler_stays_unknown(queue: Any) -> None:
    job = await queue.upsertJobScheduler("new", {"every": 60_000}, override=False)
    assert job is None
    assert not await queue.isJobScheduler("new")


def test_a_key_of_version_5_is_taken_apart(backend: Backend) -> None:
    module = importlib.import_module(f"{backend.package}.job_scheduler")
    shown = module._transform_scheduler_data("name:mine:1700000000000:UTC:0 0 * * *", {}, 5)
    assert shown == {
        "key": "name:mine:1700000000000:UTC:0 0 * * *",
        "name": "name",
        "id": "mine",
        "endDate": 1_700_000_000_000,
        "tz": "UTC",
        "pattern": "0 0 * * *",
        "next": 5,
    }
    assert module._transform_scheduler_data("no parts", {}, 5) is None


def test_a_stored_scheduler_is_shown_by_its_texts(backend: Backend) -> None:
    module = importlib.import_module(f"{backend.package}.job_scheduler")
    fields = {"name": "n", "ic": "3", "every": "50", "data": "[1]", "opts": '{"fpof":true}'}
    assert module._transform_scheduler_data("mine", fields, 7) == {
        "key": "mine",
        "name": "n",
        "next": 7,
        "iterationCount": 3,
        "every": 50,
        "template": {"data": [1], "opts": {"failParentOnFailure": True}},
    }


async def test_an_end_before_the_first_scheduler_gives_none(queue: Any) -> None:
    for every in (60_000, 70_000):
        await queue.upsertJobScheduler(f"every {every}", {"every": every})
    assert await queue.getJobSchedulers(0, -9) == []
    assert await queue.getJobSchedulers(0, -9, True) == []


async def test_an_interval_may_be_given_as_text(queue: Any) -> None:
    await queue.upsertJobScheduler("hourly", {"every": str(HOUR)})
    assert (await queue.getJobScheduler("hourly"))["every"] == HOUR


async def test_an_earlier_job_of_a_scheduler_that_runs_again_can_be_removed(
    make: Makers, queue: Any
) -> None:
    async def process(job: Any, token: str) -> None:
        raise ValueError("no")

    first = await queue.upsertJobScheduler("hourly", {"every": HOUR})
    worker = make.worker(queue, process)
    await Heard(worker, "failed").once()
    await worker.close()
    await (await queue.getJob(first.id)).retry()
    assert await queue.getJobState(first.id) == "waiting"
    assert await queue.remove(first.id) == 1
    assert await queue.getJobState(first.id) == "unknown"
    assert await queue.getDelayedCount() == 1


async def test_the_last_job_of_a_scheduler_cannot_be_removed_as_long_as_the_scheduler_exists(
    make: Makers, queue: Any
) -> None:
    async def process(job: Any, token: str) -> None:
        return None

    job = await queue.upsertJobScheduler("once", {"every": HOUR, "limit": 1})
    await Heard(make.worker(queue, process), "completed").once()
    assert await queue.remove(job.id) == -8
    assert await queue.getJobState(job.id) == "completed"
    await queue.removeJobScheduler("once")
    assert await queue.remove(job.id) == 1
    assert await queue.getJobState(job.id) == "unknown"


async def test_an_interval_that_starts_on_one_of_its_own_slots_has_no_offset(queue: Any) -> None:
    await queue.upsertJobScheduler("hourly", {"every": HOUR, "startDate": FAR_AWAY})
    scheduler = await queue.getJobScheduler("hourly")
    assert (scheduler["offset"], scheduler["startDate"]) == (0, FAR_AWAY)
