"""kill -9 of nats-server gives back what was overwritten by what has been removed since.

None of that may run a job again, or bring back what was removed.
"""

from __future__ import annotations

import asyncio

import pytest

from jetbull import FlowProducer, Job, Queue, Worker
from jetbull.commands.inserting import finish_abandoned
from jetbull.errors import StoreError
from jetbull.ledger.messages.names import WAIT, state_of
from jetbull.ledger.queue import counting
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire.pace import Pace
from jetbull.server import EmbeddedServer
from jetbull.workers.upkeep import Upkeep

from .looking import looked_after
from .noted import Halting

YEARLY = {"pattern": "0 0 1 1 *"}
GONE_AFTERWARDS = {"removeOnComplete": True}


async def killed(server: EmbeddedServer, store: QueueStore) -> None:
    """kill -9 of the server, and a new one with its data."""
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
    await store.wire.connected()


async def run_all(queue: Queue, url: str, jobs: int) -> list[str]:
    """The ids of so many jobs, in the order in which a worker ran them."""
    ran: list[str] = []
    all_ran = asyncio.Event()

    async def process(job: Job, token: str) -> None:
        ran.append(str(job.id))

    def completed(job: Job, result: object) -> None:
        if len(ran) == jobs:
            all_ran.set()

    worker = Worker(queue.name, process, {"connection": url})
    worker.on("completed", completed)
    async with asyncio.timeout(30):
        await all_ran.wait()
    await worker.close()
    return ran


async def living(store: QueueStore) -> list[str]:
    """Subjects of jobs that are not removed, whatever is newer."""
    found = await counting.list_subjects(store, store.names.all_jobs())
    return [subject for subject in found if state_of(subject) != "gone"]


async def test_a_delayed_job_whose_data_changed_does_not_come_back(
    server: EmbeddedServer, name: str
) -> None:
    async with Queue(name, {"connection": server.url}) as queue:
        job = await queue.add("job", 1, {"delay": 400, **GONE_AFTERWARDS})
        await job.updateData(2)
        await job.updateData(3)
        await run_all(queue, server.url, 1)
        store = await queue.ledger()
        await killed(server, store)
        assert await living(store) == []


async def test_a_job_that_went_to_the_head_again_and_again_does_not_come_back(
    server: EmbeddedServer, name: str
) -> None:
    async with Queue(name, {"connection": server.url}) as queue:
        jobs = [await queue.add("job", n, {"lifo": True, **GONE_AFTERWARDS}) for n in range(3)]
        for job in (jobs[1], jobs[1], jobs[0]):
            await job.changePriority({"priority": 0, "lifo": True})
        assert [job.data for job in await queue.getWaiting()] == [0, 1, 2]
        assert await run_all(queue, server.url, 3) == [jobs[n].id for n in (0, 1, 2)]
        store = await queue.ledger()
        await killed(server, store)
        assert await living(store) == []


async def test_a_job_that_was_promoted_just_when_its_schedule_fired_does_not_come_back(
    server: EmbeddedServer, name: str
) -> None:
    async with Queue(name, {"connection": server.url}) as queue:
        store = await queue.ledger()
        job = await queue.add("job", 1, {"delay": 60_000, **GONE_AFTERWARDS})
        delayed = await store.newest(job.id)
        assert delayed is not None
        await job.promote()
        await store.put(store.names.job(WAIT, job.id), delayed.data, {})  # as the server does
        assert await run_all(queue, server.url, 1) == [job.id]
        await killed(server, store)
        assert await living(store) == []


@pytest.mark.parametrize("way", ["remove", "drain"])
async def test_nothing_is_left_of_a_removed_job_that_was_promoted_just_when_its_schedule_fired(
    server: EmbeddedServer, name: str, way: str
) -> None:
    async with Queue(name, {"connection": server.url}) as queue:
        store = await queue.ledger()
        job = await queue.add("job", 1, {"delay": 60_000})
        delayed = await store.newest(job.id)
        assert delayed is not None
        await job.promote()
        await store.put(store.names.job(WAIT, job.id), delayed.data, {})  # as the server does
        await (job.remove() if way == "remove" else queue.drain())
        assert await living(store) == []


