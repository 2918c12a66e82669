"""Many jobs removed in one step: all of them or, when one has moved on, none."""

from __future__ import annotations

from typing import Any

import pytest

from jetbull import Queue
from jetbull.commands.removing_many import remove_many
from jetbull.ledger.messages.names import WAIT
from jetbull.ledger.queue import pages
from jetbull.ledger.store.store import QueueStore


async def waiting(queue: Queue, count: int) -> pages.Rows:
    await queue.addBulk([{"name": "job", "data": n, "opts": {}} for n in range(count)])
    return await pages.page(await queue.ledger(), "waiting", 0, -1, True)


async def tickets(store: QueueStore) -> list[int]:
    query = {"next_by_subj": store.names.all_in(WAIT), "seq": 1, "batch": 1000}
    return [m.seq for m in await store.wire.get_batch(store.names.space.jobs, query)]


@pytest.mark.parametrize("count", [3, 60, 150])
async def test_the_others_stay_where_they_are(queue: Queue, count: int) -> None:
    rows = await waiting(queue, count)
    store = await queue.ledger()
    staying = rows[count // 2 :: 7]
    going = [row for row in rows if row not in staying]
    gone, refused = await remove_many(store, going, staying)
    assert (len(gone), refused) == (len(going), [])
    assert await tickets(store) == [stored.seq for _, stored in staying]
    left = await queue.getJobs(["waiting"], 0, -1, True)
    assert [job.id for job in left] == [job_id for job_id, _ in staying]


async def test_a_step_with_a_job_that_moved_on_does_nothing(queue: Queue) -> None:
    rows = await waiting(queue, 60)
    job = await queue.getJob(rows[30][0])
    assert job is not None
    await job.changePriority({"priority": 5})
    store = await queue.ledger()
    gone, refused = await remove_many(store, rows, [])
    assert (gone, len(refused)) == ([], 60)
    assert len(await tickets(store)) == 59


async def test_a_drain_that_meets_such_a_job_removes_all_others(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = pages.page

    async def page(store: QueueStore, state: str, *args: Any) -> pages.Rows:
        rows = await read(store, state, *args)
        if state == "waiting":
            job = await queue.getJob(rows[0][0])
            assert job is not None
            await job.remove()
            await queue.add("again", {}, {"jobId": "late"})
        return rows

    rows = await waiting(queue, 120)
    monkeypatch.setattr("jetbull.commands.cleaning.pages.page", page)
    await queue.drain()
    monkeypatch.undo()
    assert [job.id for job in await queue.getJobs(["waiting"])] == ["late"]
    assert len(await tickets(await queue.ledger())) == 1
    assert len(rows) == 120
