"""A program that may not make the streams itself, while they are not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.faults.told import Told

from jetbull import Queue, QueueEvents
from jetbull.errors import StreamMissing
from jetbull.ledger.hub import open_connections
from jetbull.ledger.streams.streams import ensure_streams
from jetbull.ledger.wire import Wire
from jetbull.server import EmbeddedServer

_USERS = [
    {"user": "owner", "password": "x"},
    {
        "user": "guest",
        "password": "x",
        "permissions": {"publish": {"deny": ["$JS.API.STREAM.CREATE.>"]}},
    },
    {
        "user": "deaf",
        "password": "x",
        "permissions": {"publish": {"deny": ["$JS.API.CONSUMER.CREATE.>"]}},
    },
]
_PATIENCE = 30.0


@pytest.fixture
async def server() -> AsyncIterator[EmbeddedServer]:
    """A server on which a guest may not make streams, and the deaf may not listen."""
    async with EmbeddedServer(extra={"authorization": {"users": _USERS}}) as server:
        yield server


def queue_of(user: str, server: EmbeddedServer, name: str) -> Queue:
    """The queue, as that user sees it."""
    return Queue(name, {"connection": {"url": server.url, "user": user, "password": "x"}})


async def test_events_wait_until_somebody_makes_their_stream_anew(
    server: EmbeddedServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jetbull.ledger.wire.wire.READ_PATIENCE", 0.1)
    async with queue_of("owner", server, name) as owner, queue_of("guest", server, name) as guest:
        anew, store = await owner.ledger(), await guest.ledger()
        space = store.names.space
        await store.wire.api(f"STREAM.DELETE.{space.events}")
        with Told("the stream of events is not there yet", "jetbull.events") as told:
            store.emit("told")
            await asyncio.wait_for(told.heard.wait(), _PATIENCE)
        await ensure_streams(anew.wire, space)
        assert await guest.client.xlen(guest.toKey("events")) == 1


async def test_nobody_answers_for_a_prefix_that_could_not_be_opened(
    server: EmbeddedServer, name: str
) -> None:
    guest = queue_of("guest", server, name)
    with Told("permissions violation", "jetbull.wire") as told:
        opening = asyncio.ensure_future(guest.waitUntilReady())
        await asyncio.wait_for(told.heard.wait(), _PATIENCE)
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    assert [subscriptions for _, subscriptions in open_connections().values()] == [0]
    await guest.close()


async def test_a_listener_that_is_refused_for_good_says_so(
    server: EmbeddedServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jetbull.ledger.wire.wire.READ_PATIENCE", 0.1)
    async with queue_of("owner", server, name) as owner:
        await owner.waitUntilReady()
        connection = {"url": server.url, "user": "deaf", "password": "x"}
        told = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(_PATIENCE):
            events = QueueEvents(name, {"connection": connection})
            events.once("error", told.set_result)
            assert "permissions violation" in str(await told)
            await events.close()


async def test_who_asks_while_nobody_listens_is_answered_once_somebody_does(
    server: EmbeddedServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()
    lost = Wire._lost

    async def noticed(self: Wire, subject: str) -> int:
        asked.set()
        return await lost(self, subject)

    monkeypatch.setattr(Wire, "_lost", noticed)
    async with queue_of("owner", server, name) as queue, asyncio.timeout(_PATIENCE):
        job = await queue.add("job", {"is": "kept"})
        store = await queue.ledger()
        stream = store.names.space.jobs
        config = (await store.wire.api(f"STREAM.INFO.{stream}"))["config"]
        # As while a server shuts down or recovers.
        await store.wire.api(f"STREAM.UPDATE.{stream}", {**config, "allow_direct": False})
        question = asyncio.ensure_future(queue.getJob(str(job.id)))
        await asked.wait()
        await store.wire.api(f"STREAM.UPDATE.{stream}", config)
        found = await question
        assert found is not None
        assert found.data == {"is": "kept"}


async def test_who_asks_about_a_stream_that_is_lost_is_told_so(
    server: EmbeddedServer, name: str
) -> None:
    async with queue_of("owner", server, name) as queue:
        store = await queue.ledger()
        await store.wire.api(f"STREAM.DELETE.{store.names.space.jobs}")
        with pytest.raises(StreamMissing) as told:
            await queue.getJob("1")
        assert told.value.code == 10059
