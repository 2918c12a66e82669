"""A server that hangs up on us again and again is asked again with pauses; its reason is told."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import signal

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


async def test_a_connection_that_ends_with_something_left_to_send_is_replaced_at_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connection, "_PULSE", 3600.0)
    with EmbeddedServer() as server:
        wire = await Wire.open([server.url])
        assert server.pid is not None
        back = asyncio.Event()
        wire.on_reconnect(back.set)
        os.kill(server.pid, signal.SIGSTOP)
        await wire.subscribe("first", _ignore)
        wire._client.push(b"PUB x 16777216\r\n" + bytes(16 * 1024 * 1024) + b"\r\n")
        waiting = [asyncio.create_task(wire.subscribe(f"s{n}", _ignore)) for n in range(3)]
        while not wire._client._pending:  # the socket takes no more
            waiting.append(asyncio.create_task(wire.subscribe("one more", _ignore)))
            await asyncio.sleep(0)
        server.kill()
        server.start()
        async with asyncio.timeout(30):
            await back.wait()
        await asyncio.gather(*waiting)
        await wire.close()
    gc.collect()
    assert [record for record in caplog.records if record.name == "asyncio"] == []


def _ignore(*_: object) -> None:
    """A listener."""


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
