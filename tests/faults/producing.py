"""Producers: they add jobs of many kinds and write down what was acknowledged."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests.faults.books import Book

from jetbull import FlowProducer, Queue
from jetbull.errors import JetbullError

__all__ = ["Producers", "Promise"]

_CALLS = {"connect_timeout": 2}


@dataclass(frozen=True, slots=True)
class Promise:
    """A job the server acknowledged, and what has to come of it."""

    job_id: str
    number: int
    tries: int
    state: str
    due: float = 0.0
    removed: bool = False


class Producers:
    """`count` producers with a connection each, adding until stopped."""

    def __init__(
        self, urls: list[str], queue: str, seed: int, book: Book, replicas: int, count: int = 3
    ) -> None:
        self._book = book
        self._random = random.Random(seed)
        self._queues = [
            Queue(
                queue,
                {
                    "connection": {
                        "url": urls[i % len(urls)].split(","),
                        "name": f"producer{i}",
                        "replicas": replicas,
                        **_CALLS,
                    }
                },
            )
            for i in range(count)
        ]
        self._numbers = _Numbers()
        self._tasks: list[asyncio.Task[None]] = []
        self._stop = asyncio.Event()
        self.kept: list[Promise] = []
        self.refused: list[str] = []
        self.uncertain: set[int] = set()
        self.pause = 0.03

    def start(self) -> None:
        """All begin to add."""
        self._tasks = [asyncio.create_task(self._produce(queue)) for queue in self._queues]

    async def stop(self) -> None:
        """No more jobs; raises what ended a producer early."""
        self._stop.set()
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """Ends the connections."""
        self._stop.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(queue.close() for queue in self._queues))

    async def _produce(self, queue: Queue) -> None:
        while not self._stop.is_set():
            await self._add(queue)
            await asyncio.sleep(self.pause * self._random.uniform(0.5, 1.5))

    async def _add(self, queue: Queue) -> None:
        dice = self._random.random()
        if dice < 0.05:
            await self._add_many(queue)
            return
        if dice > 0.95:
            await self._add_flow(queue)
            return
        number, data, opts = self._numbers.take(), {"act": "ok", "ms": 0}, dict[str, Any]()
        tries, state = 1, "completed"
        if dice < 0.15:
            data["act"], opts["attempts"], tries = "fail once", 2, 2
        elif dice < 0.2:
            data["act"], state = "fail", "failed"
        elif dice < 0.3:
            opts["delay"] = self._random.randrange(50, 1500)
        elif dice < 0.4:
            opts["priority"] = self._random.randrange(1, 4)
        elif dice < 0.45:
            opts["lifo"] = True
        elif dice < 0.5:
            opts["removeOnComplete"] = True
        elif dice < 0.55:
            opts["deduplication"] = {"id": f"only {number}"}
        if self._random.random() < 0.04:
            data["ms"] = self._random.randrange(1000, 2500)
        elif self._random.random() < 0.4:
            data["ms"] = self._random.randrange(20, 300)
        try:
            job = await queue.add("job", {"n": number, **data}, opts)
        except JetbullError as error:
            self.refused.append(f"{type(error).__name__}: {error}")
            self.uncertain.add(number)
            return
        due = (job.timestamp + opts["delay"]) / 1000 if "delay" in opts else 0.0
        self._keep(Promise(job.id, number, tries, state, due, "removeOnComplete" in opts))

    async def _add_many(self, queue: Queue) -> None:
        at_once = self._random.random() < 0.3  # all due in one moment
        delay = self._random.randrange(200, 1000) if at_once else 0
        numbers = [self._numbers.take() for _ in range(60 if at_once else 10)]
        opts = {"delay": delay, "timestamp": round(time.time() * 1000)} if at_once else {}
        wishes = [{"name": "job", "data": {"n": n, "act": "ok"}, "opts": opts} for n in numbers]
        try:
            jobs = await queue.addBulk(wishes)
        except JetbullError as error:
            self.refused.append(f"{type(error).__name__}: {error}")
            self.uncertain.update(numbers)
            return
        for number, job in zip(numbers, jobs, strict=True):
            due = (job.timestamp + delay) / 1000 if at_once else 0.0
            self._keep(Promise(job.id, number, 1, "completed", due))

    async def _add_flow(self, queue: Queue) -> None:
        numbers = [self._numbers.take() for _ in range(4)]
        nodes = [
            {"name": "job", "queueName": queue.name, "data": {"n": n, "act": "ok"}} for n in numbers
        ]
        producer = FlowProducer(queue.opts["connection"])
        try:
            tree = await producer.add({**nodes[0], "children": nodes[1:]})
        except JetbullError as error:
            self.refused.append(f"{type(error).__name__}: {error}")
            self.uncertain.update(numbers)
            return
        finally:
            await producer.close()
        assert tree is not None
        jobs = [tree["job"], *(child["job"] for child in tree["children"])]
        for number, job in zip(numbers, jobs, strict=True):
            self._keep(Promise(str(job.id), number, 1, "completed"))

    def _keep(self, promise: Promise) -> None:
        self._book.write(job=promise.job_id, n=promise.number)
        self.kept.append(promise)


class _Numbers:
    """Numbers the jobs, so that one added twice is seen under whatever ids."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def take(self) -> int:
        return next(self._numbers)
