"""Jobs that are removed as they complete: their ticket and what belongs to them go as well."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jetbull import Job, Queue, Worker
from jetbull.ledger.finishing import finishing
from jetbull.ledger.finishing.retention import Keep
from jetbull.ledger.job import reading
from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.messages.names import GONE, WAIT, state_of
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.taking import Claim


def apart(queue: Queue, number: int) -> dict[str, Any]:
    """Options with a connection of its own, as another process has."""
    return {"connection": {"url": queue.opts["connection"], "name": f"client{number}"}}


async def states(store: QueueStore, job_id: str) -> list[str]:
    """Where the job has messages, tickets included."""
    query = {"multi_last": [store.names.any_state(job_id)]}
    found = await store.wire.get_batch(store.names.space.jobs, query)
    return [state_of(message.subject) for message in found]


@pytest.mark.parametrize("policy", [True, 0, {"count": 0}])
async def test_nothing_but_the_tombstone_is_left(queue: Queue, policy: Any) -> None:
    jobs = 150
    done: list[str] = []
    all_done = asyncio.Event()

    async def process(job: Job, token: str) -> None:
        done.append(str(job.id))
        if len(done) == jobs:
            all_done.set()

    opts = {"removeOnComplete": policy}
    await queue.addBulk([{"name": "job", "data": n, "opts": opts} for n in range(jobs)])
    worker = Worker(queue.name, process, {**apart(queue, 1), "concurrency": 7})
    await all_done.wait()
    await worker.close()
    store = await queue.ledger()
    assert await store.wire.get_last(store.names.space.jobs, store.names.all_in(WAIT)) is None
    assert {tuple(await states(store, job_id)) for job_id in done} == {(GONE,)}


async def test_a_ticket_whose_acknowledgement_is_lost_is_removed_with_the_job(
    queue: Queue,
) -> None:
    job = await queue.add("job", {}, {"removeOnComplete": True})
    store = await queue.ledger()
    stored = await reading.find(store, str(job.id))
    assert stored is not None
    ticket = Ticket(stored, reply="nobody.answers.here")
    lease = await Claim(str(job.id), ticket, "token", 30_000, None, None).lease(store)
    assert lease is not None
    assert sorted(await states(store, str(job.id))) == ["active", WAIT]
    await finishing.complete(lease, "value", Keep(count=0))
    assert await states(store, str(job.id)) == [GONE]


async def test_rows_and_large_values_of_another_process_go_with_the_job(queue: Queue) -> None:
    written, done = asyncio.Event(), asyncio.Event()

    async def process(job: Job, token: str) -> None:
        await written.wait()

    elsewhere = Queue(queue.name, apart(queue, 2))
    worker = Worker(queue.name, process, apart(queue, 1))
    worker.on("completed", lambda *_: done.set())
    await worker.waitUntilReady()
    assert (await worker.ledger()).informed
    job = await elsewhere.add("job", {"text": "x" * 200_000}, {"removeOnComplete": True})
    await elsewhere.addJobLog(str(job.id), "a row")
    written.set()
    await done.wait()
    store = await queue.ledger()
    space, names = store.names.space, store.names
    assert await store.wire.get_last(space.logs, names.all_logs()) is None
    assert await store.wire.get_last(space.objects, names.all_objects()) is None
    await worker.close()
    await elsewhere.close()
