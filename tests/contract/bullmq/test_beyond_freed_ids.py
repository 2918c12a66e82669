"""Freeing a deduplication id by hand, through the queue or through its owner."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers


async def test_a_deduplication_id_can_be_freed(queue: Any) -> None:
    first = await queue.add("first", {}, {"deduplication": {"id": "d"}})
    assert await queue.removeDeduplicationKey("d") == 1
    assert await queue.removeDeduplicationKey("d") == 0
    second = await queue.add("second", {}, {"deduplication": {"id": "d"}})
    assert second.id != first.id


async def test_a_job_can_free_its_deduplication_id(queue: Any) -> None:
    job = await queue.add("job", {}, {"deduplication": {"id": "d"}})
    assert await job.removeDeduplicationKey() is True
    assert await job.removeDeduplicationKey() is False
    assert await queue.getDeduplicationJobId("d") is None


async def test_a_job_that_ends_leaves_its_deduplication_id_to_whose_it_is_by_now(
    make: Makers, queue: Any
) -> None:
    once = {"deduplication": {"id": "d"}}
    await queue.add("first", {}, once)
    first = await make.worker(queue).getNextJob("token")
    assert await first.removeDeduplicationKey() is True
    second = await queue.add("second", {}, once)
    await first.moveToCompleted("done", "token", False)
    assert await queue.getDeduplicationJobId("d") == second.id
    assert (await queue.add("third", {}, once)).id == second.id


async def test_a_job_whose_deduplication_is_over_frees_nothing(queue: Any) -> None:
    job = await queue.add("job", {}, {"deduplication": {"id": "d", "ttl": 1}})
    while await queue.getDeduplicationJobId("d") is not None:
        pass  # asking takes longer than the millisecond
    assert await job.removeDeduplicationKey() is False
    assert await queue.removeDeduplicationKey("d") == 0


@pytest.mark.parametrize("fails", [False, True])
async def test_an_add_kept_for_the_owner_runs_although_its_id_was_freed(
    make: Makers, queue: Any, fails: bool
) -> None:
    opts = {"deduplication": {"id": "d", "keepLastIfActive": True}}
    await queue.add("first", {}, opts)
    first = await make.worker(queue).getNextJob("t1")
    assert (await queue.add("kept", {}, opts)).id == first.id
    assert await first.removeDeduplicationKey()
    assert not await first.removeDeduplicationKey()
    assert await queue.getDeduplicationJobId("d") is None
    assert await queue.getWaitingCount() == 0
    if fails:
        await first.moveToFailed(ValueError("no"), "t1")
    else:
        await first.moveToCompleted("done", "t1")
    [job] = await queue.getWaiting()
    assert job.name == "kept"
    assert await queue.getDeduplicationJobId("d") == job.id


async def test_only_its_owner_frees_an_id_behind_which_an_add_is_kept(
    make: Makers, queue: Any
) -> None:
    opts = {"deduplication": {"id": "d", "keepLastIfActive": True}}
    worker = make.worker(queue)
    await queue.add("past", {}, opts)
    past = await worker.getNextJob("t1")
    await past.moveToCompleted("done", "t1", False)
    await queue.add("owner", {}, opts)
    owner = await worker.getNextJob("t2")
    await queue.add("kept", {}, opts)
    assert await past.removeDeduplicationKey() is False
    assert await queue.getDeduplicationJobId("d") == owner.id


async def test_a_freed_id_belongs_to_the_next_add(make: Makers, queue: Any) -> None:
    opts = {"deduplication": {"id": "d", "keepLastIfActive": True}}
    await queue.add("first", {}, opts)
    first = await make.worker(queue).getNextJob("t1")
    await queue.add("kept", {}, opts)
    assert await queue.removeDeduplicationKey("d") == 1
    assert await queue.removeDeduplicationKey("d") == 0
    latest, twin = await queue.addBulk([{"name": "latest", "data": {}, "opts": opts}] * 2)
    assert latest.id == twin.id != first.id
    await first.moveToCompleted("done", "t1")
    assert await queue.getDeduplicationJobId("d") == latest.id
