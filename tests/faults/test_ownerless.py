"""What belongs to no job: it goes, and what belongs to a job that is still to come stays."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jetbull import FlowProducer, Job, Queue, Worker
from jetbull.commands import orphans
from jetbull.ledger.adding import notes
from jetbull.ledger.belongings import belongings, blobs
from jetbull.ledger.belongings.logs import append_row
from jetbull.ledger.parents import bookkeeping, parentage
from jetbull.ledger.queue.counting import list_subjects
from jetbull.ledger.streams import listing
from jetbull.workers import upkeep
from jetbull.workers.upkeep import Upkeep

from .noted import Halting

LARGE = "x" * 100_000


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is as old as it has to be."""
    monkeypatch.setattr(orphans, "_ON_ITS_WAY_MS", 0)
    monkeypatch.setattr(upkeep, "_FORGOTTEN_MS", 0)


async def left(queue: Queue) -> list[str]:
    """The payloads and log rows of the queue."""
    store = await queue.ledger()
    space, names = store.names.space, store.names
    return [
        *await listing.subjects(store.wire, space.objects, names.all_objects()),
        *await listing.subjects(store.wire, space.logs, names.all_logs()),
    ]


async def test_what_a_producer_put_down_before_it_died_goes_by_itself(
    queue: Queue, old: None
) -> None:
    kept = await queue.add("job", LARGE)
    store = await queue.ledger()
    await blobs.write(store, "never came", LARGE.encode())
    await append_row(store, "long gone", "row")
    look = Upkeep(store, old_enough_ms=0)
    for _ in range(3):
        await look.look()
    assert [subject.split(".")[3] for subject in await left(queue)] == [kept.id]


@pytest.mark.parametrize("way", ["by hand", "by itself"])
async def test_the_large_data_of_an_add_that_waits_for_another_job_stay(
    queue: Queue, old: None, way: str
) -> None:
    opts = {"deduplication": {"id": "mine", "keepLastIfActive": True}}
    running, done = asyncio.Event(), asyncio.Queue[Any]()
    go_on = asyncio.Event()

    async def process(job: Job, token: str) -> None:
        running.set()
        await go_on.wait()
        done.put_nowait(job.data)

    worker = Worker(queue.name, process, {"connection": queue.opts["connection"]})
    await queue.add("job", "first", opts)
    async with asyncio.timeout(30):
        await running.wait()
        await queue.add("job", LARGE, opts)
        if way == "by hand":
            assert await queue.removeOrphanedJobs() == 0
        else:
            await Upkeep(await queue.ledger(), old_enough_ms=0).look()
        go_on.set()
        assert [await done.get(), await done.get()] == ["first", LARGE]
    await worker.close()


async def test_the_large_data_of_a_job_that_is_being_added_stay(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = blobs.write

    async def looked_behind(*args: Any) -> str:
        reference = await write(*args)
        assert await queue.removeOrphanedJobs() == 0
        return reference

    monkeypatch.setattr(blobs, "write", looked_behind)
    job = await queue.add("job", LARGE)
    found = await queue.getJob(str(job.id))
    assert found is not None
    assert found.data == LARGE


async def test_what_a_child_told_a_parent_in_the_moment_of_its_removal_goes_by_itself(
    queue: Queue, old: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = {"name": "parent", "queueName": queue.name, "opts": {"jobId": "parent"}}
    child = {"name": "child", "queueName": queue.name, "opts": {"jobId": "child"}}
    async with FlowProducer(queue.opts["connection"]) as producer:
        await producer.add({**flow, "children": [child]})
        await producer.add(
            {**flow, "opts": {"jobId": "other"}, "children": [{**child, "opts": {}}]}
        )
    store = await queue.ledger()
    remove = belongings.remove

    async def told_before(*args: Any) -> None:
        monkeypatch.setattr(belongings, "remove", remove)
        parent = parentage.Parent(store, "parent", f"{store.names.qualified}:child")
        assert await bookkeeping.book(parent, bookkeeping.PROCESSED, "7")
        await remove(*args)

    monkeypatch.setattr(belongings, "remove", told_before)
    assert await queue.remove("parent", {"removeChildren": False}) == 1
    for _ in range(2):
        await Upkeep(store, old_enough_ms=0).look()
    books = await list_subjects(store, store.names.all_dependencies())
    assert [subject.split(".")[3:5] for subject in books] == [["other", "pend"]]


async def test_a_parent_that_is_on_its_way_keeps_the_books_of_its_children(
    queue: Queue, old: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = {"name": "parent", "queueName": queue.name}
    child = {"name": "child", "queueName": queue.name}
    producer = FlowProducer(queue.opts["connection"])
    monkeypatch.setattr(notes, "fits", lambda *_: True)
    with monkeypatch.context() as patch:
        Halting(patch, 0)
        with pytest.raises(InterruptedError):
            await producer.add({**flow, "children": [child, child]})
    store = await queue.ledger()
    books = await list_subjects(store, store.names.all_dependencies())
    assert len(books) == 2
    assert await queue.removeOrphanedJobs() == 0
    assert await list_subjects(store, store.names.all_dependencies()) == books
    await producer.close()
