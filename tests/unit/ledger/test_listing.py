"""Pages that are asked for again while nothing changes, and by many at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from jetbull import Queue
from jetbull.ledger.queue import kept, listing
from jetbull.ledger.queue.pages import Rows, page
from jetbull.ledger.store.store import QueueStore
from jetbull.server import EmbeddedServer

COUNT = 100  # more than are read whole


@pytest.fixture
async def queue(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Queue]:
    """A queue whose stream counts as one at rest at the second look."""
    monkeypatch.setattr(kept, "_SETTLED_S", 0.0)
    with EmbeddedServer() as server:
        async with Queue("watched", {"connection": server.url}) as queue:
            await queue.addBulk([{"name": "job", "data": {"n": n}} for n in range(COUNT)])
            yield queue


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The states of which a page was read."""
    states: list[str] = []

    async def noted(store: QueueStore, state: str, *rest: Any) -> Rows:
        states.append(state)
        return await page(store, state, *rest)

    monkeypatch.setattr(listing, "page", noted)
    return states


async def numbers(queue: Queue, start: int = 0, end: int = 19) -> list[int]:
    return [job.data["n"] for job in await queue.getWaiting(start, end)]


async def test_a_page_is_read_once_as_long_as_nothing_changes(
    queue: Queue, reads: list[str]
) -> None:
    for _ in range(40):
        assert await numbers(queue) == list(range(20))
    assert len(reads) < 10


async def test_what_another_process_changes_is_on_the_next_page_that_is_asked_for(
    queue: Queue, reads: list[str]
) -> None:
    connection = {"url": queue.opts["connection"], "name": "other"}
    async with Queue("watched", {"connection": connection}) as other:
        for n in range(COUNT, COUNT + 40):
            assert await numbers(queue, -3, -1) == [n - 3, n - 2, n - 1]
            await other.add("job", {"n": n})
        job = (await queue.getWaiting(0, 0))[0]
        for progress in range(40):
            await (await other.getJob(job.id)).updateProgress(progress)  # type: ignore[union-attr]
            assert (await queue.getWaiting(0, 0))[0].progress == progress


async def test_callers_at_the_same_time_share_a_page_and_each_has_jobs_of_its_own(
    queue: Queue, reads: list[str]
) -> None:
    job = (await queue.getWaiting(0, 0))[0]
    await job.updateProgress({"part": [1]})
    reads.clear()
    found = await asyncio.gather(*(queue.getWaiting(0, 0) for _ in range(20)))
    assert len(reads) <= 2
    first, *others = [jobs[0] for jobs in found]
    assert isinstance(first.progress, dict)
    first.data["n"] = "changed"
    first.progress["part"].append(2)
    first.opts["attempts"] = 7
    for other in others:
        assert (other.data, other.progress) == ({"n": 0}, {"part": [1]})
        assert other.opts.get("attempts") != 7


async def test_few_pages_are_kept(queue: Queue) -> None:
    for start in range(30):
        await numbers(queue, start, start + 9)
    assert len((await queue.ledger()).pages) == 16


async def test_a_page_of_much_is_not_kept(queue: Queue) -> None:
    await queue.add("large", {"text": "x" * 300_000})
    assert len(await queue.getWaiting()) == COUNT + 1
    assert len(await queue.getDelayed()) == 0
    assert len((await queue.ledger()).pages) == 1
