"""The owner of a deduplication id is noted with its key, and stored behind both."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jetbull import Queue, Worker
from jetbull.commands.inserting import finish_abandoned
from jetbull.commands.preparing import prepare
from jetbull.job import Job
from jetbull.ledger.adding import note_reading, notes
from jetbull.ledger.adding.adding import add
from jetbull.ledger.adding.note import Note
from jetbull.ledger.store.paging import read_all
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire.pace import Pace

from .noted import Halting, left_notes, note_and_key, write_first


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
    monkeypatch.setattr("jetbull.ledger.adding.note._LEFT_MS", 0)
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


async def test_a_kept_add_whose_worker_died_while_starting_it_runs_though_its_id_is_freed_then(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jetbull.ledger.adding.note._LEFT_MS", 0)
    monkeypatch.setattr(Pace, "takes_first", lambda *_: True)
    opts = {"deduplication": {"id": "only", "keepLastIfActive": True}}
    async with Worker(queue.name, None, {"connection": queue.opts["connection"]}) as worker:
        await queue.add("job", "first", opts)
        first = await worker.getNextJob("token")
        assert first is not None
        await queue.add("job", "kept", opts)
        with monkeypatch.context() as patch:
            Halting(patch, 0)
            with pytest.raises(InterruptedError):
                await first.moveToCompleted(None, "token", False)
        assert await queue.removeDeduplicationKey("only") == 1
        await finish_abandoned(await queue.ledger(), 0)
        assert [job.data for job in await queue.getWaiting()] == ["kept"]
        assert await queue.getDeduplicationJobId("only") is None


async def test_an_owner_whose_process_is_held_up_behind_its_note_does_not_run_twice(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = {"deduplication": {"id": "only"}, "removeOnComplete": 1}
    link = {"url": queue.opts["connection"], "name": "another process"}
    other, worker = (
        Queue(queue.name, {"connection": link}),
        Worker(queue.name, None, {"connection": link}),
    )
    looks, ran, again = list[str](), list[str | None](), asyncio.Event()
    find = note_reading.find

    async def run_all() -> None:
        while (job := await worker.getNextJob("token", {"block": False})) is not None:
            ran.append(job.id)
            await job.moveToCompleted(None, "token")

    async def looking(store: QueueStore, key: str) -> Note | None:
        looks.append(key)
        if len(looks) > 1:
            again.set()
        return await find(store, key)

    async def held_up(*args: Any) -> Any:
        monkeypatch.setattr(notes, "write_first", write_first)
        noted = await note_and_key(*args)
        rival = asyncio.ensure_future(other.add("job", "second", rule))
        waits = asyncio.ensure_future(again.wait())
        await asyncio.wait([rival, waits], return_when=asyncio.FIRST_COMPLETED)
        await run_all()
        await other.add("job", "next", {"removeOnComplete": 1})
        await run_all()  # of those that have run this one is kept
        rivals.append(rival)
        return noted

    rivals: list[asyncio.Future[Job]] = []
    monkeypatch.setattr(note_reading, "find", looking)
    monkeypatch.setattr(notes, "write_first", held_up)
    owner = await queue.add("job", "first", rule)
    assert (await rivals[0]).id == owner.id
    await run_all()
    assert ran.count(owner.id) == 1
    await worker.close()
    await other.close()


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
    monkeypatch.setattr("jetbull.ledger.adding.note._LEFT_MS", 0)
    store = await owner_left(queue, monkeypatch, 0)
    await queue.removeDeduplicationKey("only")
    await queue.add("job", "second", {"deduplication": {"id": "only"}})
    await finish_abandoned(store, 0)
    assert [job.data for job in await queue.getWaiting()] == ["second"]
    assert await left_notes(store) == []


@pytest.mark.parametrize("met", ["by others only", "with another owner", "with this one"])
@pytest.mark.parametrize(
    "rule", [{}, {"ttl": 60_000}, {"ttl": 60_000, "extend": True}, {"keepLastIfActive": True}]
)
async def test_a_duplicate_is_told_whatever_is_known_of_its_id(
    queue: Queue, met: str, rule: dict[str, Any]
) -> None:
    opts = {"deduplication": {"id": "only", **rule}}
    first = await queue.add("job", "first", opts)
    store = await queue.ledger()
    if met == "by others only":
        store.owners.clear()
    elif met == "with another owner":
        store.owners["only"] = str((await queue.add("other", "other", {"delay": 60_000})).id)
    second = await queue.add("job", "second", opts)
    assert second.id == first.id
    assert [job.data for job in await queue.getWaiting()] == ["first"]
    assert store.owners == {"only": first.id}
    async with asyncio.timeout(5):
        while await left_notes(store):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("met", [False, True])
async def test_a_delayed_owner_is_replaced_whatever_is_known_of_its_id(
    queue: Queue, met: bool
) -> None:
    opts = {"delay": 60_000, "deduplication": {"id": "only", "replace": True}}
    first = await queue.add("job", "first", opts)
    store = await queue.ledger()
    if not met:
        store.owners.clear()
    second = await queue.add("job", "second", opts)
    assert second.id != first.id
    assert [job.data for job in await queue.getDelayed()] == ["second"]
    assert store.owners == {"only": second.id}


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


async def test_a_key_with_an_end_goes_by_itself_then_and_one_without_stays(queue: Queue) -> None:
    store = await queue.ledger()
    await queue.add("job", 0, {"deduplication": {"id": "held"}})
    await queue.add("job", 0, {"deduplication": {"id": "for a time", "ttl": 3_599_999}})
    held, timed = await read_all(store, store.names.all_aux("dedup"))
    assert "Nats-TTL" not in held.headers
    assert timed.headers["Nats-TTL"] in ("3600s", "3599s")  # whole seconds, of what is left
