"""When schedulers make their jobs: intervals and patterns, begins, ends and limits."""

from __future__ import annotations

import asyncio
import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done, fail
from tests.contract.bullmq.signals import Heard, Story
from tests.contract.bullmq.situations import names

HOUR = 3_600_000
DAY = 24 * HOUR
FAR_AWAY = 4_102_444_800_000  # the year 2100, at midnight UTC


def now_ms() -> int:
    return round(time.time() * 1000)


def slot(job: Any) -> int:
    """The time in ms a scheduled job was made for, the last part of its id."""
    return int(job.id.rpartition(":")[2])


async def test_the_first_job_of_an_interval_is_due_at_once(queue: Any) -> None:
    before = now_ms()
    job = await queue.upsertJobScheduler("hourly", {"every": HOUR})
    assert before <= slot(job) <= now_ms()
    assert await job.getState() == "waiting"


async def test_a_start_date_puts_the_first_job_off(queue: Any) -> None:
    job = await queue.upsertJobScheduler("later", {"every": HOUR, "startDate": FAR_AWAY})
    assert slot(job) == FAR_AWAY
    assert await job.getState() == "delayed"


async def test_a_start_date_may_be_an_iso_date(queue: Any) -> None:
    repeat = {"every": HOUR, "startDate": "2100-01-01T00:00:00Z"}
    assert slot(await queue.upsertJobScheduler("later", repeat)) == FAR_AWAY


async def test_a_start_date_in_the_past_means_now(queue: Any) -> None:
    job = await queue.upsertJobScheduler("hourly", {"every": HOUR, "startDate": 1_000})
    assert abs(slot(job) - now_ms()) < 5_000


async def test_jobs_of_an_interval_are_one_interval_apart(make: Makers, queue: Any) -> None:
    await queue.upsertJobScheduler("quick", {"every": 120})
    calls = await Heard(make.worker(queue, done), "completed").times(4)
    slots = [slot(job) for job, _ in calls]
    assert [later - earlier for earlier, later in itertools.pairwise(slots)] == [120] * 3


async def test_no_scheduled_job_runs_before_its_time(make: Makers, queue: Any) -> None:
    await queue.upsertJobScheduler("quick", {"every": 100})
    calls = await Heard(make.worker(queue, done), "completed").times(3)
    assert all(job.processedOn >= slot(job) for job, _ in calls)


async def test_jobs_are_numbered(make: Makers, queue: Any) -> None:
    await queue.upsertJobScheduler("quick", {"every": 50})
    calls = await Heard(make.worker(queue, done), "completed").times(3)
    assert [job.opts["repeat"]["count"] for job, _ in calls] == [1, 2, 3]


async def test_every_job_has_the_data_and_options_of_the_template(make: Makers, queue: Any) -> None:
    await queue.upsertJobScheduler("quick", {"every": 50}, "tick", {"n": 1}, {"attempts": 4})
    calls = await Heard(make.worker(queue, done), "completed").times(3)
    assert [(job.name, job.data, job.opts["attempts"]) for job, _ in calls] == (
        [("tick", {"n": 1}, 4)] * 3
    )


async def test_the_next_job_is_made_when_the_current_one_is_taken(make: Makers, queue: Any) -> None:
    first = await queue.upsertJobScheduler("hourly", {"every": HOUR})
    taken = await make.worker(queue).getNextJob("token")
    assert taken.id == first.id
    [following] = await queue.getDelayed()
    assert slot(following) == slot(first) + HOUR
    record = await queue.getJobScheduler("hourly")
    assert (record["next"], record["iterationCount"]) == (slot(following), 2)


async def test_without_workers_a_schedule_does_not_pile_up(queue: Any) -> None:
    await queue.upsertJobScheduler("quick", {"every": 10})
    await asyncio.sleep(0.06)  # several intervals
    assert await queue.getJobCountByTypes() == 1


