"""Claims and outcomes in one batch are stored as if each had been sent by itself."""

from __future__ import annotations

import asyncio

import pytest

from jetbull import Queue
from jetbull.errors import PayloadTooLarge
from jetbull.ledger.finishing import finishing
from jetbull.ledger.finishing.retention import KEEP_ALL
from jetbull.ledger.job import reading
from jetbull.ledger.job.lease import Lease, LeaseLost
from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.taking import Claim

COUNT = 50


@pytest.fixture
async def queue(queue: Queue) -> Queue:
    await queue.addBulk([{"name": "job", "data": n} for n in range(COUNT)])
    return queue


async def claim(store: QueueStore, job_id: str, ticket: Ticket) -> Lease | None:
    made = Claim(job_id, ticket, f"token-{job_id}", 30_000, None, None)
    made.send(store)
    return await made.lease(store)


async def tickets(store: QueueStore, job_ids: list[str]) -> dict[str, Ticket]:
    found = await reading.find_many(store, job_ids)
    return {job_id: Ticket(found[job_id]) for job_id in job_ids}


async def take_all(store: QueueStore) -> list[Lease]:
    waiting = await tickets(store, [str(n + 1) for n in range(COUNT)])
    leases = await asyncio.gather(*(claim(store, i, t) for i, t in waiting.items()))
    taken = [lease for lease in leases if lease is not None]
    for ticket in waiting.values():
        await store.purge(ticket.stored.subject, seq=ticket.stored.seq + 1)
    return taken


async def test_all_of_a_group_are_claimed_and_completed(queue: Queue) -> None:
    store = await queue.ledger()
    store.grouping.begin(10 * COUNT)
    leases = await take_all(store)
    assert len(leases) == COUNT
    assert await queue.getJobCounts("active", "waiting") == {"active": COUNT, "waiting": 0}
    await asyncio.gather(*(finishing.complete(lease, 1, KEEP_ALL) for lease in leases))
    assert await queue.getJobCounts("active", "completed") == {"active": 0, "completed": COUNT}


async def test_one_message_that_is_too_large_fails_nobody_else(queue: Queue) -> None:
    store = await queue.ledger()
    leases = await take_all(store)
    leases[7].record.head["stacktrace"] = ["x" * store.wire.max_payload]
    store.grouping.begin(10 * COUNT)
    results = await asyncio.gather(
        *(finishing.complete(lease, "value", KEEP_ALL) for lease in leases), return_exceptions=True
    )
    refused = [n for n, result in enumerate(results) if isinstance(result, BaseException)]
    assert refused == [7] and isinstance(results[7], PayloadTooLarge)
    assert (await queue.getJobCounts("completed"))["completed"] == COUNT - 1


async def test_one_refused_message_fails_nobody_else(queue: Queue) -> None:
    store = await queue.ledger()
    leases = await take_all(store)
    await finishing.complete(leases[7], "first", KEEP_ALL)
    store.grouping.begin(10 * COUNT)
    leases[7].ended = False  # as a worker that did not hear of it
    results = await asyncio.gather(
        *(finishing.complete(lease, "second", KEEP_ALL) for lease in leases), return_exceptions=True
    )
    refused = [n for n, result in enumerate(results) if isinstance(result, BaseException)]
    assert refused == [7] and isinstance(results[7], LeaseLost)
    assert (await queue.getJobCounts("completed"))["completed"] == COUNT
    stored = await queue.getJob(leases[7].job_id)
    assert stored is not None and stored.returnvalue == "first"
