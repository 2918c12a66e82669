"""Many delayed jobs are listed by due time, then in the order of adding, whatever happens."""

from __future__ import annotations

import random

import pytest

from jetbull import Job, Queue
from jetbull.ledger.queue import pages
from jetbull.ledger.store import due_order

COUNT = 120
HOUR_MS = 3_600_000


@pytest.fixture
async def queue(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> Queue:
    """A queue of which more than ten jobs are many, and more than seven messages an answer."""
    monkeypatch.setattr(pages, "FEW", 10)
    monkeypatch.setattr(pages, "WHOLE", 10)
    monkeypatch.setattr(pages, "_SHORT", 10)
    monkeypatch.setattr(due_order, "_CHUNK", 7)
    return queue


async def fill(queue: Queue) -> list[str]:
    """Delayed jobs added in shuffled order, some due at the same time; ids by due time."""
    delays = [HOUR_MS + 60_000 * (n // 3) for n in range(COUNT)]
    random.Random(1).shuffle(delays)
    rows = [
        {"name": "n", "data": n, "opts": {"jobId": f"j{n}", "delay": delay, "timestamp": 1 << 41}}
        for n, delay in enumerate(delays)
    ]
    await queue.addBulk(rows)
    return [f"j{n}" for n in sorted(range(COUNT), key=lambda n: (delays[n], n))]


async def ids(queue: Queue, start: int, end: int, asc: bool = True) -> list[str]:
    return [str(job.id) for job in await queue.getJobs(["delayed"], start, end, asc)]


async def listed_everywhere(queue: Queue, expected: list[str]) -> None:
    """Pages from both ends and from the middle agree with the whole list."""
    size = len(expected)
    for start in (0, 5, size // 2, size - 10, size - 3):
        assert await ids(queue, start, start + 9) == expected[start : start + 10], start
        backwards = expected[::-1][start : start + 10]
        assert await ids(queue, start, start + 9, asc=False) == backwards, start
    assert await ids(queue, -5, -2) == expected[-5:-1]
    assert await ids(queue, 0, -1) == expected


async def the(queue: Queue, job_id: str) -> Job:
    job = await Job.fromId(queue, job_id)
    assert job is not None
    return job


async def test_pages_are_by_due_time_and_then_in_the_order_of_adding(queue: Queue) -> None:
    await listed_everywhere(queue, await fill(queue))


@pytest.mark.parametrize("position", [0, 3, COUNT // 2, COUNT - 3, COUNT - 1])
async def test_a_job_that_was_removed_leaves_no_gap(queue: Queue, position: int) -> None:
    expected = await fill(queue)
    await listed_everywhere(queue, expected)
    await (await the(queue, expected.pop(position))).remove()
    await listed_everywhere(queue, expected)


async def test_a_job_added_later_is_found_at_its_place(queue: Queue) -> None:
    expected = await fill(queue)
    await listed_everywhere(queue, expected)
    first = await queue.add("n", {}, {"delay": 60_000, "jobId": "first", "timestamp": 1 << 41})
    last = await queue.add("n", {}, {"delay": 99 * HOUR_MS, "timestamp": 1 << 41})
    await listed_everywhere(queue, [first.id, *expected, last.id])


async def test_another_delay_is_another_place(queue: Queue) -> None:
    expected = await fill(queue)
    await listed_everywhere(queue, expected)
    moved = expected.pop(COUNT // 2)
    await (await the(queue, moved)).changeDelay(99 * HOUR_MS)
    expected.insert(0, moved)  # from now on, and the others' timestamps lie in the future
    await listed_everywhere(queue, expected)


async def test_other_data_is_no_other_place(queue: Queue) -> None:
    expected = await fill(queue)
    for job_id in (expected[4], expected[60]):
        await (await the(queue, job_id)).updateData({"before": "the first page"})
    await listed_everywhere(queue, expected)
    for job_id in (expected[4], expected[61], expected[-1]):
        await (await the(queue, job_id)).updateData({"after": "it"})
    await listed_everywhere(queue, expected)
    await (await the(queue, expected.pop(4))).remove()
    await listed_everywhere(queue, expected)


async def test_promoted_jobs_go_by_due_time(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jetbull.commands.bulk._PAGE", 25)
    expected = await fill(queue)
    await queue.promoteJobs()
    monkeypatch.setattr(pages, "FEW", 2000)
    monkeypatch.setattr(pages, "WHOLE", 2000)
    assert [job.id for job in await queue.getWaiting()] == expected
    assert await queue.getDelayedCount() == 0


async def test_jobs_that_this_process_promoted_are_neither_looked_for_nor_read_again(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jetbull.commands.bulk._PAGE", 25)
    read: list[int] = []
    due_of = due_order._due_of

    def noted(seq: int, data: bytes) -> tuple[int, int, int]:
        read.append(seq)
        return due_of(seq, data)

    monkeypatch.setattr(due_order, "_due_of", noted)
    weeded: list[bool] = []
    weed = due_order.DueOrder._weed

    async def told(order: due_order.DueOrder, count: int, back: bool) -> None:
        weeded.append(back)
        await weed(order, count, back)

    monkeypatch.setattr(due_order.DueOrder, "_weed", told)
    await fill(queue)
    await queue.promoteJobs()
    assert len(read) == COUNT
    assert weeded == []


async def test_more_than_are_sorted_come_in_the_order_of_adding(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "LIMIT", COUNT - 1)
    await fill(queue)
    assert await ids(queue, 0, 9) == [f"j{n}" for n in range(10)]
