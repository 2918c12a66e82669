"""Waiting by hand until a job may be there."""

from __future__ import annotations

import asyncio

import pytest

from jetbull import Queue
from jetbull.ledger.taking import arrival


async def test_who_is_cancelled_while_it_begins_to_listen_leaves_no_listener(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def never(*_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(arrival, "ensure_delivery", never)
    wire = (await queue.ledger()).wire
    before = wire.subscriptions
    waiting = asyncio.create_task(queue.backend.waitForJob(60))
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert wire.subscriptions == before
