"""What callers of BullMQ 5 pass: it works, and warns once."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from jetbull import Queue, legacy

HOUR = 3_600_000


@pytest_asyncio.fixture
async def queue(_clean: None) -> AsyncIterator[Queue]:
    async with Queue("old") as queue:
        yield queue


@pytest.fixture(autouse=True)
def _nothing_warned_yet() -> Iterator[None]:
    legacy._warned.clear()
    yield
    legacy._warned.clear()


async def test_a_repeatable_job_becomes_a_scheduler(queue: Queue) -> None:
    with pytest.warns(DeprecationWarning, match="repeat is BullMQ 5's name"):
        job = await queue.add("tick", {"n": 1}, {"repeat": {"pattern": "0 0 * * *"}})
    assert (job.name, job.data, await job.getState()) == ("tick", {"n": 1}, "delayed")
    [scheduler] = await queue.getJobSchedulers()
    assert scheduler["pattern"] == "0 0 * * *"


async def test_a_repeatable_job_with_every_comes_at_the_next_multiple(queue: Queue) -> None:
    with pytest.warns(DeprecationWarning, match="repeat"):
        job = await queue.add("tick", {}, {"repeat": {"every": HOUR}})
    due = int(str(job.id).rsplit(":", 1)[1])
    assert due % HOUR == 0
    assert 0 < due - time.time() * 1000 <= HOUR


async def test_cron_of_version_2_is_a_pattern(queue: Queue) -> None:
    with pytest.warns(DeprecationWarning, match="repeat"):
        await queue.add("tick", {}, {"repeat": {"cron": "0 0 * * *", "tz": "Europe/Berlin"}})
    [scheduler] = await queue.getJobSchedulers()
    assert (scheduler["pattern"], scheduler["tz"]) == ("0 0 * * *", "Europe/Berlin")


async def test_adding_the_same_repeatable_job_again_changes_nothing(queue: Queue) -> None:
    with pytest.warns(DeprecationWarning, match="repeat"):
        first = await queue.add("tick", {}, {"repeat": {"every": HOUR}})
    second = await queue.add("tick", {}, {"repeat": {"every": HOUR}})
    assert first.id == second.id
    assert await queue.getDelayedCount() == 1


async def test_a_repeatable_job_whose_end_is_past_stores_nothing(queue: Queue) -> None:
    with pytest.warns(DeprecationWarning, match="repeat"):
        job = await queue.add("tick", {}, {"repeat": {"every": HOUR, "endDate": 1}})
    assert job.id is None
    assert await queue.getJobCountByTypes() == 0


async def test_repeatable_jobs_are_listed_as_they_were(queue: Queue) -> None:
    with pytest.warns(DeprecationWarning, match="repeat"):
        job = await queue.add("tick", {}, {"repeat": {"every": HOUR}})
    with pytest.warns(DeprecationWarning, match="getRepeatableJobs"):
        [listed] = await queue.getRepeatableJobs()
    assert listed["name"] == "tick"
    assert listed["every"] == str(HOUR)
    assert f"repeat:{listed['key']}:{listed['next']}" == job.id


async def test_repeatable_jobs_are_removed_by_name_and_by_key(queue: Queue) -> None:
    with pytest.warns(DeprecationWarning, match="repeat"):
        await queue.add("tick", {}, {"repeat": {"every": HOUR}})
    await queue.add("tock", {}, {"repeat": {"every": HOUR, "key": "mine"}})
    with pytest.warns(DeprecationWarning, match="removeRepeatable"):
        assert await queue.removeRepeatable("tick", {"every": HOUR}) is True
    assert await queue.removeRepeatable("tick", {"every": HOUR}) is False
    with pytest.warns(DeprecationWarning, match="removeRepeatableByKey"):
        assert await queue.removeRepeatableByKey("mine") is True
    assert await queue.getDelayedCount() == 0


async def test_debounce_is_deduplication(queue: Queue) -> None:
    with pytest.warns(DeprecationWarning, match="debounce"):
        first = await queue.add("job", {}, {"debounce": {"id": "d", "ttl": HOUR}})
    second = await queue.add("job", {}, {"debounce": {"id": "d", "ttl": HOUR}})
    assert first.id == second.id
    with pytest.warns(DeprecationWarning, match="getDebounceJobId"):
        assert await queue.getDebounceJobId("d") == first.id
    with pytest.warns(DeprecationWarning, match="removeDebounceKey"):
        assert await queue.removeDebounceKey("d") == 1


async def test_the_paused_state_is_empty_and_the_log_says_why(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    await queue.add("job", {})
    await queue.pause()
    with caplog.at_level(logging.WARNING, "jetbull.legacy"):
        assert await queue.getJobs(["paused"]) == []
        assert await queue.getJobCounts("paused", "waiting") == {"paused": 0, "waiting": 1}
    assert len(caplog.records) == 1
    assert "always empty since BullMQ 6" in caplog.text
