"""Job.updateData and Job.updateProgress."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard, Story


async def test_updated_data_is_stored(queue: Any) -> None:
    job = await queue.add("job", {"n": 1})
    await job.updateData({"n": 2})
    assert job.data == {"n": 2}
    assert (await queue.getJob(job.id)).data == {"n": 2}


async def test_updating_the_data_leaves_the_job_where_it_was(queue: Any) -> None:
    jobs = await queue.addBulk([{"name": "job", "data": n} for n in range(3)])
    await jobs[0].updateData("new")
    assert [job.data for job in await queue.getWaiting()] == ["new", 1, 2]


async def test_data_of_a_delayed_job_can_be_updated(queue: Any) -> None:
    job = await queue.add("job", {}, {"delay": 60_000})
    await job.updateData("new")
    assert await job.getState() == "delayed"
    assert (await queue.getJob(job.id)).data == "new"


async def test_updating_the_data_of_a_removed_job_is_an_error(queue: Any) -> None:
    job = await queue.add("job", {})
    await job.remove()
    with pytest.raises(TypeError, match=f"^Missing key for job {job.id}. updateData$"):
        await job.updateData({"n": 2})


async def test_updated_data_has_to_be_json(queue: Any) -> None:
    job = await queue.add("job", {"n": 1})
    with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
        await job.updateData(math.nan)
    assert (await queue.getJob(job.id)).data == {"n": 1}


async def test_data_that_is_no_json_is_refused_in_the_encoders_own_words(queue: Any) -> None:
    job = await queue.add("job", {})
    for data in ({"n": math.nan}, {"value": object()}):
        with pytest.raises((ValueError, TypeError)) as own:
            json.dumps(data, allow_nan=False)
        with pytest.raises(type(own.value)) as told:
            await job.updateData(data)
        assert str(told.value) == str(own.value)
        with pytest.raises(type(own.value)) as told:
            await queue.add("job", data)
        assert str(told.value) == str(own.value)


async def test_a_processor_can_keep_its_place_in_the_data(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> None:
        if job.data["step"] == 1:
            await job.updateData({"step": 2})
            raise ValueError("once more")

    await queue.add("job", {"step": 1}, {"attempts": 2})
    job, _ = await Heard(make.worker(queue, process), "completed").once()
    assert job.data == {"step": 2}
    assert job.attemptsMade == 2


@pytest.mark.parametrize("progress", [1, 42.5, "half", True, {"page": 3, "of": 9}, [1, 2], None])
async def test_progress_may_be_any_json(queue: Any, progress: Any) -> None:
    job = await queue.add("job", {})
    await job.updateProgress(progress)
    assert job.progress == progress
    assert (await queue.getJob(job.id)).progress == progress


async def test_progress_is_told_with_its_value(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    job = await queue.add("job", {})
    await job.updateProgress({"page": 3})
    assert await story.until("progress") == {"jobId": job.id, "data": {"page": 3}}


async def test_each_progress_is_told_in_order(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    job = await queue.add("job", {})
    for progress in (10, 20, 30):
        await job.updateProgress(progress)
    await story.until("progress", count=3)
    assert [told["data"] for told in story.told("progress")] == [10, 20, 30]


async def test_progress_of_a_removed_job_is_an_error(queue: Any) -> None:
    job = await queue.add("job", {})
    await job.remove()
    with pytest.raises(TypeError, match=f"^Missing key for job {job.id}. updateProgress$"):
        await job.updateProgress(1)


async def test_progress_outlives_completion(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> None:
        await job.updateProgress(99)

    job = await queue.add("job", {})
    await Heard(make.worker(queue, process), "completed").once()
    assert (await queue.getJob(job.id)).progress == 99


@pytest.mark.parametrize("ending", ["completed", "failed", "retried"])
async def test_an_update_that_is_under_way_when_the_processor_ends_is_kept(
    make: Makers, queue: Any, ending: str
) -> None:
    updates: list[asyncio.Future[Any]] = []

    async def process(job: Any, token: str) -> str:
        if not updates:
            updates.append(asyncio.ensure_future(job.updateProgress(77)))
            updates.append(asyncio.ensure_future(job.updateData("new")))
            await asyncio.sleep(0)
        if ending != "completed" and job.attemptsMade == 0:
            raise ValueError("as it should")
        return "done"

    job = await queue.add("job", "old", {"attempts": 1 if ending == "failed" else 2})
    await Heard(make.worker(queue, process), "completed" if ending == "retried" else ending).once()
    await asyncio.gather(*updates)
    stored = await queue.getJob(job.id)
    assert (stored.progress, stored.data) == (77, "new")
