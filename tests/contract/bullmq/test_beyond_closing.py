"""close() and pause() within scopes that are cancelled; BullMQ keeps the event loop busy then."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import Gate
from tests.contract.bullmq.signals import PATIENCE
from tests.contract.bullmq.situations import added

from jetbull.errors import ConnectionClosedError
from jetbull.ledger.hub import open_connections

FEW = 10_000  # one that is kept busy turns a hundred thousand times


async def running(make: Makers, queue: Any, gate: Gate) -> Any:
    """A worker whose one job is held by the gate."""
    await added(queue, 1)
    worker = make.worker(queue, gate.process)
    await gate.holds(1)
    return worker


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One entry for each callback the event loop was given while the test ran."""
    given: list[None] = []
    real = asyncio.BaseEventLoop.call_soon

    def call_soon(loop: Any, callback: Callable[..., Any], *args: Any, **context: Any) -> Any:
        given.append(None)
        return real(loop, callback, *args, **context)

    monkeypatch.setattr(asyncio.BaseEventLoop, "call_soon", call_soon)
    return given


@pytest.mark.parametrize("method", ["close", "pause"])
async def test_a_cancelled_scope_of_anyio_waits_for_running_jobs_without_keeping_the_loop_busy(
    make: Makers, queue: Any, rounds: list[None], method: str
) -> None:
    gate = Gate()
    worker = await running(make, queue, gate)
    asyncio.get_running_loop().call_later(0.3, gate.open)
    rounds.clear()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await getattr(worker, method)()
    assert scope.cancelled_caught
    assert len(rounds) < FEW
    assert await queue.getJobCounts("completed", "active") == {"completed": 1, "active": 0}


async def in_asyncio(worker: Any) -> None:
    async with asyncio.timeout(0.01):
        await worker.close()


async def in_anyio(worker: Any) -> None:
    with anyio.fail_after(0.01):
        await worker.close()


@pytest.mark.parametrize("close", [in_asyncio, in_anyio])
async def test_a_limit_of_time_around_close_is_told_when_the_running_jobs_are_done(
    make: Makers, queue: Any, close: Callable[[Any], Awaitable[None]]
) -> None:
    gate = Gate()
    worker = await running(make, queue, gate)
    closing = asyncio.ensure_future(close(worker))
    await asyncio.sleep(0.05)
    assert not closing.done()
    gate.open()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(closing, PATIENCE)
    assert worker.closed is True


async def test_a_forced_close_ends_one_in_a_cancelled_scope(make: Makers, queue: Any) -> None:
    worker = await running(make, queue, Gate())

    async def close() -> bool:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await worker.close()
        return scope.cancelled_caught

    closing = asyncio.ensure_future(close())
    await asyncio.sleep(0)
    await asyncio.wait_for(worker.close(force=True), PATIENCE)
    assert await asyncio.wait_for(closing, PATIENCE)
    assert await queue.getJobCounts("active") == {"active": 1}


async def test_a_queue_that_is_closed_while_it_connects_keeps_no_connection(
    make: Makers,
) -> None:
    for turns in range(1, 60):
        queue = make.queue()
        adding = asyncio.ensure_future(queue.add("job", {}))
        for _ in range(turns):
            await asyncio.sleep(0)
        await queue.close()
        with contextlib.suppress(ConnectionClosedError):
            await asyncio.wait_for(adding, PATIENCE)
        assert open_connections() == {}


@pytest.mark.parametrize("rounds_of_the_loop", range(20))
async def test_listening_that_is_closed_while_it_connects_ends(
    make: Makers, rounds_of_the_loop: int
) -> None:
    events = make.events(make.queue())
    for _ in range(rounds_of_the_loop):
        await asyncio.sleep(0)
    await asyncio.wait_for(events.close(), PATIENCE)
    assert events.closed


async def test_producers_are_closed_at_the_end_of_their_block(make: Makers) -> None:
    queue = make.queue()
    async with make.flow_producer() as flows, make.events_producer(queue) as events:
        assert await flows.add({"name": "root", "queueName": queue.name})
        await events.publishEvent({"eventName": "mine"})
    assert await flows.add({"name": "root", "queueName": queue.name}) is None
    assert open_connections() == {}
