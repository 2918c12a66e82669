"""Notes whose answer is lost for so long that a worker stores what they hold meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pytest

from jetbull import Queue
from jetbull.commands import noting
from jetbull.commands.noting import finish_abandoned
from jetbull.ledger import adding, notes
from jetbull.ledger.pace import Pace

from .noted import Running, left_notes
from .proxy import Proxy

_FIRST = 20
_KEEP = {"removeOnComplete": {"count": 1}}


async def _add(queue: Queue, way: str) -> Any:
    if way == "bulk":
        return await queue.addBulk([{"name": "job", "data": n, "opts": _KEEP} for n in range(2)])
    only = {"deduplication": {"id": "only", "ttl": 3_600_000}}
    return await queue.add("job", 0, {**_KEEP, **only})


@pytest.mark.parametrize("way", ["bulk", "deduplicated"])
async def test_jobs_that_a_worker_stored_and_ran_meanwhile_are_not_stored_again(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: True)
    running = Running(queue)
    store = await queue.ledger()
    async with Proxy(int(urlsplit(queue.opts["connection"]).port or 0)) as proxy:
        far = Queue(queue.name, {"connection": proxy.url})
        for _ in range(_FIRST):  # so that numbers for more are reserved
            await far.add("first", 0, _KEEP)
        await running.done(_FIRST)
        message = notes._message

        def unheard(*args: Any) -> Any:
            proxy.drop_answers()
            return message(*args)

        monkeypatch.setattr(notes, "_message", unheard)
        under_way = asyncio.ensure_future(_add(far, way))
        while not await left_notes(store):
            await asyncio.sleep(0.01)
        while way == "deduplicated" and not await queue.getDeduplicationJobId("only"):
            await asyncio.sleep(0.01)
        jobs = len(await finish_abandoned(store, 0))
        assert jobs
        await running.done(jobs)
        await queue.add("next", 0, _KEEP)
        await running.done(1)
        proxy.heal()
        await under_way
        await queue.add("last", 0, _KEEP)
        await running.done(1)
        await far.close()
    await running.worker.close()
    assert running.ran == [*["first"] * _FIRST, *["job"] * jobs, "next", "last"]
    assert await left_notes(store) == []


@pytest.mark.parametrize("way", ["bulk", "deduplicated"])
async def test_jobs_whose_note_a_worker_saw_to_meanwhile_are_not_stored_again(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: True)
    running = Running(queue)
    async with Proxy(int(urlsplit(queue.opts["connection"]).port or 0)) as proxy:
        far = Queue(queue.name, {"connection": proxy.url})
        for _ in range(_FIRST):
            await far.add("first", 0, _KEEP)
        await running.done(_FIRST)
        store = await queue.ledger()
        message_for = adding.message_for

        def unheard(*args: Any) -> Any:
            proxy.drop_answers()
            return message_for(*args)

        monkeypatch.setattr(noting, "message_for", unheard)
        under_way = asyncio.ensure_future(_add(far, way))
        jobs = 2 if way == "bulk" else 1
        await running.done(jobs)
        await finish_abandoned(store, 0)
        monkeypatch.setattr(noting, "message_for", message_for)
        await queue.add("next", 0, _KEEP)
        await running.done(1)
        proxy.heal()
        await under_way
        await queue.add("last", 0, _KEEP)
        await running.done(1)
        await far.close()
    await running.worker.close()
    assert running.ran == [*["first"] * _FIRST, *["job"] * jobs, "next", "last"]
    assert await left_notes(store) == []
