"""A server that hangs up on us again and again is asked again with pauses; its reason is told."""

from __future__ import annotations

import asyncio
import logging
import random

import pytest

from jetbull.errors import ServerUnavailable
from jetbull.ledger.wire import Wire, connection
from jetbull.server import EmbeddedServer

_NONSENSE = b"NONSENSE\r\n"
_LOSSES = 5


async def test_connections_that_do_not_last_are_made_anew_after_a_pause_and_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pauses: list[float] = []

    def none(low: float, high: float) -> float:
        pauses.append(high)
        return 0.0

    monkeypatch.setattr(random, "uniform", none)
    monkeypatch.setattr(connection, "_SOON", float("inf"))
    backs, done = 0, asyncio.Event()

    def spoil() -> None:
        nonlocal backs
        backs += 1
        if backs == _LOSSES:
            done.set()
        else:
            wire._client.push(_NONSENSE)

    caplog.set_level(logging.WARNING, "jetbull.wire")
    with EmbeddedServer() as server:
        wire = await Wire.open([server.url])
        wire.on_reconnect(spoil)
        wire._client.push(_NONSENSE)
        async with asyncio.timeout(30):
            await done.wait()
        await wire.close()
    assert len(pauses) >= _LOSSES
    [told] = [record.getMessage() for record in caplog.records]
    assert told == f"connection to {server.url} lost (unknown protocol operation), reconnecting"


async def test_a_server_that_has_no_room_for_a_connection_is_not_told_as_absent() -> None:
    accounts = {
        "ONE": {"users": [{"user": "u", "password": "p"}], "limits": {"max_connections": 1}},
        "SYSTEM": {"users": [{"user": "s", "password": "s"}]},
    }
    with EmbeddedServer(extra={"accounts": accounts, "system_account": "SYSTEM"}) as server:
        first = await Wire.open([server.url], user="u", password="p")
        with pytest.raises(ServerUnavailable, match=r"turns this connection away \(.*maximum "):
            await Wire.open([server.url], user="u", password="p")
        await first.close()
