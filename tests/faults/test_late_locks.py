"""A lock that fires although its job has moved on changes nothing, one that expires does."""

from __future__ import annotations

from jetbull import Queue, Worker
from jetbull.ledger.job import late, reading
from jetbull.ledger.job.moving import move
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import ACTIVE, STALLED, WAIT
from jetbull.ledger.messages.placing import DONE, REMOVED, active, waiting

from .apart import apart, closed
from .tickets import Counting, completed, held, settled


async def test_a_lock_that_fires_behind_the_outcome_does_not_run_the_job_again(
    shared_url: str, name: str
) -> None:
    queue = Queue(name, apart(shared_url, 0))
    store = await queue.ledger()
    job = await queue.add("job", {})
    lease, ticket = await held(store, job.id)
    await move(store, job.id, lease, lease.record, DONE["completed"])
    await store.put(ticket.subject, ticket.payload, ticket.headers)
    process = Counting()
    worker = Worker(name, process, apart(shared_url, 1))
    await settled(store, STALLED)
    assert await job.isCompleted()
    assert process.runs == []
    await closed(worker, queue)


async def test_a_lock_that_fires_behind_a_removal_does_not_bring_the_job_back(
    shared_url: str, name: str
) -> None:
    queue = Queue(name, apart(shared_url, 0))
    store = await queue.ledger()
    job = await queue.add("job", {})
    lease, ticket = await held(store, job.id)
    await move(store, job.id, lease, lease.record, REMOVED)
    await store.put(ticket.subject, ticket.payload, ticket.headers)
    process = Counting()
    worker = Worker(name, process, apart(shared_url, 1))
    await settled(store, STALLED)
    assert await queue.getJob(job.id) is None
    assert process.runs == []
    await closed(worker, queue)


async def test_a_lock_that_fires_behind_a_retry_leaves_the_try_counted(
    shared_url: str, name: str
) -> None:
    queue = Queue(name, apart(shared_url, 0))
    store = await queue.ledger()
    job = await queue.add("job", {}, {"attempts": 3})
    lease, ticket = await held(store, job.id)
    tried = lease.record.with_head({**lease.record.head, "attemptsMade": 1})
    await move(store, job.id, lease, tried, waiting())
    await store.put(ticket.subject, ticket.payload, ticket.headers)
    process = Counting()
    worker = Worker(name, process, apart(shared_url, 1))
    await settled(store, STALLED, WAIT, ACTIVE)
    done = await queue.getJob(job.id)
    assert done is not None and done.attemptsMade == 2
    assert process.runs == [job.id]
    await closed(worker, queue)


async def test_a_real_lock_that_expires_is_still_put_back(shared_url: str, name: str) -> None:
    queue = Queue(name, apart(shared_url, 0))
    store = await queue.ledger()
    job = await queue.add("job", {})
    found = await reading.find(store, job.id)
    assert found is not None
    await move(store, job.id, found, found.record, active(now_ms() + 300))
    process = Counting()
    worker = Worker(name, process, apart(shared_url, 1))
    await completed(job)
    assert process.runs == [job.id]
    await closed(worker, queue)


async def test_a_lock_that_the_leader_has_not_taken_away_yet_makes_its_ticket_no_late_one(
    shared_url: str, name: str
) -> None:
    queue = Queue(name, apart(shared_url, 0))
    store = await queue.ledger()
    job = await queue.add("job", {})
    lease, ticket = await held(store, job.id)
    await store.put(ticket.subject, ticket.payload, ticket.headers)
    fired = await reading.find(store, job.id)
    assert fired is not None and fired.subject == ticket.subject
    assert not await late.is_late(store, fired)
    await store.purge(lease.subject)
    assert not await late.is_late(store, fired)
    await queue.close()
