"""Hundreds of jobs sent behind their note without a pause: whole, once, in order."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from jetbull import FlowProducer, Queue
from jetbull.commands import pipelining
from jetbull.commands.preparing import prepare
from jetbull.job import Job
from jetbull.ledger.adding import notes
from jetbull.ledger.adding.adding import add
from jetbull.ledger.adding.note import Note
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.streams.events import decode
from jetbull.ledger.wire.pace import Pace
from jetbull.server import EmbeddedServer
from jetbull.workers.upkeep import Upkeep

from .apart import apart
from .killed_producers import kill_producer
from .noted import left_notes
from .proxy import Proxy
from .test_large_batches import jobs

_MANY = 900


@pytest.fixture(autouse=True)
def noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is."""
    monkeypatch.setattr(Pace, "takes_first", lambda *_: True)


async def told(store: QueueStore, *kinds: str) -> list[tuple[str, str]]:
    """The events of some kinds, with the ids of their jobs."""
    await store.event_log.flush()
    query = {"next_by_subj": store.names.events, "seq": 1, "batch": 10_000}
    messages = await store.wire.get_batch(store.names.space.events, query)
    events = [e for m in messages for e in decode(m.data)]
    return [(e["event"], e["jobId"]) for e in events if e["event"] in kinds]


async def test_a_bulk_whose_producer_is_killed_is_made_whole_or_was_never_there(
    shared_url: str, name: str
) -> None:
    seen: set[int] = set()
    for pause in (0.005, 0.02, 0.03, 0.04, 0.06, 0.1):
        queue = Queue(f"{name}-{pause * 1000:g}", apart(shared_url, 0))
        await kill_producer(shared_url, queue.name, pause, "", _MANY)
        store = await queue.ledger()
        async with asyncio.timeout(20):  # the server may still be reading what was sent
            while True:
                await Upkeep(store, old_enough_ms=0).look()
                if await queue.getWaitingCount() in (0, _MANY):
                    break
        seen.add(await queue.getWaitingCount())
        assert await left_notes(store) == []
        await queue.close()
    assert seen <= {0, _MANY}


