"""Who asks for the workers waits until all have answered, and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from jetbull import Queue, Worker
from jetbull.ledger.queue import presence
from jetbull.server import EmbeddedServer

_LONG = 600.0  # seconds that no test waits


@pytest.fixture
async def server() -> AsyncIterator[EmbeddedServer]:
    with EmbeddedServer() as server:
        yield server


async def _nothing(_: Any, __: str) -> None:
    pass


async def _workers(stack: AsyncExitStack, connections: list[Any]) -> None:
    for number, connection in enumerate(connections):
        worker = Worker("asked", _nothing, {"connection": connection, "name": f"w{number}"})
        stack.push_async_callback(worker.close)
        await worker.waitUntilReady()


async def _names(queue: Queue[Any, Any]) -> list[str]:
    async with asyncio.timeout(20):
        return sorted(str(worker["workerName"]) for worker in await queue.getWorkers())


async def test_the_answer_is_there_when_the_last_worker_has_answered(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "_ANSWER_SECONDS", _LONG)
    other = {"url": server.url, "name": "another connection"}
    async with AsyncExitStack() as stack, Queue("asked", {"connection": server.url}) as queue:
        await _workers(stack, [server.url, other, other])
        all_at_once = await asyncio.gather(*(_names(queue) for _ in range(3)))
        assert all_at_once == [["w0", "w1", "w2"]] * 3


async def test_where_there_is_no_worker_nobody_waits(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "_ANSWER_SECONDS", _LONG)
    async with Queue("asked", {"connection": server.url}) as queue:
        assert await _names(queue) == []


async def test_a_login_that_may_not_ask_for_traces_hears_who_answers_within_a_moment() -> None:
    denied = {"publish": {"deny": ["jbh.*.*.traced"]}}
    users: list[dict[str, Any]] = [{"user": "all", "password": "x"}]
    users.append({"user": "some", "password": "x", "permissions": denied})
    with EmbeddedServer(extra={"authorization": {"users": users}}) as server:
        logins = [{"url": server.url, "user": u["user"], "password": "x"} for u in users]
        async with AsyncExitStack() as stack, Queue("asked", {"connection": logins[1]}) as queue:
            await _workers(stack, [logins[0], logins[0]])
            assert await _names(queue) == ["w0", "w1"]
