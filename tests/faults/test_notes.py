"""A few jobs are noted before they are stored: whoever finds the note stores what is missing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jetbull import FlowProducer, Queue
from jetbull.commands.inserting import finish_abandoned
from jetbull.commands.preparing import prepare, prepare_many
from jetbull.job import Job
from jetbull.ledger.adding import note_ending, notes
from jetbull.ledger.adding.adding import add
from jetbull.ledger.adding.insertion import Entry
from jetbull.ledger.adding.note import Note
from jetbull.ledger.parents.parentage import Parent
from jetbull.ledger.store.batch import Message
from jetbull.ledger.store.store import QueueStore
from jetbull.workers.upkeep import Upkeep

from .noted import Halting, Running, left_notes
from .told import events_of

_CHILDREN = 4


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


@pytest.mark.parametrize("jobs", range(_CHILDREN + 2))
async def test_listeners_hear_of_each_job_that_another_process_stores(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    store = await flow_left(queue, monkeypatch, jobs)
    there = {job.id for job in await queue.getJobs(["waiting", "waiting-children"])}
    await finish_abandoned(store, 0)
    children, parents = await queue.getWaiting(), await queue.getWaitingChildren()
    told = {
        *(("added", str(job.id)) for job in [*children, *parents] if job.id not in there),
        *(("waiting", str(job.id)) for job in children if job.id not in there),
        *(("waiting-children", str(job.id)) for job in parents if job.id not in there),
    }
    heard = await events_of(store, "added", "waiting", "waiting-children")
    assert (len(there), len(heard), set(heard)) == (jobs, len(told), told)


@pytest.mark.parametrize("jobs", range(1, _CHILDREN + 2))
async def test_a_parent_is_not_let_go_without_the_children_that_are_only_noted_yet(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    store = await flow_left(queue, monkeypatch, jobs)
    store.families = True
    running = Running(queue)
    await Upkeep(store, old_enough_ms=0).look()  # parents first, then notes
    await running.done(_CHILDREN + 1)
    await running.worker.close()
    assert running.ran[-1] == "parent"
    assert sorted(running.values.values()) == list(range(_CHILDREN))


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


@pytest.mark.parametrize("way", ["bulk", "deduplicated"])
async def test_jobs_that_ran_and_are_no_longer_kept_do_not_run_again_with_a_note_that_was_left(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    opts: dict[str, Any] = {"removeOnComplete": {"count": 1}}
    monkeypatch.setattr(note_ending, "forget", lambda _: None)  # the link was cut just then
    running = Running(queue)
    jobs = [{"name": f"job {n}", "data": n, "opts": opts} for n in range(3)]
    if way == "bulk":
        await queue.addBulk(jobs)
    else:
        for job in jobs:
            only = {"id": str(job["name"]), "ttl": 3_600_000}
            await queue.add(str(job["name"]), 0, {**opts, "deduplication": only})
    await running.done(3)
    store = await queue.ledger()
    assert await left_notes(store) != []
    await finish_abandoned(store, 0)
    assert await left_notes(store) == []
    await queue.add("last", 0)
    await running.done(1)
    await running.worker.close()
    assert sorted(running.ran) == ["job 0", "job 1", "job 2", "last"]


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


async def test_a_chosen_id_that_is_taken_makes_a_duplicate_and_the_others_are_added(
    queue: Queue,
) -> None:
    store = await queue.ledger()
    await queue.add("other", "first", {"jobId": "mine"})
    wishes = [
        {"name": "job", "data": n, "opts": {"jobId": "mine" if n == 1 else f"job {n}"}}
        for n in range(3)
    ]
    jobs = await queue.addBulk(wishes)
    assert [job.id for job in jobs] == ["job 0", "mine", "job 2"]
    assert {job.id: job.data for job in await queue.getWaiting()} == {
        "job 0": 0,
        "mine": "first",
        "job 2": 2,
    }
    assert await events_of(store, "added", "duplicated") == [
        ("added", "mine"),
        ("added", "job 0"),
        ("duplicated", "mine"),
        ("added", "job 2"),
    ]
    await queue.addBulk(wishes)  # all are there
    assert await queue.getWaitingCount() == 3


async def test_a_chosen_id_that_another_takes_while_the_bulk_is_being_stored_makes_a_duplicate(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = FlowProducer(queue.opts["connection"])
    leaf = {"name": "leaf", "queueName": queue.name}
    tree = await producer.add({"name": "parent", "queueName": queue.name, "children": [leaf]})
    await producer.close()
    assert tree is not None
    store, write = await queue.ledger(), notes.write
    rival = await prepare(store, Job(queue, "other", "first", {"jobId": "mine"}))

    async def too_late(*arguments: Any) -> Note:
        assert await add(store, rival)
        return await write(*arguments)

    monkeypatch.setattr(notes, "write", too_late)
    link = {"parent": {"id": tree["job"].id, "queue": queue.qualifiedName}}
    child, mine = await queue.addBulk(
        [
            {"name": "child", "data": "second", "opts": link},
            {"name": "job", "data": "second", "opts": {"jobId": "mine"}},
        ]
    )
    stored = {job.id: job.data for job in await queue.getWaiting()}
    assert (mine.id, stored["mine"], stored[child.id]) == ("mine", "first", "second")
    told = await events_of(store, "added", "duplicated")
    assert told[-2:] == [("added", child.id), ("duplicated", "mine")]
    assert await left_notes(store) == []


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


async def test_what_is_noted_is_little_and_can_be_stored_whatever_comes_between(
    queue: Queue,
) -> None:
    store = await queue.ledger()

    async def fits(count: int, data: Any = 0, **of_each: Any) -> bool:
        new = await prepare_many(store, [Job(queue, "job", data, {}) for _ in range(count)])
        return notes.fits(store, [Entry(store, job, **of_each) for job in new])

    assert await fits(notes.MOST)
    assert not await fits(notes.MOST + 1)
    assert await fits(notes.MOST, "x" * 1000)
    assert not await fits(notes.MOST, "x" * 2000)
    assert not await fits(1, along=[Message("a.key", b"", {})])
    chosen = await prepare(store, Job(queue, "job", 0, {"jobId": "mine"}))
    assert notes.fits(store, [Entry(store, chosen)])
    parent = Parent(store, "1", f"{queue.qualifiedName}:mine")
    assert not notes.fits(store, [Entry(store, chosen, parent=parent)])