async def test_a_waiting_job_that_went_to_the_end_of_its_line_does_not_come_back(
    server: EmbeddedServer, name: str
) -> None:
    async with Queue(name, {"connection": server.url}) as queue:
        jobs = [await queue.add("job", n, GONE_AFTERWARDS) for n in range(3)]
        for job in (jobs[0], jobs[1], jobs[0]):
            await job.changePriority({"priority": 0})
        assert await run_all(queue, server.url, 3) == [jobs[n].id for n in (2, 1, 0)]
        store = await queue.ledger()
        await killed(server, store)
        assert await living(store) == []


async def test_a_parent_whose_data_changed_does_not_come_back(
    server: EmbeddedServer, name: str
) -> None:
    async with Queue(name, {"connection": server.url}) as queue:
        flow = FlowProducer({"connection": server.url})
        child = {"name": "child", "queueName": name, "opts": GONE_AFTERWARDS}
        parent = {"name": "parent", "queueName": name, "opts": GONE_AFTERWARDS}
        tree = await flow.add({**parent, "children": [child]})
        assert tree is not None
        await tree["job"].updateData(2)
        await tree["job"].updateProgress(50)
        await flow.close()
        await run_all(queue, server.url, 2)
        store = await queue.ledger()
        await killed(server, store)
        assert await living(store) == []


@pytest.mark.parametrize("noted", [True, False], ids=["noted", "batch"])
async def test_neither_a_removed_scheduler_nor_its_job_comes_back(
    server: EmbeddedServer, name: str, monkeypatch: pytest.MonkeyPatch, noted: bool
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: noted)
    async with Queue(name, {"connection": server.url}) as queue:
        for number in range(3):
            await queue.upsertJobScheduler("mine", YEARLY, job_data=number)
        assert [job.data for job in await queue.getDelayed()] == [2]
        assert await queue.removeJobScheduler("mine") == 0
        store = await queue.ledger()
        await killed(server, store)
        assert await living(store) == []
        assert await queue.getJobSchedulers() == []
        assert await queue.removeJobScheduler("mine") == 1
        await queue.upsertJobScheduler("mine", YEARLY, job_data="new")
        assert [job.data for job in await queue.getDelayed()] == ["new"]


@pytest.mark.parametrize("noted", [True, False], ids=["noted", "batch"])
@pytest.mark.parametrize("keep", [True, False], ids=["kept", "removed"])
async def test_an_add_that_was_kept_and_has_run_does_not_run_again(
    server: EmbeddedServer, name: str, monkeypatch: pytest.MonkeyPatch, keep: bool, noted: bool
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: noted)
    opts = {
        "deduplication": {"id": "d", "keepLastIfActive": True},
        "removeOnComplete": not keep,
    }
    ran: list[int] = []
    begun, go, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def process(job: Job, token: str) -> None:
        begun.set()
        await go.wait()
        ran.append(job.data)

    def completed(job: Job, result: object) -> None:
        if ran == [1, 2]:
            done.set()

    async with Queue(name, {"connection": server.url}) as queue:
        worker = Worker(name, process, {"connection": server.url})
        worker.on("completed", completed)
        async with asyncio.timeout(30):
            await queue.add("job", 1, opts)
            await begun.wait()
            await queue.add("job", 2, opts)
            go.set()
            await done.wait()
            await worker.close()
        store = await queue.ledger()
        await killed(server, store)
        await looked_after(store)
        assert await queue.getWaiting() == []
        assert await counting.list_subjects(store, store.names.all_aux("dedup")) == []


