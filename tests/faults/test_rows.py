"""Note, key and job leave in one write, and the link or the process ends between two of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from jetbull import Queue
from jetbull.commands.inserting import finish_abandoned
from jetbull.ledger.wire.pace import Pace

from .noted import left_notes
from .proxy import Proxy

WAYS = ["deduplicated", "with a time", "scheduler"]
STEPS = ["note", "key", "job"]


@pytest.fixture(autouse=True)
def noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is stored in a batch, however long notes take on a busy machine."""
    monkeypatch.setattr(Pace, "takes_first", lambda *_: True)
    monkeypatch.setattr("jetbull.ledger.adding.note._LEFT_MS", 0)


@pytest.fixture
async def proxy(queue: Queue) -> AsyncIterator[Proxy]:
    """In front of the queue's server."""
    async with Proxy(int(urlsplit(queue.opts["connection"]).port or 0)) as proxy:
        yield proxy


@pytest.fixture
async def far(queue: Queue, proxy: Proxy) -> AsyncIterator[Queue]:
    """The queue as it is seen through the proxy, with numbers at hand."""
    far = Queue(queue.name, {"connection": proxy.url})
    await far.add("first", 0)
    yield far
    await far.close()


async def add(queue: Queue, way: str, data: str) -> Any:
    if way == "scheduler":
        return await queue.upsertJobScheduler("mine", {"pattern": "0 0 1 1 *"}, job_data=data)
    until = {"ttl": 3_600_000} if way == "with a time" else {}
    return await queue.add("job", data, {"deduplication": {"id": "mine", **until}})


def held(queue: Queue, proxy: Proxy, way: str, step: str) -> None:
    """From now on the message of that step, and what is behind it, stays in the proxy."""
    name, is_scheduler = queue.name, way == "scheduler"
    subjects = {
        "note": f"jbq.bull.{name}.note.",
        "key": f"jbq.bull.{name}.{'sched' if is_scheduler else 'dedup'}.",
        "job": f"jb.bull.{name}.{'delayed' if is_scheduler else 'wait'}.",
    }
    proxy.hold_message(f"HPUB {subjects[step]}".encode())


async def arrived(queue: Queue, way: str, step: str) -> None:
    """Returns when what goes before the message of that step is stored."""
    store = await queue.ledger()
    kind, key = ("sched", "mine") if way == "scheduler" else ("dedup", "mine")
    async with asyncio.timeout(10):
        while step != "note" and not await left_notes(store):
            await asyncio.sleep(0.01)
        subject = store.names.aux(kind, key)
        while step == "job" and await store.wire.get_last(store.names.space.jobs, subject) is None:
            await asyncio.sleep(0.01)


async def held_up(
    queue: Queue, proxy: Proxy, far: Queue, way: str, step: str, data: str
) -> asyncio.Future[Any]:
    """An add that is held at this step, when what it sent before is stored."""
    held(queue, proxy, way, step)
    adding = asyncio.ensure_future(add(far, way, data))
    await proxy.holding.wait()
    await arrived(queue, way, step)
    return adding


async def stored(queue: Queue) -> list[Any]:
    """The data of all jobs but the first."""
    jobs = await queue.getJobs(["waiting", "delayed"], 0, -1, True)
    return [job.data for job in jobs if job.name != "first"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("step", STEPS)
async def test_a_job_is_stored_once_wherever_its_row_is_cut_off(
    queue: Queue, proxy: Proxy, far: Queue, way: str, step: str
) -> None:
    adding = await held_up(queue, proxy, far, way, step, "once")
    proxy.cut()
    job = await adding
    assert await stored(queue) == ["once"]
    assert (await add(queue, way, "again")).id == job.id
    assert await stored(queue) == (["again"] if way == "scheduler" else ["once"])
    await finish_abandoned(await queue.ledger(), 0)
    assert len(await stored(queue)) == 1
    assert await left_notes(await queue.ledger()) == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("next_one", ["a worker", "another add"])
async def test_of_a_process_that_dies_with_its_row_cut_off_all_is_stored_or_nothing(
    queue: Queue, proxy: Proxy, far: Queue, way: str, step: str, next_one: str
) -> None:
    adding = await held_up(queue, proxy, far, way, step, "died")
    proxy.refuse()
    adding.cancel()
    with suppress(asyncio.CancelledError):
        await adding
    if next_one == "a worker":
        await finish_abandoned(await queue.ledger(), 0)
        assert await stored(queue) == (["died"] if step == "job" else [])
    await add(queue, way, "next")
    await finish_abandoned(await queue.ledger(), 0)
    is_first = step == "job" and way != "scheduler"
    assert await stored(queue) == (["died"] if is_first else ["next"])
    assert await left_notes(await queue.ledger()) == []
    proxy.heal()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("step", STEPS[1:])
async def test_a_row_into_which_another_message_comes_is_stored_all_the_same(
    queue: Queue, proxy: Proxy, far: Queue, way: str, step: str
) -> None:
    adding = await held_up(queue, proxy, far, way, step, "once")
    await queue.add("first", 0)
    proxy.let_go()
    job = await adding
    assert await stored(queue) == ["once"]
    assert (await add(queue, way, "again")).id == job.id
    assert len(await stored(queue)) == 1
    async with asyncio.timeout(10):
        while await left_notes(await queue.ledger()):
            await asyncio.sleep(0.01)
