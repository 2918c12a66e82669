"""Pages of large states while their jobs move on between the listing and the look-up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from jetbull import Queue
from jetbull.ledger.job.reading import find_unchanged
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.queue import pages
from jetbull.ledger.store.store import QueueStore

COUNT = pages.WHOLE + 500


@pytest.fixture
async def queue(queue: Queue) -> Queue:
    jobs = [{"name": "n", "data": {}, "opts": {"jobId": f"w{n}"}} for n in range(COUNT)]
    await queue.addBulk(jobs)
    return queue


def remove_while_reading(queue: Queue, monkeypatch: pytest.MonkeyPatch, ids: Iterable[str]) -> None:
    """These jobs are removed when they are listed and not yet looked up."""
    leaving = set(ids)

    async def removing(store: QueueStore, known: Mapping[str, Stored]) -> dict[str, Stored]:
        for job_id in leaving.intersection(known):
            leaving.remove(job_id)
            await queue.remove(job_id)
        return await find_unchanged(store, known)

    monkeypatch.setattr(pages, "find_unchanged", removing)


@pytest.mark.parametrize("ascending", [True, False])
async def test_jobs_that_leave_while_a_page_is_read_give_their_places_to_those_behind(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, ascending: bool
) -> None:
    ordered = [f"w{n}" for n in range(COUNT)]
    if not ascending:
        ordered.reverse()
    remove_while_reading(queue, monkeypatch, ordered[:8])
    found = await queue.getJobs(["waiting"], 0, 9, ascending)
    assert [job.id for job in found] == ordered[8:18]


async def test_a_page_at_the_end_has_no_more_than_what_is_left(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove_while_reading(queue, monkeypatch, [f"w{COUNT - 1}", f"w{COUNT - 3}"])
    found = await queue.getJobs(["waiting"], COUNT - 4, COUNT + 5, True)
    assert [job.id for job in found] == [f"w{COUNT - 4}", f"w{COUNT - 2}"]


async def test_positions_from_the_end_are_those_jobs_and_no_others(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove_while_reading(queue, monkeypatch, [f"w{COUNT - 2}"])
    found = await queue.getJobs(["waiting"], -3, -1, True)
    assert [job.id for job in found] == [f"w{COUNT - 3}", f"w{COUNT - 1}"]


async def test_a_state_that_held_few_at_the_last_look_and_holds_many_now_is_read_as_one_of_many(
    queue: Queue,
) -> None:
    for size in (1, pages.FEW, pages.FEW + 1, pages.FEW + 200):
        have = len(await queue.getDelayed())
        rows = [
            {"name": "n", "data": {}, "opts": {"jobId": f"d{n}", "delay": 3_600_000 + 1000 * n}}
            for n in range(have, size)
        ]
        await queue.addBulk(rows)
        last = f"d{size - 1}"
        assert [job.id for job in await queue.getDelayed(size - 1, size + 5)] == [last]
        assert [job.id for job in await queue.getJobs(["delayed"], 0, 0, False)] == [last]


@pytest.mark.parametrize("looks", [1, 3])
async def test_the_newest_jobs_are_found_again_whatever_came_and_went(
    queue: Queue, looks: int
) -> None:
    newest = [f"w{n}" for n in reversed(range(COUNT))]
    for n in range(12):
        for _ in range(looks):
            found = await queue.getJobs(["waiting"], 0, 9, False)
            assert [job.id for job in found] == newest[:10]
        if n % 3 == 2:
            await queue.remove(newest.pop(0))
        else:
            added = [f"x{n}-{number}" for number in range(n * 20)]
            await queue.addBulk([{"name": "n", "data": {}, "opts": {"jobId": i}} for i in added])
            newest = [*reversed(added), *newest]