@pytest.mark.parametrize("after", [0, 1, 300, 700])
async def test_a_bulk_whose_connection_is_cut_is_stored_once(
    server: EmbeddedServer, name: str, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = Queue(name, apart(server.url, 0))
    async with Proxy(int(urlsplit(server.url).port or 0)) as proxy:
        far = Queue(name, {"connection": proxy.url})
        await far.add("first", -1)
        told_of = 0
        hear = pipelining._Sending.on_stored

        def cut(sending: pipelining._Sending, numbers: list[int]) -> None:
            nonlocal told_of
            hear(sending, numbers)
            if told_of < after <= told_of + len(numbers):
                proxy.cut()
            told_of += len(numbers)

        monkeypatch.setattr(pipelining._Sending, "on_stored", cut)
        adding = asyncio.ensure_future(far.addBulk(jobs(_MANY)))
        if not after:
            await asyncio.sleep(0)
            proxy.cut()
        added = await adding
        assert len({job.id for job in added}) == _MANY
        await far.close()
    store = await near.ledger()
    await Upkeep(store, old_enough_ms=0).look()  # the word that the note is over may be lost
    waiting = await near.getWaiting()
    assert sorted(job.data for job in waiting) == list(range(-1, _MANY))
    assert await left_notes(store) == []
    await near.close()


async def test_ids_that_exist_are_duplicates_and_told_of_in_the_order_of_the_call(
    queue: Queue,
) -> None:
    first = await queue.addBulk(
        [{"name": "old", "data": n, "opts": {"jobId": f"j{n}"}} for n in range(0, 300, 3)]
    )
    assert len(first) == 100
    wishes = [{"name": "new", "data": n, "opts": {"jobId": f"j{n}"}} for n in range(300)]
    assert [job.id for job in await queue.addBulk(wishes)] == [f"j{n}" for n in range(300)]
    names = {int(job.data): job.name for job in await queue.getWaiting()}
    assert names == {n: "new" if n % 3 else "old" for n in range(300)}
    store = await queue.ledger()
    events = (await told(store, "added", "duplicated"))[100:]
    assert events == [("added" if n % 3 else "duplicated", f"j{n}") for n in range(300)]
    assert await left_notes(store) == []


async def test_numbers_that_somebody_chose_cost_no_job(queue: Queue) -> None:
    last = await queue.add("job", -1)
    store = await queue.ledger()
    for number in (2, 150, 299):
        chosen = await prepare(store, Job(queue, "other", "taken", {}))
        chosen.job_id = str(int(last.id or 0) + number + 3)  # preparing uses up numbers as well
        assert await add(store, chosen)
    added = await queue.addBulk(jobs(300))
    assert len({job.id for job in added}) == 300
    waiting = await queue.getWaiting()
    assert {job.id: job.data for job in waiting if job.data != "taken"} == {
        last.id: -1,
        **{job.id: job.data for job in added},
    }
    assert len(waiting) == 304


async def test_an_id_that_was_removed_a_moment_ago_is_free_again(queue: Queue) -> None:
    wishes = [{"name": "job", "data": n, "opts": {"jobId": f"j{n}"}} for n in range(120)]
    for job in await queue.addBulk(wishes):
        await job.remove()
    assert await queue.count() == 0
    await queue.addBulk(wishes)
    assert sorted(job.data for job in await queue.getWaiting()) == list(range(120))


async def test_delayed_prioritized_and_urgent_jobs_may_be_among_them(queue: Queue) -> None:
    kinds = [{}, {"delay": 3_600_000}, {"priority": 3}, {"lifo": True}]
    await queue.addBulk([{"name": "job", "data": n, "opts": kinds[n % 4]} for n in range(2 * 60)])
    counts = await queue.getJobCounts("waiting", "delayed", "prioritized")
    assert counts == {"waiting": 60, "delayed": 30, "prioritized": 30}
    waiting = [job.data % 4 for job in await queue.getWaiting()]
    assert waiting == [3] * 30 + [0] * 30
    store = await queue.ledger()
    assert len(await told(store, "added", "delayed")) == 150


@pytest.mark.parametrize("turn", [0, 1, 2, 5])
async def test_a_bulk_whose_task_is_cancelled_is_there_whole_or_not_at_all(
    queue: Queue, turn: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_ready, turns = pipelining._make_ready, 0

    def cancelling(*args: Any) -> None:
        nonlocal turns
        make_ready(*args)
        if turns == turn:
            adding.cancel()
        turns += 1

    await queue.add("first", -1)
    monkeypatch.setattr(pipelining, "_make_ready", cancelling)
    adding = asyncio.ensure_future(queue.addBulk(jobs(_MANY)))
    with pytest.raises(asyncio.CancelledError):
        await adding
    await queue.add("last", -2)  # behind all that was sent
    assert await queue.getWaitingCount() == (2 + _MANY if turn else 2)
    assert turn or await left_notes(await queue.ledger()) == []


async def test_the_note_holds_what_its_jobs_are(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def died(*_: object) -> None:
        raise InterruptedError

    monkeypatch.setattr(pipelining, "_send", died)
    chosen = {"jobId": 'a "quoted" \u00e9', "delay": 3_600_000}
    with pytest.raises(InterruptedError):
        await queue.addBulk([*jobs(3), {"name": "late", "data": None, "opts": chosen}])
    store = await queue.ledger()
    while not await left_notes(store):
        await asyncio.sleep(0.01)
    await Upkeep(store, old_enough_ms=0).look()
    assert await queue.getJobCounts("waiting", "delayed") == {"waiting": 3, "delayed": 1}
    late = await queue.getJob(str(chosen["jobId"]))
    assert late is not None and json.dumps(late.data) == "null"
    assert await left_notes(store) == []


@pytest.mark.parametrize("way", ["flow", "deduplicated"])
async def test_a_link_that_is_lost_between_the_note_and_its_jobs_costs_nothing(
    server: EmbeddedServer, name: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = {"name": "job", "queueName": name}
    async with Proxy(int(urlsplit(server.url).port or 0)) as proxy:
        far, flows = Queue(name, {"connection": proxy.url}), FlowProducer(proxy.url)
        await far.add("first", 0)
        write = notes.write

        async def cut_off(store: QueueStore, *args: Any) -> Note:
            note, wire = await write(store, *args), store.wire
            proxy.cut()
            while wire._connected.is_set():
                await asyncio.sleep(0)
            return note

        monkeypatch.setattr(notes, "write", cut_off)
        if way == "flow":
            await flows.add({**node, "children": [node]})
        else:
            await far.add("job", 0, {"deduplication": {"id": "only"}})
        store = await far.ledger()
        await Upkeep(store, old_enough_ms=0).look()
        assert await left_notes(store) == []
        assert await far.getJobCountByTypes() == (3 if way == "flow" else 2)
        await flows.close()
        await far.close()
