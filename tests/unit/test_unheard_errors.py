"""Errors of workers and listeners that have no listener of `error`."""

from __future__ import annotations

import logging
import socket

import pytest
from tests.faults.told import Told

from jetbull import JetbullError, Queue, QueueEvents, Worker
from jetbull.event_emitter import EventEmitter


@pytest.fixture
def nowhere() -> str:
    """The URL of a port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"nats://127.0.0.1:{taken.getsockname()[1]}"


async def process(job: object, token: str) -> None: ...


async def test_a_worker_without_a_server_says_so_where_nobody_listens(nowhere: str) -> None:
    with Told("Worker of emails: No NATS server answers", "jetbull.events") as told:
        worker = Worker("emails", process, {"connection": nowhere})
        await told.heard.wait()
        await worker.close()


async def test_a_listener_without_a_server_says_so_where_nobody_listens(nowhere: str) -> None:
    with Told("QueueEvents of emails: No NATS server answers", "jetbull.events") as told:
        events = QueueEvents("emails", {"connection": nowhere})
        await told.heard.wait()
        await events.close()


def test_an_error_that_repeats_itself_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    queue = Queue("emails")
    with caplog.at_level(logging.WARNING, "jetbull.events"):
        for text in ("away", "away", "refused", "away"):
            queue.complain(JetbullError(text))
    assert [record.getMessage() for record in caplog.records] == [
        "Queue of emails: away",
        "Queue of emails: refused",
        "Queue of emails: away",
    ]


def test_an_error_that_is_heard_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Exception] = []
    emitter = EventEmitter()
    emitter.on("error", heard.append)
    emitter.complain(JetbullError("away"))
    emitter.complain(OSError("gone"))
    assert [str(error) for error in heard] == ["away", "gone"]
    assert not caplog.records
