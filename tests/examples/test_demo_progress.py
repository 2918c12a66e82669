"""What the demo says when its jobs do not go on, or fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import anyio
import pytest

from audibook_demo.progress import Follower, follow
from jetbull import Job, Queue, QueueEvents, Worker
from jetbull.server import EmbeddedServer


class _Said:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.first = anyio.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def say(self, text: str) -> None:
        self.lines.append(text)
        self.first.set()

    def show(self, stage: str, done: int, total: int) -> None: ...


@pytest.fixture(scope="module")
def nats_url() -> Iterator[str]:
    with EmbeddedServer() as server:
        yield server.url


async def test_the_failure_that_is_told_is_the_one_the_others_come_from() -> None:
    follower = Follower(_Said(), {"page": ["p"], "book": ["b"]})
    follower.failed("b", "child p failed")
    follower.failed("p", "no room")
    assert follower.first_failure == ("p", "no room")


async def test_when_nothing_goes_on_the_logs_are_named_once(nats_url: str) -> None:
    said = _Said()
    async with (
        Queue("q", {"connection": nats_url}) as queue,
        QueueEvents("q", {"connection": nats_url}) as events,
        anyio.create_task_group() as tasks,
    ):
        await events.waitUntilReady()
        job = await queue.add("n", {}, {"jobId": "j"})
        tasks.start_soon(follow, queue, events, {"n": ["j"]}, said, Path("the/logs"), 0.0)
        await said.first.wait()
        async with Worker("q", _done, {"connection": nats_url}):
            await job.waitUntilFinished(events)
    assert said.lines == ["Nothing was done for 0 s; the logs in the/logs may tell why."]


async def _done(job: Job) -> None: ...
