"""A schedule can fire although its job moved on in that very moment: the ticket counts for nothing.

The server stores what a schedule turns into without a guard, so these tests store such a ticket by
hand behind the step that came first.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from jetbull import Job, Queue, QueueEvents, Worker
from jetbull.errors import JetbullError, JobError
from jetbull.ledger.job import late, reading
from jetbull.ledger.job.promoting import promote_due
from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.messages import placing
from jetbull.ledger.messages.names import ACTIVE, PRIO, WAIT
from jetbull.ledger.store import promoter
from jetbull.ledger.taking.taking import Claim

from .apart import apart, closed
from .tickets import Counting, completed, settled


async def test_a_delay_that_fires_behind_a_promotion_runs_the_job_once(
    shared_url: str, name: str
) -> None:
    queue = Queue(name, apart(shared_url, 0))
    store = await queue.ledger()
    job = await queue.add("job", {}, {"delay": 60_000})
    delayed = await reading.find(store, job.id)
    assert delayed is not None
    process = Counting()
    worker = Worker(name, process, apart(shared_url, 1))
    await job.promote()
    await completed(job)
    await store.put(store.names.job(WAIT, job.id), delayed.record.encode(), {})
    await settled(store, WAIT, ACTIVE)
    assert await job.isCompleted()
    assert process.runs == [job.id]
    await closed(worker, queue)


@pytest.mark.parametrize("priority", [0, 3], ids=["beside", "over"])
async def test_a_delay_that_fires_over_a_promotion_in_a_workers_hand_does_not_lose_the_job(
    shared_url: str, name: str, priority: int
) -> None:
    queue = Queue(name, apart(shared_url, 0))
    store = await queue.ledger()
    job = await queue.add("job", {}, {"delay": 60_000, "priority": priority})
    delayed = await reading.find(store, job.id)
    await job.promote()
    promoted = await reading.find(store, job.id)
    assert delayed is not None and promoted is not None
    line = (PRIO, job.id, str(priority)) if priority else (WAIT, job.id)
    await store.put(store.names.job(*line), delayed.record.encode(), {})
    hand = Ticket(promoted, "", 0.0)
    lease = await Claim(job.id, hand, "token", 1000, None, None).lease(store)
    assert (lease is None) == bool(priority)
    process = Counting()
    worker = Worker(name, process, apart(shared_url, 1))
    await completed(job)  # once the lock is over
    assert process.runs == [job.id]
    await closed(worker, queue)


async def test_a_promotion_to_a_priority_leaves_a_job_alone_that_is_about_to_fire(
    shared_url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (placing, promoter):  # nobody but the server promotes, not even what is overdue
        monkeypatch.setattr(module, "HORIZON_MS", -60_000)
    queue = Queue(name, apart(shared_url, 0))
    store = await queue.ledger()
    job = await queue.add("job", {}, {"delay": 1, "priority": 3})
    with suppress(JobError):  # it has fired already
        await job.promote()
    ticket = await reading.find(store, job.id)
    assert ticket is not None and late.fired(ticket)
    await closed(queue)


async def test_a_delay_that_fires_over_a_promotion_is_told_once(shared_url: str, name: str) -> None:
    queue = Queue(name, apart(shared_url, 0))
    store = await queue.ledger()
    job = await queue.add("job", {}, {"delay": 60_000})
    delayed = await reading.find(store, job.id)
    assert delayed is not None
    await promote_due(store, [(str(job.id), delayed.record.head["due"])])
    await store.put(store.names.job(WAIT, job.id), delayed.record.encode(), {})
    events = QueueEvents(name, {**apart(shared_url, 0), "lastEventId": "0"})
    told: list[Any] = []
    done = asyncio.Event()
    events.on("waiting", lambda args, _: told.append(args.get("prev")))
    events.on("completed", lambda args, _: done.set())
    worker = Worker(name, Counting(), apart(shared_url, 0))
    async with asyncio.timeout(30):
        await done.wait()
    assert told == ["delayed"]
    await events.close()
    await closed(worker, queue)


async def test_a_delayed_job_added_over_a_removed_one_of_its_id_runs_when_due(
    shared_url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (placing, promoter):
        monkeypatch.setattr(module, "HORIZON_MS", 500)
    queue = Queue(name, apart(shared_url, 0))
    opts = {"jobId": "same", "delay": 3000}  # so far that the server's schedule lets it go
    bulk: list[dict[str, Any]] = [{"name": "job", "data": {}, "opts": {**opts, "jobId": "bulk"}}]
    for _ in range(2):
        await queue.remove("same")
        await queue.remove("bulk")
        await queue.add("job", {}, opts)
        await queue.addBulk(bulk)
    process = Counting()
    worker = Worker(name, process, apart(shared_url, 1))
    async with asyncio.timeout(40):
        while sorted(process.runs) != ["bulk", "same"]:
            await asyncio.sleep(0.05)
    await closed(worker, queue)


async def _changed(job: Job, what: str) -> None:
    if what == "delay":
        await job.changeDelay(30_000)
    elif what == "priority":
        await job.changePriority({"priority": 3})
    else:
        await job.updateData(2)


@pytest.mark.parametrize("priority", [0, 5])
@pytest.mark.parametrize("what", ["delay", "priority", "data"])
async def test_a_job_that_comes_due_while_it_is_changed_is_changed_behind_that(
    shared_url: str, name: str, monkeypatch: pytest.MonkeyPatch, what: str, priority: int
) -> None:
    monkeypatch.setattr(late, "_AT_HAND_MS", 120_000)  # so that it fires about now
    async with Queue(name, apart(shared_url, 0)) as queue:
        store = await queue.ledger()
        job = await queue.add("job", 1, {"delay": 60_000, "priority": priority})
        changing = asyncio.ensure_future(_changed(job, what))
        delayed = await store.newest(job.id)
        assert delayed is not None
        ticket = dict(delayed.headers)
        target = ticket["Nats-Schedule-Target"]
        await asyncio.wait([changing], timeout=0.1)
        assert not changing.done()
        gone = {"Nats-Schedule-Next": "purge", "Nats-Scheduler": delayed.subject}
        await store.put(target, delayed.data, gone)  # as the server does
        async with asyncio.timeout(10):
            if what == "delay":
                with pytest.raises(JetbullError, match="not in the delayed state"):
                    await changing
            else:
                await changing
        found = await queue.getJob(job.id)
        assert found is not None
        assert found.data == (2 if what == "data" else 1)
        assert found.priority == (3 if what == "priority" else priority)
        assert await found.getState() == ("prioritized" if found.priority else "waiting")
