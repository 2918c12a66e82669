"""Notes whose answer is lost for so long that a worker stores what they hold meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jetbull import Queue
from jetbull.commands import noting, pipelining
from jetbull.commands.completing import finish_abandoned
from jetbull.ledger.adding import adding, notes
from jetbull.ledger.adding.note import subject_of
from jetbull.ledger.wire.pace import Pace

from .far import KEEP, far_from
from .noted import left_notes


async def _add(queue: Queue, way: str) -> Any:
    if way != "deduplicated":
        ids: list[dict[str, Any]] = [
            {"jobId": f"chosen {n}"} if way == "chosen" else {} for n in range(2)
        ]
        return await queue.addBulk([{"name": "job", "data": 0, "opts": {**KEEP, **i}} for i in ids])
    only = {"deduplication": {"id": "only", "ttl": 3_600_000}}
    return await queue.add("job", 0, {**KEEP, **only})


@pytest.mark.parametrize("way", ["bulk", "chosen", "deduplicated"])
async def test_jobs_that_a_worker_stored_and_ran_meanwhile_are_not_stored_again(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: True)
    store = await queue.ledger()
    async with far_from(queue) as far:

        def unheard(*args: Any) -> str:
            far.proxy.drop_answers()
            return subject_of(*args)

        monkeypatch.setattr(notes, "subject_of", unheard)
        under_way = asyncio.ensure_future(_add(far.queue, way))
        while not await left_notes(store):
            await asyncio.sleep(0.01)
        while way == "deduplicated" and not await queue.getDeduplicationJobId("only"):
            await asyncio.sleep(0.01)
        await finish_abandoned(store, 0)
        # They were sent behind the note, without waiting for its answer.
        jobs = 1 if way == "deduplicated" else 2
        await far.trimmed(jobs)
        assert await far.heard(under_way) == [*["job"] * jobs, "next", "last"]
    assert await left_notes(store) == []


@pytest.mark.parametrize("way", ["bulk", "chosen", "deduplicated"])
async def test_jobs_whose_note_a_worker_saw_to_meanwhile_are_not_stored_again(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: True)
    store = await queue.ledger()
    async with far_from(queue) as far:
        message_for, send = adding.message_for, pipelining._send

        def unheard(*args: Any) -> Any:
            far.proxy.drop_answers()
            return message_for(*args)

        async def sent_unheard(*sending: Any) -> Any:
            far.proxy.drop_answers()
            return await send(*sending)

        with monkeypatch.context() as patch:
            patch.setattr(noting, "message_for", unheard)
            patch.setattr(pipelining, "_send", sent_unheard)
            under_way = asyncio.ensure_future(_add(far.queue, way))
            jobs = 1 if way == "deduplicated" else 2
            await far.running.done(jobs)
            await finish_abandoned(store, 0)
        await far.trimmed(0)
        assert await far.heard(under_way) == [*["job"] * jobs, "next", "last"]
    assert await left_notes(store) == []
