"""What a crash in the wrong moment leaves behind is put right by any worker."""

from __future__ import annotations

import asyncio
import sys

import pytest

from jetbull import Job, Queue, Worker
from jetbull.ledger.adding import deduplication
from jetbull.ledger.belongings import belongings
from jetbull.ledger.job.moving import move
from jetbull.ledger.job.reading import find
from jetbull.ledger.messages.names import last_token
from jetbull.ledger.messages.placing import REMOVED
from jetbull.ledger.queue import event_evidence
from jetbull.ledger.queue.counting import list_subjects
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.streams.inventory import ownerless_subjects
from jetbull.workers import tickets, upkeep
from jetbull.workers.upkeep import Upkeep

from .looking import looked_after


@pytest.mark.parametrize("has_run", [False, True])
async def test_an_add_that_was_kept_starts_when_the_worker_died_before_starting_it_and_only_then(
    shared_url: str, name: str, has_run: bool
) -> None:
    queue = Queue(name, {"connection": shared_url})
    opts = {"deduplication": {"id": "d", "keepLastIfActive": True}}
    first = await queue.add("job", {"n": 1}, opts)
    started, go = asyncio.Event(), asyncio.Event()

    async def process(job: Job, token: str) -> None:
        started.set()
        await go.wait()

    worker = Worker(name, process, {"connection": shared_url})
    await started.wait()
    await queue.add("job", {"n": 2}, {**opts, "jobId": "kept"})
    store = await queue.ledger()
    await worker.close(True)  # its job stays active, as after a crash
    newest = await store.newest(str(first.id))
    assert newest is not None
    await store.purge(newest.subject)
    await store.put(store.names.job("completed", str(first.id)), newest.data, {})
    if has_run:  # and was removed; then the server was killed and gave back the key as it had been
        store.emit("completed", jobId="kept", prev="active")
        await store.event_log.flush()
    await looked_after(store)
    waiting = await queue.getWaiting()
    assert [job.data for job in waiting if job] == ([] if has_run else [{"n": 2}])
    assert (await queue.getDeduplicationJobId("d") is None) == has_run
    await queue.close()


