"""How job schedulers are read, counted and listed."""

from __future__ import annotations

import importlib
from typing import Any

from tests.contract.bullmq.backends.backend import Backend
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.times import FAR_AWAY, HOUR


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


async def test_an_empty_time_zone_or_pattern_is_none(queue: Any) -> None:
    await queue.upsertJobScheduler("daily", {"pattern": "0 9 * * *", "tz": ""}, "tick")
    await queue.upsertJobScheduler("hourly", {"pattern": "", "every": HOUR}, "tick")
    assert "tz" not in await queue.getJobScheduler("daily")
    assert "pattern" not in await queue.getJobScheduler("hourly")
    assert not any("tz" in record for record in await queue.getJobSchedulers())


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


async def test_a_pattern_has_the_offset_0(queue: Any) -> None:
    await queue.upsertJobScheduler("daily", {"pattern": "0 0 * * *"})
    assert (await queue.getJobScheduler("daily"))["offset"] == 0


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


async def test_an_interval_that_starts_on_one_of_its_own_slots_has_no_offset(queue: Any) -> None:
    await queue.upsertJobScheduler("hourly", {"every": HOUR, "startDate": FAR_AWAY})
    scheduler = await queue.getJobScheduler("hourly")
    assert (scheduler["offset"], scheduler["startDate"]) == (0, FAR_AWAY)


async def test_an_offset_of_0_is_none_given(queue: Any) -> None:
    await queue.upsertJobScheduler("shifted", {"every": HOUR, "offset": 500})
    job = await queue.upsertJobScheduler("shifted", {"every": HOUR, "offset": 0})
    assert "offset" not in (await queue.getJob(job.id)).opts["repeat"]
    assert (await queue.getJobScheduler("shifted"))["offset"] == 500


async def test_a_pattern_in_the_place_of_an_interval_whose_last_job_runs_has_the_offset_0(
    make: Makers, queue: Any
) -> None:
    await queue.upsertJobScheduler("changes", {"every": HOUR, "limit": 1})
    assert await make.worker(queue).getNextJob("token")
    await queue.upsertJobScheduler("changes", {"pattern": "0 0 1 1 *"})
    assert (await queue.getJobScheduler("changes"))["offset"] == 0
