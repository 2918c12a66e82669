"""Large data of jobs that are not stored, or stored no longer: nothing of them stays behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard

DATA = {"text": "x" * 200_000}


async def objects(queue: Any) -> int:
    store = await queue.ledger()
    info = await store.wire.api(f"STREAM.INFO.{store.names.space.objects}")
    return int(info["state"]["messages"])


async def left(queue: Any, wanted: int) -> None:
    """Returns when so many are left: some go a moment after the add."""
    async with asyncio.timeout(10):
        while await objects(queue) != wanted:
            await asyncio.sleep(0.01)


async def add(queue: Any, in_bulk: bool, **opts: Any) -> Any:
    if in_bulk:
        return (await queue.addBulk([{"name": "n", "data": DATA, "opts": opts}]))[0]
    return await queue.add("n", DATA, opts)


@pytest.mark.parametrize("in_bulk", [False, True])
async def test_a_duplicate_leaves_no_data(queue: Any, in_bulk: bool) -> None:
    first = await add(queue, in_bulk, deduplication={"id": "d"})
    for mode in ({}, {"ttl": 60_000, "extend": True}, {"replace": True}):
        opts = {"deduplication": {"id": "d", **mode}}
        assert (await add(queue, in_bulk, **opts)).id == first.id
    assert (await queue.getJob(first.id)).data == DATA
    assert await objects(queue) == 1


@pytest.mark.parametrize("in_bulk", [False, True])
async def test_a_replaced_job_takes_its_data_along(queue: Any, in_bulk: bool) -> None:
    opts = {"delay": 60_000, "deduplication": {"id": "d", "replace": True}}
    for _ in range(3):
        last = await add(queue, in_bulk, **opts)
    await left(queue, 1)
    assert (await queue.getJob(last.id)).data == DATA


@pytest.mark.parametrize("in_bulk", [False, True])
async def test_of_adds_during_a_run_the_last_ones_data_are_kept(
    make: Makers, queue: Any, in_bulk: bool
) -> None:
    opts = {"deduplication": {"id": "d", "keepLastIfActive": True}}
    await add(queue, in_bulk, **opts)
    first = await make.worker(queue).getNextJob("t")
    for _ in range(3):
        await add(queue, in_bulk, **opts)
    await first.moveToCompleted("done", "t")
    [job] = await queue.getWaiting()
    assert job.data == DATA
    assert await objects(queue) == 2


async def test_an_add_kept_under_an_id_that_is_freed_takes_its_data_along(
    make: Makers, queue: Any
) -> None:
    opts = {"deduplication": {"id": "d", "keepLastIfActive": True}}
    await add(queue, False, **opts)
    first = await make.worker(queue).getNextJob("t")
    for _ in range(2):
        await add(queue, False, **opts)
    await queue.removeDeduplicationKey("d")
    later = await add(queue, False, **opts)
    assert await objects(queue) == 2
    await first.moveToCompleted("done", "t")
    assert [job.id for job in await queue.getWaiting()] == [later.id]


@pytest.mark.parametrize("in_bulk", [False, True])
async def test_of_many_adds_at_once_only_the_owners_data_stay(queue: Any, in_bulk: bool) -> None:
    adds = (add(queue, in_bulk, deduplication={"id": "d"}) for _ in range(30))
    ids = {job.id for job in await asyncio.gather(*adds)}
    assert len(ids) == 1
    await left(queue, 1)
    assert (await queue.getJob(ids.pop())).data == DATA


async def test_a_result_and_a_progress_of_a_job_that_was_removed_meanwhile_do_not_stay(
    make: Makers, queue: Any
) -> None:
    async def process(job: Any, token: str) -> Any:
        while await job.getState() != "unknown":
            await queue.clean(0, 10, "active")
            await queue.drain()
            await asyncio.sleep(0.05)
        with pytest.raises(TypeError):
            await job.updateProgress(DATA)
        return DATA

    await queue.add("n", {})
    opts = {"lockDuration": 100, "lockRenewTime": 60_000}
    await Heard(make.worker(queue, process, **opts), "error").once()
    await left(queue, 0)
