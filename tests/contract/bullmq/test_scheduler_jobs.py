"""The jobs that schedulers make: what they carry, and who may remove them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import fail
from tests.contract.bullmq.signals import Heard, Story
from tests.contract.bullmq.times import FAR_AWAY, HOUR


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


@pytest.mark.parametrize(("options", "attempts"), [({}, 1), ({"attempts": 3}, 3)])
async def test_a_scheduled_job_read_back_has_the_attempts_of_the_template_or_one(
    queue: Any, options: dict[str, Any], attempts: int
) -> None:
    job = await queue.upsertJobScheduler("hourly", {"every": HOUR}, "tick", {}, options)
    read = await queue.getJob(job.id)
    assert (repr(read.attempts), repr(job.attempts)) == (repr(attempts), repr(attempts))


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


async def test_an_earlier_job_of_a_scheduler_that_runs_again_can_be_removed(
    make: Makers, queue: Any
) -> None:
    first = await queue.upsertJobScheduler("hourly", {"every": HOUR})
    worker = make.worker(queue, fail)
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


async def test_the_last_job_of_a_scheduler_is_cleaned_when_it_is_finished(
    make: Makers, queue: Any
) -> None:
    async def process(job: Any, token: str) -> None:
        if job.name == "fails":
            raise ValueError("no")

    worker = make.worker(queue, process)
    completed, failed = Heard(worker, "completed"), Heard(worker, "failed")
    good = await queue.upsertJobScheduler("good", {"every": HOUR, "limit": 1})
    bad = await queue.upsertJobScheduler("bad", {"every": HOUR, "limit": 1}, "fails")
    await completed.once()
    await failed.once()
    assert await queue.clean(-1000, 0, "completed") == [good.id]
    assert await queue.clean(-1000, 0, "failed") == [bad.id]
