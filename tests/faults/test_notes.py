"""A few jobs are noted before they are stored: whoever finds the note stores what is missing."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from jetbull import FlowProducer, Queue, Worker
from jetbull.commands.inserting import finish_abandoned
from jetbull.commands.preparing import prepare
from jetbull.errors import StoreError
from jetbull.job import Job
from jetbull.ledger import notes
from jetbull.ledger.adding import add, message_for
from jetbull.ledger.counting import list_subjects
from jetbull.ledger.events import decode
from jetbull.ledger.insertion import Entry
from jetbull.ledger.notes import Note
from jetbull.ledger.store import QueueStore
from jetbull.server import EmbeddedServer

_CHILDREN = 4


@pytest.fixture
async def queue(shared_url: str, name: str) -> AsyncIterator[Queue]:
    made = Queue(name, {"connection": shared_url})
    yield made
    await made.close()


class Halting:
    """Stops an insertion where its process dies: behind the note and so many of its jobs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, jobs: int) -> None:
        self._write, self._jobs = notes.write, jobs
        monkeypatch.setattr(notes, "write", self.write)

    async def write(self, store: QueueStore, entries: Any, key: str = "") -> Note:
        note = await self._write(store, entries, key)
        for entry in note.jobs[: self._jobs]:
            message = message_for(entry.store, entry.job)
            await store.put(message.subject, message.payload, message.headers)
        raise InterruptedError


async def flow_left(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, jobs: int, **opts: Any
) -> QueueStore:
    """A flow of a parent and its children whose process died."""
    producer = FlowProducer(queue.opts["connection"])
    children = [
        {"name": f"child {n}", "queueName": queue.name, "data": n, "opts": opts}
        for n in range(_CHILDREN)
    ]
    with monkeypatch.context() as patch:
        Halting(patch, jobs)
        with pytest.raises(InterruptedError):
            await producer.add({"name": "parent", "queueName": queue.name, "children": children})
    await producer.close()
    return await queue.ledger()


async def left_notes(store: QueueStore) -> list[str]:
    return await list_subjects(store, store.names.all_aux("note"))


class Running:
    """A worker that writes down what ran, and what a parent got of its children."""

    def __init__(self, queue: Queue) -> None:
        self.ran: list[str] = []
        self.values: dict[str, Any] = {}
        self.jobs = asyncio.Semaphore(0)
        self.worker = Worker(queue.name, self._process, {"connection": queue.opts["connection"]})
        self.worker.on("completed", lambda *_: self.jobs.release())

    async def _process(self, job: Job[Any, Any], _: str) -> Any:
        self.ran.append(str(job.name))
        if job.name == "parent":
            self.values = await job.getChildrenValues()
        return job.data

    async def done(self, jobs: int) -> None:
        """Returns when so many more jobs are done."""
        async with asyncio.timeout(20):
            for _ in range(jobs):
                await self.jobs.acquire()


