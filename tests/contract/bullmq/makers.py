"""Makers of queues, workers, ... for one test: all share its prefix, all are closed at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

from tests.contract.bullmq.backends.backend import Backend
from tests.contract.bullmq.signals import PATIENCE

Processor = Callable[..., Any]


class Makers:
    """Builds what a test needs on one back end. `options` are BullMQ's, as keywords."""

    def __init__(self, backend: Backend, stack: AsyncExitStack) -> None:
        self.backend = backend
        self.prefix = f"contract-{uuid4().hex[:8]}"
        self.workers: list[Any] = []
        self._stack = stack

    def queue(self, name: str | None = None, **options: Any) -> Any:
        """A Queue; its name is unique unless given."""
        queue = self.backend.Queue(name or _unique_name(), self.options(options))
        self._close_later(queue.close)
        return queue

    def worker(self, queue: Any, process: Processor | None = None, **options: Any) -> Any:
        """A Worker of `queue` (a Queue or a name); without `process` it only fetches by hand."""
        options = self.options({**self.backend.worker_defaults, **options})
        worker = self.backend.Worker(_name_of(queue), process, options)
        self.backend.prepare_worker(worker)
        self.workers.append(worker)
        self._close_later(worker.close)
        return worker

    def events(self, queue: Any, **options: Any) -> Any:
        """A QueueEvents that tells the whole history, so that no test has to be in time."""
        options.setdefault("lastEventId", "0")
        events = self.backend.QueueEvents(_name_of(queue), self.options(options))
        self._close_later(events.close)
        return events

    def events_producer(self, queue: Any, **options: Any) -> Any:
        """A QueueEventsProducer for `queue`."""
        producer = self.backend.QueueEventsProducer(_name_of(queue), self.options(options))
        self._close_later(producer.close)
        return producer

    def flow_producer(self, **options: Any) -> Any:
        """A FlowProducer."""
        producer = self.backend.FlowProducer(None, self.options(options))
        self._close_later(producer.close)
        return producer

    def options(self, options: dict[str, Any]) -> dict[str, Any]:
        """`options` with the connection and the test's prefix, unless they hold their own."""
        return {**self.backend.connection, "prefix": self.prefix, **options}

    def _close_later(self, close: Callable[[], Awaitable[Any]]) -> None:
        async def close_in_time() -> None:
            async with asyncio.timeout(PATIENCE):
                await close()

        self._stack.push_async_callback(close_in_time)


def _unique_name() -> str:
    return f"queue-{uuid4().hex[:8]}"


def _name_of(queue: Any) -> str:
    return queue if isinstance(queue, str) else str(queue.name)
