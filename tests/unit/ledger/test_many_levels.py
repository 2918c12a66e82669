"""A queue with very many priorities is counted and listed without a counter for each."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from jetbull import Queue
from jetbull.ledger.queue import counting, pages, tally
from jetbull.server import EmbeddedServer

LEVELS, JOBS = 9, 3
COUNT = LEVELS * JOBS
NAMES = [f"{level}-{n}" for level in range(1, LEVELS + 1) for n in range(JOBS)]


@pytest.fixture
async def queue(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Queue]:
    """A queue in which more than four levels are many, and of more than ten jobs a page is read."""
    monkeypatch.setattr(counting, "_FEW_LEVELS", 4)
    monkeypatch.setattr(tally, "EXACT_LIMIT", 10)
    for limit in ("FEW", "WHOLE", "_SHORT"):
        monkeypatch.setattr(pages, limit, 10)
    with EmbeddedServer() as server:
        async with Queue("levels", {"connection": server.url}) as queue:
            for n in range(JOBS):
                for level in range(LEVELS, 0, -1):
                    await queue.add(f"{level}-{n}", {}, {"priority": level})
            yield queue


async def names(queue: Queue, start: int, end: int, asc: bool = True) -> list[str]:
    return [job.name for job in await queue.getJobs(["prioritized"], start, end, asc)]


async def consumers(queue: Queue) -> int:
    store = await queue.ledger()
    info = await store.wire.api(f"STREAM.INFO.{store.names.space.jobs}")
    return int(info["state"]["consumer_count"])


@pytest.mark.parametrize("named_per_level", [100, 0], ids=["by names", "by counters"])
async def test_pages_are_in_the_order_of_priorities(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, named_per_level: int
) -> None:
    monkeypatch.setattr(counting, "_NAMED_PER_LEVEL", named_per_level)
    assert await names(queue, 0, 4) == NAMES[:5]
    assert await names(queue, 11, 15) == NAMES[11:16]
    assert await names(queue, -4, -2) == NAMES[-4:-1]
    assert await names(queue, 0, 3, asc=False) == NAMES[:-5:-1]
    assert await names(queue, 0, -1) == NAMES


async def test_the_first_count_and_those_after_it_are_right(queue: Queue) -> None:
    for removed in range(3):
        assert await queue.getPrioritizedCount() == COUNT - removed
        await queue.remove((await queue.getPrioritized(removed, removed))[0].id)
    assert await queue.getPrioritizedCount() == COUNT - 3


async def test_no_counter_is_made_for_each_level(queue: Queue) -> None:
    assert await names(queue, 0, 4) == NAMES[:5]
    assert await queue.getPrioritizedCount() == COUNT
    assert await consumers(queue) < LEVELS


async def test_all_of_few_jobs_are_read_at_once(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "WHOLE", COUNT)
    assert await names(queue, 5, 7) == NAMES[5:8]
    assert await names(queue, 2, 4, asc=False) == NAMES[-3:-6:-1]