@pytest.mark.parametrize("jobs", range(_CHILDREN + 2))
async def test_a_flow_of_which_some_was_stored_becomes_whole_and_runs_once(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    store = await flow_left(queue, monkeypatch, jobs)
    running = Running(queue)
    await finish_abandoned(store, 0)
    await running.done(_CHILDREN + 1)
    await running.worker.close()
    assert running.ran[-1] == "parent"
    assert sorted(running.ran[:-1]) == [f"child {n}" for n in range(_CHILDREN)]
    assert sorted(running.values.values()) == list(range(_CHILDREN))
    assert await left_notes(store) == []


async def test_a_flow_is_made_whole_although_its_first_jobs_ran_and_were_removed(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await flow_left(queue, monkeypatch, 3, removeOnComplete=True)
    running = Running(queue)
    await running.done(2)
    await finish_abandoned(store, 0)
    await running.done(_CHILDREN - 1)
    await running.worker.close()
    assert sorted(running.ran) == [*(f"child {n}" for n in range(_CHILDREN)), "parent"]
    assert sorted(running.values.values()) == list(range(_CHILDREN))


async def test_several_workers_that_find_one_note_store_each_job_once(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await flow_left(queue, monkeypatch, 2)
    others = [Queue(queue.name, {"connection": queue.opts["connection"]}) for _ in range(3)]
    stores = [await other.ledger() for other in others]
    await asyncio.gather(*(finish_abandoned(one, 0) for one in [store, *stores]))
    assert await queue.getJobCounts("waiting", "waiting-children") == {
        "waiting": _CHILDREN,
        "waiting-children": 1,
    }
    for other in others:
        await other.close()


async def test_a_note_that_outlived_its_flow_changes_nothing(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await flow_left(queue, monkeypatch, _CHILDREN + 1)
    running = Running(queue)
    await running.done(_CHILDREN + 1)
    await finish_abandoned(store, 0)
    await running.worker.close()
    assert len(running.ran) == _CHILDREN + 1
    assert await queue.getJobCountByTypes("waiting", "waiting-children", "active") == 0
    assert await left_notes(store) == []


async def test_a_note_that_somebody_is_busy_with_is_left_alone(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await flow_left(queue, monkeypatch, 1)
    await finish_abandoned(store, 15_000)
    assert await queue.getJobCountByTypes() == 1
    assert len(await left_notes(store)) == 1


async def test_a_number_that_somebody_chose_as_an_id_costs_no_job(queue: Queue) -> None:
    first = await queue.add("job", 0)
    store = await queue.ledger()
    taken = await prepare(store, Job(queue, "other", "taken", {}))
    taken.job_id = str(int(first.id or 0) + 2)
    assert await add(store, taken)
    jobs = await queue.addBulk([{"name": "job", "data": n} for n in range(1, 4)])
    assert len({job.id for job in jobs}) == 3
    assert taken.job_id not in {job.id for job in jobs}
    data = [job.data for job in await queue.getWaiting()]
    assert sorted(map(str, data)) == ["0", "1", "2", "3", "taken"]


async def test_a_child_whose_number_was_taken_is_waited_for_under_its_new_one(queue: Queue) -> None:
    producer = FlowProducer(queue.opts["connection"])
    leaf = {"name": "leaf", "queueName": queue.name}
    tree = await producer.add({"name": "parent", "queueName": queue.name, "children": [leaf]})
    await producer.close()
    assert tree is not None
    parent = await queue.getJob(str(tree["job"].id))
    assert parent is not None
    store = await queue.ledger()
    first = await queue.add("job", 0)
    taken = await prepare(store, Job(queue, "other", "taken", {}))
    taken.job_id = str(int(first.id or 0) + 2)
    assert await add(store, taken)
    link = {"parent": {"id": parent.id, "queue": queue.qualifiedName}}
    jobs = await queue.addBulk(
        [{"name": "child", "data": n, "opts": link} for n in range(_CHILDREN)]
    )
    pending = (await parent.getDependencies())["unprocessed"]
    assert {f"{queue.qualifiedName}:{job.id}" for job in jobs} <= set(pending)
    assert len(pending) == _CHILDREN + 1
    running = Running(queue)
    await running.done(_CHILDREN + 4)
    await running.worker.close()
    assert running.ran[-1] == "parent"


async def test_a_chosen_id_that_is_taken_on_the_way_makes_a_duplicate_and_the_others_are_added(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await queue.ledger()
    rival = await prepare(store, Job(queue, "other", "first", {"jobId": "mine"}))
    write = notes.write

    async def overtaken(*args: Any) -> Note:
        note = await write(*args)
        assert await add(store, rival)
        return note

    wishes = [
        {"name": "job", "data": n, "opts": {"jobId": "mine" if n == 1 else f"job {n}"}}
        for n in range(3)
    ]
    with monkeypatch.context() as patch:
        patch.setattr(notes, "write", overtaken)
        jobs = await queue.addBulk(wishes)
    assert [job.id for job in jobs] == ["job 0", "mine", "job 2"]
    assert {job.id: job.data for job in await queue.getWaiting()} == {
        "job 0": 0,
        "mine": "first",
        "job 2": 2,
    }
    await store.event_log.flush()
    query = {"next_by_subj": store.names.events, "seq": 1, "batch": 100}
    messages = await store.wire.get_batch(store.names.space.events, query)
    told = [e for m in messages for e in decode(m.data) if e["event"] in ("added", "duplicated")]
    assert [(e["event"], e["jobId"]) for e in told] == [
        ("added", "mine"),
        ("added", "job 0"),
        ("duplicated", "mine"),
        ("added", "job 2"),
    ]
    await queue.addBulk(wishes)  # all are there
    assert await queue.getWaitingCount() == 3


async def test_a_bulk_and_a_flow_that_were_stored_leave_no_note(queue: Queue) -> None:
    store = await queue.ledger()
    await queue.addBulk([{"name": "job", "data": n} for n in range(10)])
    entries = [Entry(store, await prepare(store, Job(queue, "job", 1, {})))]
    assert notes.fits(store, entries)
    producer = FlowProducer(queue.opts["connection"])
    await producer.add(
        {
            "name": "parent",
            "queueName": queue.name,
            "children": [{"name": "child", "queueName": queue.name}],
        }
    )
    await producer.close()
    async with asyncio.timeout(5):
        while await left_notes(store):
            await asyncio.sleep(0.01)
    assert await queue.getJobCountByTypes("waiting", "waiting-children") == 12


async def owner_left(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, jobs: int, **rule: Any
) -> QueueStore:
    """A job under a deduplication id whose process died; its key is there."""
    opts = {"deduplication": {"id": "only", **rule}}
    with monkeypatch.context() as patch:
        Halting(patch, jobs)
        with pytest.raises(InterruptedError):
            await queue.add("job", "first", opts)
    return await queue.ledger()


@pytest.mark.parametrize("bulk", [False, True])
async def test_the_owner_of_a_deduplication_id_that_is_on_its_way_is_stored_by_the_next_one(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, bulk: bool
) -> None:
    store = await owner_left(queue, monkeypatch, 0)
    opts = {"deduplication": {"id": "only"}}
    if bulk:
        await queue.addBulk([{"name": "job", "data": "second", "opts": opts}])
    else:
        await queue.add("job", "second", opts)
    assert [job.data for job in await queue.getWaiting()] == ["first"]
    await finish_abandoned(store, 0)
    assert await queue.getWaitingCount() == 1
    assert await left_notes(store) == []


@pytest.mark.parametrize("jobs", [0, 1])
async def test_an_owner_whose_process_died_is_stored_once(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    store = await owner_left(queue, monkeypatch, jobs)
    await finish_abandoned(store, 0)
    waiting = await queue.getWaiting()
    assert [job.data for job in waiting] == ["first"]
    assert await queue.getDeduplicationJobId("only") == waiting[0].id
    assert await left_notes(store) == []


async def test_an_owner_whose_key_is_gone_was_never_added(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await owner_left(queue, monkeypatch, 0)
    await queue.removeDeduplicationKey("only")
    await queue.add("job", "second", {"deduplication": {"id": "only"}})
    await finish_abandoned(store, 0)
    assert [job.data for job in await queue.getWaiting()] == ["second"]
    assert await left_notes(store) == []


async def test_an_owner_whose_number_somebody_chose_gets_another(queue: Queue) -> None:
    first = await queue.add("job", 0)
    store = await queue.ledger()
    taken = await prepare(store, Job(queue, "other", "taken", {}))
    taken.job_id = str(int(first.id or 0) + 2)
    assert await add(store, taken)
    jobs = [await queue.add("job", n, {"deduplication": {"id": f"id {n}"}}) for n in range(1, 4)]
    assert taken.job_id not in {job.id for job in jobs}
    assert [await queue.getDeduplicationJobId(f"id {n}") for n in range(1, 4)] == [
        job.id for job in jobs
    ]
    assert await queue.getWaitingCount() == 5


async def test_many_adds_of_one_deduplication_id_from_many_clients_make_one_job_each_round(
    queue: Queue,
) -> None:
    clients = [
        Queue(queue.name, {"connection": {"url": queue.opts["connection"], "name": f"client{n}"}})
        for n in range(4)
    ]
    for turn in range(20):
        opts = {"deduplication": {"id": f"turn {turn}"}}
        jobs = await asyncio.gather(*(clients[n % 4].add("job", n, opts) for n in range(12)))
        assert len({job.id for job in jobs}) == 1
    assert await queue.getWaitingCount() == 20
    for client in clients:
        await client.close()


@pytest.mark.parametrize("way", ["bulk", "flow", "deduplicated"])
async def test_what_a_full_account_refuses_is_not_stored_later(
    tmp_path: Path, name: str, way: str
) -> None:
    extra = {"jetstream": {"store_dir": str(tmp_path / "store"), "max_file_store": 2_000_000}}
    with EmbeddedServer(tmp_path / "node", extra=extra) as server:
        queue = Queue(name, {"connection": server.url})
        producer = FlowProducer(server.url)
        node = {"name": "job", "queueName": name, "data": "x" * 20_000}

        async def add(number: int) -> None:
            if way == "bulk":
                await queue.addBulk([{"name": "job", "data": node["data"]} for _ in range(3)])
            elif way == "flow":
                await producer.add({**node, "children": [node, node]})
            else:
                only = {"deduplication": {"id": f"only {number}"}}
                await queue.add("job", node["data"], only)

        added: list[int] = []

        async def fill() -> None:
            for number in range(200):
                await add(number)
                added.append(number)

        with pytest.raises(StoreError, match=r"insufficient|exceeded|resource"):
            await fill()
        store = await queue.ledger()
        await finish_abandoned(store, 0)
        assert await left_notes(store) == []
        assert await queue.getJobCountByTypes() == len(added) * (1 if way == "deduplicated" else 3)
        assert await queue.getDeduplicationJobId(f"only {len(added)}") is None
        await producer.close()
        await queue.close()


_ADDING = """
import asyncio, sys
from itertools import count
from jetbull import FlowProducer, Queue

async def main(url, name, tag):
    queue, flows = Queue(name, {"connection": url}), FlowProducer(url)
    node = lambda tag: {"name": "job", "queueName": name, "data": [tag, 4]}

    async def bulks(lane):
        for n in count():
            await queue.addBulk([node(f"bulk {tag} {lane} {n}")] * 4)

    async def trees(lane):
        for n in count():
            flow = node(f"flow {tag} {lane} {n}")
            await flows.add({**flow, "children": [flow] * 3})

    async def owners():
        for n in count():
            only = {"deduplication": {"id": f"{tag} {n}"}}
            await queue.add("job", [f"owner {tag} {n}", 1], only)

    await queue.waitUntilReady()
    print("ready", flush=True)
    await asyncio.gather(bulks(1), bulks(2), trees(1), trees(2), owners())

asyncio.run(main(*sys.argv[1:]))
"""


async def test_what_killed_processes_were_adding_is_whole(queue: Queue) -> None:
    chance = random.Random(3)
    store = await queue.ledger()
    for number in range(4):
        command = [sys.executable, "-c", _ADDING, queue.opts["connection"], queue.name, str(number)]
        child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert child.stdout is not None
        await child.stdout.readline()
        await asyncio.sleep(chance.uniform(0.05, 0.3))
        child.kill()
        await child.wait()
    await finish_abandoned(store, 0)
    jobs = [*await queue.getWaiting(), *await queue.getWaitingChildren()]
    parts = Counter((str(job.data[0]), int(job.data[1])) for job in jobs)
    assert len(parts) > 100
    assert [tag for (tag, whole), count in parts.items() if count != whole] == []
    assert await left_notes(store) == []
