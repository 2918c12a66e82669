"""Repeat strategies of the caller's own, as BullMQ for Node takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.situations import names

HOUR = 3_600_000
FAR_AWAY = 4_102_444_800_000  # the year 2100


def by_the_hour(millis: int, opts: Mapping[str, Any], name: str) -> int:
    """An hour after the last time, but the job `late` comes in the year 2100."""
    assert opts["pattern"] == "my own"
    return FAR_AWAY if name == "late" else millis // HOUR * HOUR + HOUR


async def test_a_strategy_is_told_the_name_of_the_job(make: Makers) -> None:
    queue = make.queue(settings={"repeatStrategy": by_the_hour})
    early = await queue.upsertJobScheduler("a", {"pattern": "my own"}, "early")
    late = await queue.upsertJobScheduler("b", {"pattern": "my own"}, "late")
    assert int(early.id.split(":")[2]) < FAR_AWAY
    assert late.id == f"repeat:b:{FAR_AWAY}"


async def test_the_strategy_of_the_worker_is_told_the_name_as_well(make: Makers) -> None:
    settings = {"repeatStrategy": by_the_hour}
    queue = make.queue(settings=settings)
    job = await queue.upsertJobScheduler("a", {"pattern": "my own"}, "early")
    await job.promote()
    await make.worker(queue, settings=settings).getNextJob("token")
    [following] = await queue.getDelayed()
    assert int(following.id.split(":")[2]) - int(job.id.split(":")[2]) == HOUR
    assert names([following]) == ["early"]


async def test_a_strategy_may_be_async(make: Makers) -> None:
    async def later(millis: int, opts: Mapping[str, Any]) -> int:
        return FAR_AWAY

    queue = make.queue(settings={"repeatStrategy": later})
    job = await queue.upsertJobScheduler("a", {"pattern": "my own"})
    assert job.id == f"repeat:a:{FAR_AWAY}"
