"""Workers and listeners whose server is away or answers nothing: they close, nobody waits on."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.faults.silence import silent_server
from tests.faults.told import Told

from jetbull import Job, Queue, QueueEvents, Worker
from jetbull.errors import AckTimeout, ConfigurationError, ConnectionClosedError
from jetbull.ledger.hub import open_connections
from jetbull.ledger.store.rounds import Rounds
from jetbull.server import EmbeddedServer

PATIENCE = 10.0


async def done(job: Job, token: str) -> str:
    return "done"


async def _ends(ending: asyncio.Future[None], patience: float = PATIENCE) -> bool:
    """Whether it ends in time; that it is waited for does not cancel it."""
    ended, _ = await asyncio.wait([ending], timeout=patience)
    return bool(ended)


async def test_a_worker_that_could_take_no_job_in_an_outage_closes_before_it_ends(
    server: EmbeddedServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jetbull.ledger.wire.wire.READ_PATIENCE", 0.1)
    options = {"connection": server.url, "limiter": {"max": 1, "duration": 1000}}
    worker = Worker(name, done, options)
    try:
        with Told("did not answer in time", "jetbull.events") as told:
            await asyncio.wait_for(worker.waitUntilReady(), PATIENCE)
            await worker.pause()
            server.kill()
            worker.resume()
            await asyncio.wait_for(told.heard.wait(), PATIENCE)
        closing = asyncio.ensure_future(worker.close())
        assert await _ends(closing)
    finally:
        await worker.close(force=True)


@pytest.mark.parametrize("force", [False, True], ids=["gracefully", "by force"])
async def test_a_worker_closes_while_the_server_answers_nothing(name: str, force: bool) -> None:
    async with silent_server() as url:
        worker = Worker(name, done, {"connection": url})
        with Told("permissions violation", "jetbull.wire") as told:
            await asyncio.wait_for(told.heard.wait(), PATIENCE)
        closing = asyncio.ensure_future(worker.close(force))
        assert await _ends(closing)


def _worker(name: str, connection: Any) -> Worker:
    return Worker(name, done, {"connection": connection})


def _events(name: str, connection: Any) -> QueueEvents:
    return QueueEvents(name, {"connection": connection})


@pytest.mark.parametrize("make", [_worker, _events], ids=["a worker", "events"])
@pytest.mark.parametrize("begun", [False, True], ids=["before it began", "while it connects"])
async def test_who_waits_for_readiness_learns_of_the_end(
    name: str, make: Callable[[str, Any], Worker | QueueEvents], begun: bool
) -> None:
    made = make(name, "nats://127.0.0.1:1")
    if begun:
        told = asyncio.Event()
        made.on("error", lambda *_: told.set())
        await asyncio.wait_for(told.wait(), PATIENCE)
    waiting = asyncio.ensure_future(made.waitUntilReady())
    await made.close()
    for wait in (waiting, made.waitUntilReady()):
        with pytest.raises(ConnectionClosedError, match=r"^Connection is closed$"):
            await asyncio.wait_for(wait, PATIENCE)


@pytest.mark.parametrize("make", [_worker, _events], ids=["a worker", "events"])
async def test_an_error_that_does_not_pass_is_told_to_listeners_and_to_who_waits_for_readiness(
    name: str, make: Callable[[str, Any], Worker | QueueEvents]
) -> None:
    made = make(name, {"url": "nats://127.0.0.1", "user_credentials": "/nowhere"})
    errors: list[Exception] = []
    made.on("error", errors.append)
    with pytest.raises(
        ConfigurationError,
        match=r"user_credentials \(NATS_CREDS\) names /nowhere, which is no file",
    ) as raised:
        await asyncio.wait_for(made.waitUntilReady(), PATIENCE)
    assert errors == [raised.value]
    await made.close()


async def test_events_go_on_trying_while_the_server_answers_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jetbull.ledger.wire.wire.READ_PATIENCE", 0.1)
    async with silent_server() as url:
        events = _events(name, url)
        errors: asyncio.Queue[Exception] = asyncio.Queue()
        events.on("error", errors.put_nowait)
        assert isinstance(await asyncio.wait_for(errors.get(), 2 * PATIENCE), AckTimeout)
        assert events.running
        await events.close()


@pytest.fixture
async def frozen(server: EmbeddedServer) -> AsyncIterator[Callable[..., None]]:
    """Stops the server, so that it is there and says nothing, until the test ends."""
    pid = server.pid
    assert pid is not None

    def freeze(*_: object) -> None:
        os.kill(pid, signal.SIGSTOP)
        os.waitpid(pid, os.WUNTRACED)  # on a busy machine it may go on for some milliseconds

    yield freeze
    os.kill(pid, signal.SIGCONT)


async def test_a_close_that_is_cancelled_lets_go_of_the_connection(
    server: EmbeddedServer, name: str, frozen: Callable[..., None]
) -> None:
    queue = Queue(name, {"connection": server.url})
    store = await queue.ledger()
    frozen()
    store.emit("told")
    closing = asyncio.ensure_future(queue.close())
    await asyncio.sleep(0)  # it waits until the event is stored
    closing.cancel()
    assert await _ends(closing)
    assert open_connections() == {}


async def test_a_listener_whose_close_was_cancelled_can_be_closed_again(
    server: EmbeddedServer, name: str
) -> None:
    events = QueueEvents(name, {"connection": server.url})
    await events.waitUntilReady()
    closing = asyncio.ensure_future(events.close())
    await asyncio.sleep(0)  # it waits for the listening to end
    closing.cancel()
    assert await _ends(closing)
    await events.close()
    assert events.closed
    assert open_connections() == {}


async def test_a_queue_closes_though_nobody_takes_back_the_ids_it_reserved(
    server: EmbeddedServer, name: str, frozen: Callable[..., None]
) -> None:
    queue = Queue(name, {"connection": server.url})
    for number in range(4):
        await queue.add("job", number)
    await (await queue.ledger()).event_log.flush()
    frozen()
    closing = asyncio.ensure_future(queue.close())
    assert await _ends(closing)


async def test_a_queue_closes_though_what_it_has_left_to_do_is_not_answered(
    server: EmbeddedServer, name: str, frozen: Callable[..., None]
) -> None:
    queue = Queue(name, {"connection": server.url})
    store = await queue.ledger()

    async def ask() -> None:
        await store.wire.api("INFO")

    store.trims["left"] = Rounds(ask)
    frozen()
    store.trims["left"].leave()
    closing = asyncio.ensure_future(queue.close())
    assert await _ends(closing, 2 * PATIENCE)
    assert open_connections() == {}


async def test_a_worker_closes_though_nobody_tells_whether_its_queue_is_drained(
    server: EmbeddedServer, name: str, frozen: Callable[..., None]
) -> None:
    worker = Worker(name, done, {"connection": server.url})
    ended = asyncio.Event()
    worker.on("completed", frozen)
    worker.on("completed", lambda *_: ended.set())
    async with Queue(name, {"connection": server.url}) as queue:
        await worker.waitUntilReady()
        await queue.add("job", {})
        await asyncio.wait_for(ended.wait(), PATIENCE)
        closing = asyncio.ensure_future(worker.close())
        assert await _ends(closing, 2.5 * PATIENCE)


async def test_a_queue_that_is_drained_while_the_server_says_nothing_is_told_to_be_later(
    server: EmbeddedServer, name: str, frozen: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jetbull.ledger.wire.wire.READ_PATIENCE", 0.1)
    worker = Worker(name, done, {"connection": server.url})
    drained = asyncio.Event()
    worker.on("completed", frozen)
    worker.on("drained", drained.set)
    async with Queue(name, {"connection": server.url}) as queue:
        await worker.waitUntilReady()
        with Told("is drained has to be asked again", "jetbull.worker") as told:
            await queue.add("job", {})
            await asyncio.wait_for(told.heard.wait(), PATIENCE)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGCONT)
        await asyncio.wait_for(drained.wait(), 2 * PATIENCE)
        await worker.close()


async def test_a_worker_closes_though_nobody_tells_whether_its_last_outcome_is_stored(
    server: EmbeddedServer, name: str, frozen: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jetbull.workers.silence._SILENT_SECONDS", 1.0)
    options = {"connection": server.url, "lockDuration": 1000}
    begun, go, errors = asyncio.Event(), asyncio.Event(), list[tuple[Exception, Job]]()

    async def hold(job: Job, token: str) -> str:
        begun.set()
        await go.wait()
        return "done"

    worker = Worker(name, hold, options)
    worker.on("error", lambda error, *job: errors.append((error, *job)))
    async with Queue(name, {"connection": server.url}) as queue:
        job = await queue.add("job", {})
        await asyncio.wait_for(begun.wait(), PATIENCE)
        frozen()
        closing = asyncio.ensure_future(worker.close())
        go.set()
        assert await _ends(closing, 2.5 * PATIENCE)
        told, of = errors[-1]
        assert of.id == job.id
        assert re.search("runs again when its lock is over", str(told))
        assert server.pid is not None
        os.kill(server.pid, signal.SIGCONT)
        # Either the server finds the outcome in its socket, or the job runs again.
        async with Worker(name, done, options), _events(name, server.url) as events:
            assert await job.waitUntilFinished(events, int(PATIENCE * 2000)) == "done"


async def test_a_worker_closes_though_nobody_tells_what_a_job_that_was_run_by_hand_came_to(
    server: EmbeddedServer, name: str, frozen: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jetbull.workers.silence._SILENT_SECONDS", 1.0)
    begun, go, told = asyncio.Event(), asyncio.Event(), list[str]()

    async def hold(job: Job, token: str) -> None:
        begun.set()
        await go.wait()

    worker = Worker(name, hold, {"connection": server.url, "autorun": False})
    worker.on("error", lambda error, *_: told.append(str(error)))
    async with Queue(name, {"connection": server.url}) as queue:
        await queue.add("job", {})
        job = await worker.getNextJob("token")
        assert job is not None
        running = asyncio.ensure_future(worker.processJob(job, "token"))
        await begun.wait()
        frozen()
        go.set()
        closing = asyncio.ensure_future(worker.close())
        assert await _ends(closing, 2 * PATIENCE)
        assert any("runs again when its lock is over" in text for text in told)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGCONT)
        assert await _ends(running)


async def test_a_worker_closes_though_nobody_takes_back_its_place_under_a_limit(
    server: EmbeddedServer, name: str, frozen: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jetbull.workers.silence._SILENT_SECONDS", 1.0)
    worker = Worker(name, done, {"connection": server.url})
    ended = asyncio.Event()
    worker.on("completed", frozen)
    worker.on("completed", lambda *_: ended.set())
    async with Queue(name, {"connection": server.url}) as queue:
        await queue.setGlobalConcurrency(1)
        await worker.waitUntilReady()
        await queue.add("job", {})
        await asyncio.wait_for(ended.wait(), PATIENCE)
        closing = asyncio.ensure_future(worker.close())
        assert await _ends(closing, 2.5 * PATIENCE)