async def test_missed_intervals_are_skipped(make: Makers, queue: Any) -> None:
    first = await queue.upsertJobScheduler("quick", {"every": 50})
    await asyncio.sleep(0.18)  # three intervals without a worker
    calls = await Heard(make.worker(queue, done), "completed").times(2)
    assert slot(calls[1][0]) > slot(first) + 3 * 50 - 1


async def test_a_failing_job_does_not_stop_its_schedule(make: Makers, queue: Any) -> None:
    await queue.upsertJobScheduler("quick", {"every": 50})
    calls = await Heard(make.worker(queue, fail), "failed").times(3)
    assert len({job.id for job, _ in calls}) == 3


async def test_many_workers_make_each_iteration_once(make: Makers, queue: Any) -> None:
    first, *others = [make.worker(queue, done) for _ in range(3)]
    await queue.upsertJobScheduler("quick", {"every": 50})
    calls = await Heard(first, "completed", *others).times(5)
    slots = [slot(job) for job, _ in calls]
    assert sorted(set(slots)) == sorted(slots)
    assert await queue.getDelayedCount() <= 1


async def test_a_limit_ends_the_schedule(make: Makers, queue: Any) -> None:
    await queue.upsertJobScheduler("quick", {"every": 40, "limit": 3})
    story = Story(make.events(queue))
    make.worker(queue, done)
    await story.until("completed", count=3)
    await asyncio.sleep(0.1)  # more than two intervals in which nothing may come
    assert len(story.told("added")) == 3
    assert await queue.getDelayedCount() == 0


async def test_the_record_stays_after_its_limit(make: Makers, queue: Any) -> None:
    await queue.upsertJobScheduler("quick", {"every": 40, "limit": 2})
    await Heard(make.worker(queue, done), "completed").times(2)
    record = await queue.getJobScheduler("quick")
    assert (record["iterationCount"], record["limit"]) == (2, 2)


async def test_an_end_date_in_the_past_makes_no_scheduler(queue: Any) -> None:
    repeat = {"every": HOUR, "endDate": now_ms() - 1_000}
    assert await queue.upsertJobScheduler("over", repeat) is None
    assert await queue.getJobSchedulersCount() == 0


