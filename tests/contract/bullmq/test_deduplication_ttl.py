"""A time to live holds a deduplication id for just that time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.contract.bullmq.duplicates import add
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done
from tests.contract.bullmq.signals import Heard
from tests.contract.bullmq.situations import names


async def test_a_ttl_holds_past_completion(make: Makers, queue: Any) -> None:
    first = await add(queue, "first", {"ttl": 60_000})
    await Heard(make.worker(queue, done), "completed").once()
    assert (await add(queue, "second", {"ttl": 60_000})).id == first.id
    assert await queue.getDeduplicationJobId("d") == first.id


async def test_a_ttl_ends_although_the_owner_still_waits(queue: Any) -> None:
    first = await add(queue, "first", {"ttl": 60})
    await asyncio.sleep(0.08)  # the ttl runs out on the server, which tells nobody
    second = await add(queue, "second", {"ttl": 60})
    assert second.id != first.id
    assert names(await queue.getWaiting()) == ["first", "second"]


async def test_a_ttl_counts_from_the_first_add(queue: Any) -> None:
    first = await add(queue, "first", {"ttl": 800})
    await asyncio.sleep(0.48)  # within the ttl
    assert (await add(queue, "second", {"ttl": 800})).id == first.id
    await asyncio.sleep(0.48)  # past the first ttl, within that of the second add
    assert (await add(queue, "third", {"ttl": 800})).id != first.id


async def test_an_extended_ttl_counts_from_the_last_add(queue: Any) -> None:
    mode = {"ttl": 1000, "extend": True}
    first = await add(queue, "first", mode)
    await asyncio.sleep(0.6)  # within the ttl
    assert (await add(queue, "second", mode)).id == first.id
    await asyncio.sleep(0.6)  # past the first ttl, within that of the second add
    assert (await add(queue, "third", mode)).id == first.id


async def test_a_removed_owner_ends_its_ttl(queue: Any) -> None:
    first = await add(queue, "first", {"ttl": 60_000})
    await first.remove()
    assert (await add(queue, "second", {"ttl": 60_000})).id != first.id


@pytest.mark.parametrize("ttl", [-5, 10**15])
async def test_an_odd_time_to_live_holds_the_id_as_well(queue: Any, ttl: int) -> None:
    once = {"deduplication": {"id": "once", "ttl": ttl}}
    first = await queue.add("job", {"n": 1}, once)
    assert (await queue.add("job", {"n": 2}, once)).id == first.id
