"""Questions that a server which is there does not answer."""

from __future__ import annotations

import asyncio
import time

import pytest

from jetbull.errors import AckTimeout
from jetbull.ledger.wire import Wire
from jetbull.ledger.wire import wire as module


async def test_a_read_that_is_never_answered_ends_when_the_patience_is_over(
    jetbull_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_PATIENCE", 0.0)
    wire = await Wire.open([jetbull_url])
    await wire.subscribe("$JS.API.SILENT", lambda *_: None)  # somebody listens, and says nothing
    async with asyncio.timeout(30):
        with pytest.raises(AckTimeout, match="did not answer in time"):
            await wire.api("SILENT", timeout=0.1)
    assert wire.is_connected
    await wire.close()


async def test_of_thousands_of_questions_at_once_the_last_ones_wait_for_the_answers_of_the_first(
    jetbull_url: str,
) -> None:
    wire = await Wire.open([jetbull_url])
    questions = [asyncio.ensure_future(wire.api("INFO")) for _ in range(2000)]
    await asyncio.sleep(0)
    assert 0 < wire.unanswered <= 500
    assert len(await asyncio.gather(*questions)) == 2000
    await wire.close()


async def test_who_is_too_busy_to_hear_the_server_while_connecting_is_connected_nevertheless(
    jetbull_url: str,
) -> None:
    connecting = asyncio.ensure_future(Wire.open([jetbull_url], connect_timeout=0.1))
    await asyncio.sleep(0)
    time.sleep(1)  # noqa: ASYNC251 - the process is busy: the server answers, and nobody looks
    wire = await connecting
    assert wire.is_connected
    await wire.close()