async def test_an_end_date_ends_the_schedule(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    make.worker(queue, done)
    end = now_ms() + 800
    await queue.upsertJobScheduler("quick", {"every": 200, "endDate": end})
    await story.until("completed", count=2)
    await asyncio.sleep(max(0, end - now_ms()) / 1000 + 1)  # five intervals past the end
    added = len(story.told("added"))
    assert 2 <= added <= 6
    assert await queue.getDelayedCount() == 0


async def test_a_removed_scheduler_makes_no_more_jobs(make: Makers, queue: Any) -> None:
    await queue.upsertJobScheduler("quick", {"every": 60})
    story = Story(make.events(queue))
    make.worker(queue, done)
    await story.until("completed", count=2)
    await queue.removeJobScheduler("quick")
    told = len(story.told("added"))
    await asyncio.sleep(0.15)  # two intervals in which nothing may come
    assert len(story.told("added")) <= told + 1
    assert await queue.getDelayedCount() == 0


async def test_an_upsert_while_the_job_runs_makes_the_next_one(make: Makers, queue: Any) -> None:
    await queue.upsertJobScheduler("hourly", {"every": HOUR}, "old")
    taken = await make.worker(queue).getNextJob("token")
    await queue.upsertJobScheduler("hourly", {"every": HOUR}, "new")
    assert names(await queue.getDelayed()) == ["new"]
    assert (await queue.getJobScheduler("hourly"))["iterationCount"] == 2
    assert await taken.getState() == "active"


async def test_an_upsert_by_a_promoted_job_of_a_pattern_replaces_the_next_one(
    make: Makers, queue: Any
) -> None:
    job = await queue.upsertJobScheduler("yearly", {"pattern": "0 0 1 1 *"}, "old")
    await job.promote()
    await make.worker(queue).getNextJob("token")
    await queue.upsertJobScheduler("yearly", {"pattern": "0 0 1 1 *"}, "new")
    assert names(await queue.getDelayed()) == ["new"]
    assert (await queue.getJobScheduler("yearly"))["iterationCount"] == 2


async def test_an_offset_shifts_the_slots_of_an_interval(queue: Any) -> None:
    job = await queue.upsertJobScheduler("hourly", {"every": HOUR, "offset": 60_000})
    assert slot(job) % HOUR == 60_000
    assert slot(job) > now_ms()
    assert (await queue.getJobScheduler("hourly"))["offset"] == 60_000


async def test_a_pattern_is_due_at_its_next_time_in_utc(queue: Any) -> None:
    before = datetime.now(UTC)
    job = await queue.upsertJobScheduler("nightly", {"pattern": "30 3 * * *"})
    due = datetime.fromtimestamp(slot(job) / 1000, UTC)
    assert (due.hour, due.minute, due.second) == (3, 30, 0)
    assert before < due <= before + timedelta(days=1)
    assert await job.getState() == "delayed"


async def test_a_pattern_with_six_fields_begins_with_seconds(queue: Any) -> None:
    job = await queue.upsertJobScheduler("nightly", {"pattern": "15 30 3 * * *"})
    due = datetime.fromtimestamp(slot(job) / 1000, UTC)
    assert (due.hour, due.minute, due.second) == (3, 30, 15)


async def test_a_pattern_may_have_a_time_zone(queue: Any) -> None:
    repeat = {"pattern": "0 9 * * *", "tz": "Asia/Tokyo", "startDate": FAR_AWAY}
    job = await queue.upsertJobScheduler("daily", repeat)
    assert slot(job) == FAR_AWAY + DAY  # 09:00 in Tokyo is midnight UTC, here the next one


async def test_a_pattern_begins_after_its_start_date(queue: Any) -> None:
    repeat = {"pattern": "0 12 * * *", "startDate": FAR_AWAY}
    job = await queue.upsertJobScheduler("noon", repeat)
    assert slot(job) == FAR_AWAY + DAY // 2


async def test_a_pattern_can_begin_immediately(make: Makers, queue: Any) -> None:
    job = await queue.upsertJobScheduler("yearly", {"pattern": "0 0 1 1 *", "immediately": True})
    assert abs(slot(job) - now_ms()) < 2_000
    completed = Heard(make.worker(queue, done), "completed")
    await completed.once()
    [following] = await queue.getDelayed()
    due = datetime.fromtimestamp(slot(following) / 1000, UTC)
    assert (due.month, due.day, due.hour, due.minute) == (1, 1, 0, 0)


async def test_a_pattern_of_every_second_runs_every_second(make: Makers, queue: Any) -> None:
    await queue.upsertJobScheduler("tick", {"pattern": "* * * * * *"})
    calls = await Heard(make.worker(queue, done), "completed").times(2)
    first, second = (slot(job) for job, _ in calls)
    assert (first % 1_000, second - first) == (0, 1_000)


async def test_a_pattern_counts_its_limit(queue: Any) -> None:
    repeat = {"pattern": "* * * * *", "limit": 3, "count": 3}
    assert await queue.upsertJobScheduler("over", repeat) is None


@pytest.mark.parametrize("priority", [0, 3])
async def test_a_scheduled_job_may_have_a_priority(queue: Any, priority: int) -> None:
    job = await queue.upsertJobScheduler(
        "hourly", {"every": HOUR}, "tick", {}, {"priority": priority}
    )
    assert await job.getState() == ("prioritized" if priority else "waiting")


async def test_a_retried_job_of_a_schedule_makes_no_second_next_one(
    make: Makers, queue: Any
) -> None:
    await queue.upsertJobScheduler("hourly", {"every": HOUR}, "tick", {}, {"attempts": 3})
    await Heard(make.worker(queue, fail), "failed").times(3)
    assert await queue.getDelayedCount() == 1
    assert (await queue.getJobScheduler("hourly"))["iterationCount"] == 2
