"""Questions that a server which is there does not answer."""

from __future__ import annotations

import asyncio

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
