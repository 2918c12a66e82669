"""Calls at a server that is there and does not answer."""

from __future__ import annotations

import asyncio

import pytest
from tests.faults.silence import silent_server

from jetbull import Queue
from jetbull.errors import AckTimeout


async def test_a_reader_gives_up_a_server_that_is_there_and_does_not_answer(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jetbull.ledger.wire.wire.READ_PATIENCE", 0.1)
    async with silent_server() as url, Queue(name, {"connection": url}) as queue:
        with pytest.raises(AckTimeout, match=r"in time\. The server said: permissions violation"):
            await asyncio.wait_for(queue.getJobCounts(), 20)
