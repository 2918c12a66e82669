"""Commands on many jobs do not wait for each before the next, and keep their order all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import fail
from tests.contract.bullmq.signals import Heard

from jetbull import Job
from jetbull.commands import bulk, retrying
from jetbull.ledger.job import reading

MANY = 250
DELAYED = {"delay": 86_400_000}


class Under:
    """How many calls of a step were under way at once, at the most."""

    def __init__(self, step: Callable[..., Awaitable[None]]) -> None:
        self._step = step
        self._now = self.most = 0

    async def __call__(self, *args: Any) -> None:
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            await self._step(*args)
        finally:
            self._now -= 1


async def test_promoting_all_jobs_has_many_under_way_and_keeps_their_order(
    queue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await queue.addBulk([{"name": "job", "data": n, "opts": DELAYED} for n in range(MANY)])
    under = Under(vars(bulk)["promote_stored"])
    monkeypatch.setattr(bulk, "promote_stored", under)
    await queue.promoteJobs()
    assert [job.data for job in await queue.getWaiting()] == list(range(MANY))
    assert under.most > 10


async def test_retrying_all_jobs_has_many_under_way_and_keeps_their_order(
    make: Makers, queue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await queue.addBulk([{"name": "job", "data": n} for n in range(MANY)])
    worker = make.worker(queue, fail)
    await Heard(worker, "drained").once()
    await worker.close()
    order = [job.data for job in await queue.getFailed()]
    under = Under(retrying.retry_stored)
    monkeypatch.setattr(retrying, "retry_stored", under)
    await queue.retryJobs()
    assert [job.data for job in await queue.getWaiting()] == order[::-1]
    assert await queue.getFailedCount() == 0
    assert under.most > 10


async def test_children_are_put_back_with_their_parents_waiting_for_them(make: Makers) -> None:
    queue, flow = make.queue(), make.flow_producer()
    child = {"queueName": queue.name, "opts": {"ignoreDependencyOnFailure": True}}
    children = [{"name": f"child {n}", "data": n, **child} for n in range(5)]
    root = await flow.add({"name": "parent", "queueName": "parents", "children": children})
    worker = make.worker(queue, fail)
    failed = Heard(worker, "failed")
    async with asyncio.timeout(20):
        while len(failed.calls) < 5:
            await asyncio.sleep(0.01)
    await worker.close()
    await queue.retryJobs()
    assert sorted(job.data for job in await queue.getWaiting()) == list(range(5))
    assert len((await root["job"].getDependencies())["unprocessed"]) == 5


async def test_a_page_of_children_is_read_in_one_go(
    make: Makers, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = make.flow_producer()
    children = [{"name": "child", "queueName": f"kids {n % 2}", "data": n} for n in range(40)]
    root = await flow.add({"name": "parent", "queueName": "parents", "children": children})
    find, asked = reading.find, []

    async def counted(store: Any, job_id: str) -> Any:
        asked.append(job_id)
        return await find(store, job_id)

    monkeypatch.setattr(reading, "find", counted)
    found = await make.queue("parents").getDependencies(root["job"].id, "pending", 5, 34)
    assert [f"{j.queueQualifiedName}:{j.id}" for j in found["jobs"]] == [
        item["id"] for item in found["items"]
    ]
    assert (len(found["jobs"]), found["total"], asked) == (30, 40, [])


async def test_a_concurrency_beyond_all_that_wait_lets_all_of_them_run(
    make: Makers, queue: Any
) -> None:
    count, all_in = 1100, asyncio.Event()
    inside = 0

    async def process(job: Job, token: str) -> None:
        nonlocal inside
        inside += 1
        if inside == count:
            all_in.set()
        await all_in.wait()

    await queue.addBulk([{"name": "n", "data": n} for n in range(count)])
    worker = make.worker(queue, process, concurrency=1_000_000)
    await Heard(worker, "completed").times(count)
