"""Connections are shared, and closed by the last one who lets go."""

from __future__ import annotations

import asyncio

import pytest

from jetbull.errors import ServerUnavailable
from jetbull.ledger.hub import Target, acquire, open_connections


async def test_a_connection_is_closed_whose_last_taker_was_cancelled_while_waiting(
    jetbull_url: str,
) -> None:
    target = Target((jetbull_url,))
    first = await acquire(target)
    wire = first.wire
    opening = asyncio.ensure_future(first.queue("bull", "hub"))  # the others wait meanwhile
    await asyncio.sleep(0)
    second = asyncio.ensure_future(acquire(target))
    await asyncio.sleep(0)
    await first.release()
    second.cancel()
    await asyncio.gather(opening, second, return_exceptions=True)
    assert second.cancelled()
    assert not wire.is_connected
    assert not open_connections()


async def test_a_target_without_a_server_is_tried_anew(jetbull_url: str) -> None:
    for _ in range(2):
        with pytest.raises(ServerUnavailable):
            await acquire(Target(("nats://127.0.0.1:1",)))
        assert not open_connections()
