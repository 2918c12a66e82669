"""What is larger than the server takes is refused here: for that the server would hang up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from jetbull import Job, Queue, Worker
from jetbull.errors import PayloadTooLarge
from jetbull.ledger.messages.names import Space
from jetbull.ledger.streams.events import EventLog
from jetbull.ledger.streams.streams import ensure_streams
from jetbull.ledger.wire import Wire
from jetbull.server import EmbeddedServer

_MOST = 64 * 1024
_HEADERS = {"A": "b"}
_BLOCK = len(b"NATS/1.0\r\nA: b\r\n\r\n")
_SPACE = Space("sizes")


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    with EmbeddedServer(extra={"max_payload": _MOST}) as server:
        wire = await Wire.open([server.url])
        await ensure_streams(wire, _SPACE)
        yield wire
        await wire.close()


async def test_the_headers_of_a_message_count_as_the_server_counts_them(wire: Wire) -> None:
    lost: list[bool] = []
    wire.on_reconnect(lambda: lost.append(True))
    subject = _SPACE.queue("q").log("1")
    assert await (await wire.post(subject, b"x" * (_MOST - _BLOCK), _HEADERS)) == 1
    with pytest.raises(PayloadTooLarge, match=f"of {_MOST + 1} bytes is larger than the {_MOST} "):
        await wire.post(subject, b"x" * (_MOST - _BLOCK + 1), _HEADERS)
    assert await (await wire.post(subject, b"", None)) == 2
    assert not lost
    assert not wire.unanswered


async def test_events_that_fill_a_message_to_the_last_byte_are_stored(wire: Wire) -> None:
    events = EventLog(wire, _SPACE)
    row, count = '{"event":"x"}', 100
    rest = _MOST - count * (len(row) + 1) - len('[{"event":""}]')
    for text in (*[row] * count, f'{{"event":"{"y" * rest}"}}'):
        events.append(_SPACE.queue("q").events, text)
    async with asyncio.timeout(20):
        await events.flush()
    stored = await wire.get_last(_SPACE.events, _SPACE.queue("q").events)
    assert stored is not None
    assert b"yyy" in stored.data
    await events.close()


async def test_tries_that_fail_with_the_longest_of_errors_are_stored_beside_large_data(
    wire: Wire,
) -> None:
    options = {"connection": wire.url}
    failed = asyncio.Event()

    async def process(job: Job, token: str) -> None:
        await job.updateProgress("p" * (_MOST // 10 - 10))
        raise ValueError("\x01" * 50_000)  # each takes six bytes

    async with Queue("sizes", options) as queue, asyncio.timeout(30):
        given = {"x" * 1000: "y" * (_MOST // 8 - 1200)}
        job = await queue.add("job", "d" * 20_000, {"attempts": 30, "telemetry": given})
        worker = Worker("sizes", process, options)
        worker.on("failed", lambda job, error: failed.set() if job.attemptsMade == 30 else None)
        await failed.wait()
        await worker.close()
        found = await queue.getJob(job.id)
        assert found is not None
        assert found.failedReason is not None
        assert found.failedReason.endswith("… (50000 characters in all)")
        assert len(found.stacktrace) > 1
        assert len(json.dumps(found.stacktrace, separators=(",", ":"))) <= _MOST // 8 + 100
        assert await found.getState() == "failed"


async def test_a_name_and_options_that_leave_no_room_are_refused(wire: Wire) -> None:
    async with Queue("sizes", {"connection": wire.url}) as queue:
        with pytest.raises(PayloadTooLarge, match=f"there is room for {_MOST // 8}"):
            await queue.add("n" * (_MOST // 8), {})
        with pytest.raises(PayloadTooLarge, match="its data, which may have any size"):
            await queue.addBulk([{"name": "n" * (_MOST // 8), "data": {}}])
        assert await queue.count() == 0


async def test_an_account_that_may_send_less_than_its_server_takes_is_heard() -> None:
    """By the server's second word, once it knows who is there."""
    accounts = {
        "SMALL": {
            "jetstream": "enabled",
            "users": [{"user": "small", "password": "s"}],
            "limits": {"max_payload": _MOST},
        }
    }
    done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    with EmbeddedServer(extra={"accounts": accounts}) as server:
        options = {"connection": {"servers": server.url, "user": "small", "password": "s"}}
        worker = Worker("sizes", lambda job: job.data * 2, options)
        worker.on("completed", lambda job, result: done.set_result(result))
        async with Queue("sizes", options) as queue, asyncio.timeout(30):
            wire = (await queue.ledger()).wire
            lost: list[bool] = []
            wire.on_reconnect(lambda: lost.append(True))
            await queue.add("job", "d" * _MOST)
            assert await done == "d" * 2 * _MOST
            assert wire.max_payload == _MOST
            assert not lost
            await worker.close()