async def test_a_patch_of_a_job_that_is_gone_goes(server: EmbeddedServer, name: str) -> None:
    async with Queue(name, {"connection": server.url}) as queue:
        job = await queue.add("job", 1, GONE_AFTERWARDS)
        kept = await queue.add("other", 1)
        await queue.add("waits", 1, {"jobId": "waits"})
        for number in (2, 3):
            await job.updateData(number)
            await kept.updateData(number)
        await run_all(queue, server.url, 3)
        waits = await queue.add("waits", 1, {"jobId": "waits still"})
        await waits.updateData(4)
        store = await queue.ledger()
        await killed(server, store)
        await looked_after(store)
        patches = await counting.list_subjects(store, store.names.all_aux("patch"))
        assert patches == [store.names.aux("patch", "waits still")]
        found = await queue.getJob("waits still")
        assert found is not None and found.data == 4


@pytest.mark.parametrize("state", ["delayed", "active"])
async def test_a_schedule_of_the_past_goes_and_its_job_stays(
    server: EmbeddedServer, name: str, state: str
) -> None:
    async with Queue(name, {"connection": server.url}) as queue:
        job = await queue.add("job", 1, {"delay": 60_000})
        store = await queue.ledger()
        old = await store.newest(str(job.id))
        assert old is not None
        past = {
            "Nats-Schedule": "@at 2100-01-01T00:00:00Z",
            "Nats-Schedule-Target": store.names.job("stalled", str(job.id)),
        }
        await store.purge(old.subject)
        await store.put(store.names.job(state, str(job.id)), old.data, past)
        completed = store.names.job("completed", str(job.id))
        await store.put(completed, old.data, {})
        await _WithEverythingDue(store, old_enough_ms=0).look()
        assert await living(store) == [completed]


class _WithEverythingDue(Upkeep):
    """For which the time of every schedule is over."""

    def _is_over(self, schedule: object) -> bool:
        return True


async def test_what_cannot_be_put_right_keeps_nothing_else_from_being_put_right(
    server: EmbeddedServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object) -> None:
        raise StoreError("The server refused.")

    monkeypatch.setattr(Upkeep, "_remembered", refused)
    async with Queue(name, {"connection": server.url}) as queue:
        job = await queue.add("job", 1)
        store = await queue.ledger()
        patch = store.names.aux("patch", str(job.id))
        await job.updateData(2)
        await run_all(queue, server.url, 1)
        await store.put(patch, b"{}\n{}\n2", {})
        await store.purge(store.names.any_state(str(job.id)))
        await looked_after(store)
        assert await counting.list_subjects(store, patch) == []


@pytest.mark.parametrize("lifo", [False, True])
async def test_a_job_that_keeps_its_priority_does_not_come_back(
    server: EmbeddedServer, name: str, lifo: bool
) -> None:
    async with Queue(name, {"connection": server.url}) as queue:
        opts = {"priority": 5, **GONE_AFTERWARDS}
        jobs = [await queue.add("job", n, opts) for n in range(3)]
        for job in (jobs[0], jobs[1], jobs[0]):
            await job.changePriority({"priority": 5, "lifo": lifo})
        order = (1, 0, 2) if lifo else (2, 1, 0)
        assert await run_all(queue, server.url, 3) == [jobs[n].id for n in order]
        store = await queue.ledger()
        await killed(server, store)
        assert await living(store) == []


async def test_a_child_of_a_flow_that_a_worker_stored_is_not_waited_for_again(
    server: EmbeddedServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: True)
    child = {"name": "child", "queueName": name}
    async with Queue(name, {"connection": server.url}) as queue:
        flow = FlowProducer({"connection": server.url})
        with monkeypatch.context() as patch:
            Halting(patch, 0)
            with pytest.raises(InterruptedError):
                await flow.add({"name": "parent", "queueName": name, "children": [child] * 2})
        await flow.close()
        store = await queue.ledger()
        await finish_abandoned(store, 0)
        await run_all(queue, server.url, 3)
        await killed(server, store)
        assert await counting.list_subjects(store, store.names.space.all_pending()) == []