async def test_a_deduplication_id_is_freed_however_many_keys_and_what_else_stand_before_its_own(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jetbull.workers.upkeep._KEYS", 2)
    store = await queue.ledger()
    await store.put(store.names.aux("dedup", "nonsense"), b"nonsense", {})
    for number in range(3):
        await queue.add("job", {}, {"deduplication": {"id": f"held {number}"}})
    owner = await queue.add("job", {}, {"deduplication": {"id": "left"}})
    await store.purge(store.names.any_state(str(owner.id)))
    upkeep = Upkeep(store, old_enough_ms=0)
    for _ in range(3):
        await upkeep.look()
    assert await deduplication.read(store, "left") is None
    assert await deduplication.read(store, "held 2") is not None


@pytest.mark.parametrize("there", [False, True])
async def test_a_deduplication_id_whose_owner_ended_is_freed_although_its_worker_died_before_that(
    shared_url: str, name: str, there: bool
) -> None:
    async with Queue(name, {"connection": shared_url}) as queue:
        job = await queue.add("job", {}, {"deduplication": {"id": "d"}})
        store = await queue.ledger()
        key = store.names.aux("dedup", "d")
        await looked_after(store)
        assert await store.wire.get_last(store.names.space.jobs, key) is not None
        ticket = await store.newest(str(job.id))
        assert ticket is not None
        await store.purge(ticket.subject)
        if there:
            await store.put(store.names.job("completed", str(job.id)), ticket.data, {})
        await looked_after(store)
        assert await store.wire.get_last(store.names.space.jobs, key) is None


async def test_a_deduplication_id_is_freed_behind_more_of_them_than_one_look_reads(
    shared_url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "_KEYS", 2)
    async with Queue(name, {"connection": shared_url}) as queue:
        store = await queue.ledger()
        await store.put(store.names.aux("dedup", "nonsense"), b"\xff nonsense", {})
        for n in range(3):
            await queue.add("job", {}, {"deduplication": {"id": f"lives-{n}"}})
        job = await queue.add("job", {}, {"deduplication": {"id": "ended"}})
        await store.purge(store.names.any_state(str(job.id)))
        worker = Upkeep(store, old_enough_ms=0)
        for _ in range(3):
            await worker.look()
        keys = await list_subjects(store, store.names.all_aux("dedup"))
        assert {last_token(key) for key in keys} == {"lives-0", "lives-1", "lives-2"}


@pytest.mark.parametrize("state", ["wait", "active"])
async def test_a_message_the_server_gave_back_after_a_crash_goes_and_its_job_stays(
    shared_url: str, name: str, state: str
) -> None:
    queue = Queue(name, {"connection": shared_url})
    job = await queue.add("job", {})
    store = await queue.ledger()
    old = await store.newest(str(job.id))
    assert old is not None
    if state == "active":
        await store.purge(old.subject)
        await store.put(store.names.job("active", str(job.id)), old.data, {})
    await store.put(store.names.job("completed", str(job.id)), old.data, {})
    await looked_after(store)
    found = await store.wire.get_batch(
        store.names.space.jobs, {"multi_last": [store.names.any_state(str(job.id))]}
    )
    assert [message.subject for message in found] == [store.names.job("completed", str(job.id))]
    await queue.close()


async def all_of_them(*_: object) -> int:
    """As after a kill -9 of the server: what waits was acknowledged before."""
    return sys.maxsize


@pytest.mark.parametrize("ended", [None, "completed", "failed", "removed"])
async def test_a_ticket_the_server_gave_back_runs_again_only_if_its_job_never_ended(
    shared_url: str, name: str, monkeypatch: pytest.MonkeyPatch, ended: str | None
) -> None:
    monkeypatch.setattr(tickets, "_done_up_to", all_of_them)
    queue = Queue(name, {"connection": shared_url})
    await queue.add("other", {}, {"delay": 60_000})
    job = await queue.add("job", {})
    store = await queue.ledger()
    ticket = await store.newest(str(job.id))
    assert ticket is not None
    if ended is not None:
        store.emit(ended, jobId=str(job.id), prev="active")
        store.emit("completed", jobId="somebody else")
    await store.event_log.flush()
    await looked_after(store)
    newest = await store.newest(str(job.id))
    if ended is None:
        assert newest is not None and newest.seq > ticket.seq
    else:
        assert newest is None
    assert await queue.getDelayedCount() == 1
    await queue.close()


async def test_of_jobs_that_begin_while_their_tickets_are_looked_at_no_events_are_read(
    shared_url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def done_meanwhile(*_: object) -> int:
        for token in "abc":
            job = await worker.getNextJob(token)
            assert job is not None
            await job.moveToCompleted(1, token, False)
        return sys.maxsize

    async def read(*_: object) -> bool:
        raise AssertionError("the events of thousands of jobs take a worker long to read")

    monkeypatch.setattr(tickets, "_done_up_to", done_meanwhile)
    monkeypatch.setattr(event_evidence, "ended_since", read)
    async with (
        Queue(name, {"connection": shared_url}) as queue,
        Worker(name, None, {"connection": shared_url, "autorun": False}) as worker,
    ):
        await queue.addBulk([{"name": "job", "data": {}}] * 3)
        await tickets.look_after(await queue.ledger(), "wait", lambda _: True)
        assert await queue.getJobCounts("completed", "wait") == {"completed": 3, "wait": 0}


@pytest.mark.parametrize(("state", "lane"), [("stalled", "-"), ("settle", "completed")])
async def test_an_expired_lock_or_an_untold_child_that_was_handed_to_nobody_is_handed_out_again(
    shared_url: str, name: str, monkeypatch: pytest.MonkeyPatch, state: str, lane: str
) -> None:
    monkeypatch.setattr(tickets, "_done_up_to", all_of_them)
    queue = Queue(name, {"connection": shared_url})
    job = await queue.add("job", {})
    store = await queue.ledger()
    waiting = await store.newest(str(job.id))
    assert waiting is not None
    await store.purge(waiting.subject)
    subject = store.names.job(state, str(job.id), lane)
    lost = await store.put(subject, waiting.data, {})
    if state == "settle":
        store.emit("completed", jobId=str(job.id), prev="active")
        await store.event_log.flush()
    await looked_after(store)
    newest = await store.newest(str(job.id))
    assert newest is not None
    assert newest.subject == subject
    assert newest.seq > lost
    await queue.close()


@pytest.mark.parametrize("again", [False, True], ids=["gone", "added again"])
async def test_what_belonged_to_a_removed_job_goes_although_its_worker_died_before_that(
    shared_url: str, name: str, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    large, opts = "x" * 100_000, {"jobId": "mine", "removeOnComplete": True}

    async def process(job: Job, token: str) -> None:
        await job.log("row")

    async with Queue(name, {"connection": shared_url}) as queue:
        await queue.add("job", large, opts)
        store, done = await queue.ledger(), asyncio.Event()
        forgotten: list[str] = []

        async def died(_: QueueStore, found: belongings.Found) -> None:
            forgotten.extend(found)

        with monkeypatch.context() as patch:
            patch.setattr(belongings, "remove", died)
            worker = Worker(name, process, {"connection": shared_url})
            worker.on("completed", lambda *_: done.set())
            await done.wait()
            await worker.close()
        assert forgotten == ["mine"]
        if again:
            await queue.add("job", large, opts)
            await Job.addJobLog(queue, "mine", "another row")
        await looked_after(store)
        left = [s for s in await ownerless_subjects(store.wire) if f".{store.names.token}." in s]
        assert left == []
        job = await queue.getJob("mine")
        assert (job is not None and job.data == large) == again
        assert (await queue.getJobLogs("mine"))["count"] == (2 if again else 0)


@pytest.mark.parametrize("state", ["waiting", "prioritized", "completed"])
async def test_a_removed_job_stays_removed_although_who_removed_it_died_before_its_message_was_gone(
    shared_url: str, name: str, state: str
) -> None:
    async with Queue(name, {"connection": shared_url}) as queue:
        await queue.pause()
        jobs = [await queue.add("job", {}, {"priority": int(state == "prioritized")}) for _ in "ab"]
        if state == "completed":
            await queue.resume()
            async with Worker(name, None, {"connection": shared_url, "autorun": False}) as worker:
                for token in "ab":
                    taken = await worker.getNextJob(token)
                    assert taken is not None
                    await taken.moveToCompleted(1, token, False)
        store, job_id = await queue.ledger(), str(jobs[0].id)
        found = await find(store, job_id)
        assert found is not None
        await move(store, job_id, found, found.record.with_head({}), REMOVED, keep_old=True)
        store.informed = True
        await Upkeep(store).look()
        assert await list_subjects(store, store.names.any_state(job_id)) == [
            store.names.job("gone", job_id)
        ]
        assert await queue.getJobState(str(jobs[1].id)) == state


async def test_a_deduplication_id_with_time_left_is_freed_whose_owner_somebody_removed_and_died(
    shared_url: str, name: str
) -> None:
    async with Queue(name, {"connection": shared_url}) as queue:
        opts = {"deduplication": {"id": "d", "ttl": 3_600_000}}
        job = await queue.add("job", {}, opts)
        store = await queue.ledger()
        found = await find(store, str(job.id))
        assert found is not None
        await move(store, str(job.id), found, found.record.with_head({}), REMOVED)
        await looked_after(store)
        assert (await queue.add("job", {}, opts)).id != job.id
