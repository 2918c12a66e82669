"""Listeners while a connection is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from jetbull import Queue, QueueEvents
from jetbull.ledger.wire import Wire
from jetbull.server import EmbeddedServer

from .proxy import Proxy


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    with EmbeddedServer() as server:
        async with Proxy(server.port) as proxy:
            yield proxy


async def test_who_listens_or_ends_while_the_connection_is_replaced_is_not_mistaken_afterwards(
    proxy: Proxy,
) -> None:
    wire = await Wire.open([proxy.url])
    heard: list[bytes] = []

    def listen(subject: bytes, reply: bytes, data: bytes, block: bytes | None) -> None:
        heard.append(subject)

    ending = await wire.subscribe("ending", listen)
    proxy.hold_next()
    proxy.cut()
    async with asyncio.timeout(20):
        await proxy.holding.wait()  # what listened before listens again; not heard of by the wire
        await wire.subscribe("new", listen)
        await wire.unsubscribe(ending)
        proxy.let_go()
        await wire.connected()
    for subject in ("ending", "new"):
        await wire.send(subject)
    await wire.api("INFO")
    assert heard == [b"new"]
    await wire.close()


async def test_a_connection_that_fails_while_it_is_made_is_not_left_open(proxy: Proxy) -> None:
    wire = await Wire.open([proxy.url])
    proxy.hold_next()
    proxy.cut()
    async with asyncio.timeout(20):
        await proxy.holding.wait()
        await wire.connected()  # by the one after that which says nothing
        while proxy.links > 1:
            await asyncio.sleep(0.01)
    await wire.close()


async def test_a_wire_that_closes_while_it_connects_again_leaves_nothing_open(proxy: Proxy) -> None:
    wire = await Wire.open([proxy.url])
    proxy.hold_next()
    proxy.cut()
    async with asyncio.timeout(20):
        await proxy.holding.wait()
        await wire.close()
        while proxy.links:
            await asyncio.sleep(0.01)


async def test_a_sign_of_life_that_comes_too_late_does_not_end_the_connection(proxy: Proxy) -> None:
    wire = await Wire.open([proxy.url])
    again: list[bool] = []
    wire.on_reconnect(lambda: again.append(True))
    proxy.hold()
    with pytest.raises(TimeoutError):
        await wire._client.flush(timeout=0.01)  # type: ignore[arg-type]
    proxy.let_go()
    async with asyncio.timeout(20):
        await wire.api("INFO")
    assert not again
    await wire.close()


async def test_events_of_while_a_listener_was_cut_off_are_heard_though_none_was_before(
    server: EmbeddedServer, name: str
) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with (
        asyncio.timeout(30),
        Proxy(server.port) as proxy,
        Queue(name, {"connection": server.url}) as queue,
    ):
        await queue.add("before", {})
        await (await queue.ledger()).event_log.flush()
        async with QueueEvents(name, {"connection": proxy.url}) as events:
            events.on("added", lambda args, _: heard.put_nowait(args["name"]))
            await events.waitUntilReady()
            proxy.refuse()
            await asyncio.to_thread(server.kill)  # with it goes what it was to tell the listener
            await asyncio.to_thread(server.start)
            await queue.add("meanwhile", {})
            await (await queue.ledger()).event_log.flush()
            proxy.heal()
            assert await heard.get() == "meanwhile"
