"""One run: servers, producers and workers, with a way to reach each of them."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from pathlib import Path
from time import time
from typing import Any, Self

from tests.faults.books import Book, read_runs
from tests.faults.producing import Producers
from tests.faults.proxy import Proxy
from tests.faults.servers import Servers
from tests.faults.worker import Orders
from tests.faults.workers import Workforce

from jetbull import Queue
from jetbull.errors import JetbullError
from jetbull.ledger.messages.names import OPEN, SETTLE
from jetbull.ledger.queue import counting
from jetbull.ledger.store.store import QueueStore

__all__ = ["QUEUE", "Stage"]

QUEUE = "faults"
_LIVE = ("wait", "head", "prio", "delayed", "active", "stalled", "children")
_PARENT_UNAWARE = (("completed", OPEN), ("failed", OPEN), (SETTLE, "*"))
_SETTLES_WITHIN = 90.0
_CONSUMES_WITHIN = 30.0


class Stage:
    """Everything a fault may touch. `workers` and `producers` reach the servers through proxies."""

    def __init__(
        self,
        folder: Path,
        seed: int,
        *,
        nodes: int = 1,
        workers: int = 3,
        sync: str | None = None,
        extra: dict[str, Any] | None = None,
        first: dict[str, Any] | None = None,
    ) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self._seed = seed
        self._first = first or {}
        self._count = workers
        self._stack = AsyncExitStack()
        self.servers = Servers(folder, nodes, sync=sync, extra=extra)
        self.to_workers: list[Proxy] = []
        self.to_producers: list[Proxy] = []
        self.workers: Workforce
        self.producers: Producers
        self.queue: Queue

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _open(self) -> None:
        push = self._stack.enter_async_context
        await push(self.servers)
        ports = [node.port for node in self.servers.nodes]
        self.to_workers = [await push(Proxy(port)) for port in ports]
        self.to_producers = [await push(Proxy(port)) for port in ports]
        replicas = self.servers.replicas
        where = {"url": [node.url for node in self.servers.nodes], "replicas": replicas}
        self.queue = Queue(QUEUE, {"connection": {**where, "name": "observer"}})
        self._stack.push_async_callback(self.queue.close)
        await self._first_store()
        book = Book(self.folder / "acknowledged.jsonl")
        self._stack.callback(book.close)
        away = ",".join(proxy.url for proxy in self.to_producers)
        self.producers = Producers([away], QUEUE, self._seed, book, replicas)
        self._stack.push_async_callback(self.producers.close)
        orders = Orders(
            url=",".join(proxy.url for proxy in self.to_workers),
            queue=QUEUE,
            name="",
            folder=str(self.folder),
            replicas=replicas,
        )
        self.workers = Workforce(self._count, orders)
        self._stack.push_async_callback(self.workers.kill)
        self.producers.start()
        await self.workers.start(**self._first)

    async def _first_store(self) -> None:
        """The first contact; a new cluster takes a while to have leaders."""
        async with asyncio.timeout(60):
            while True:
                try:
                    await self.queue.ledger()
                except JetbullError:
                    await asyncio.sleep(0.25)
                else:
                    return

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    # --- what faults need --------------------------------------------------------------

    async def ledger(self) -> QueueStore:
        """The observer's ledger, over a connection no fault touches."""
        return await self.queue.ledger()

    async def some_time(self, least: float, most: float) -> None:
        """A pause the seed chooses: between a fault and the next one."""
        await asyncio.sleep(self.random.uniform(least, most))

    # --- the end of a run --------------------------------------------------------------

    async def recovered(self, healed: float) -> float:
        """Seconds until every worker that is there has begun a job; inf when one never did."""
        deadline = healed + _CONSUMES_WITHIN
        while time() < deadline:
            first = self._first_runs(healed)
            names = self.workers.names
            if len(names) == self._count and all(name in first for name in names):
                return max(first[name] for name in names) - healed
            await asyncio.sleep(0.1)
        return float("inf")

    def _first_runs(self, since: float) -> dict[str, float]:
        first: dict[str, float] = {}
        for run in read_runs(self.folder):
            if run.begun > since:
                first.setdefault(run.worker, run.begun)
        return first

    async def settled(self) -> list[str]:
        """Waits until all jobs have ended and their parents know it, or nothing moves any more.

        Returns what still has not.
        """
        deadline = time() + _SETTLES_WITHIN
        store = await self.ledger()
        before: list[str] = []
        while True:
            live: list[str] = []
            for state, lane in (*((state, "*") for state in _LIVE), *_PARENT_UNAWARE):
                live += await counting.list_subjects(store, store.names.all_in(state, lane))
            if len(live) < len(before):
                deadline = time() + _SETTLES_WITHIN  # a long outage leaves a long line
            elif not live or time() > deadline:
                return live
            before = live
            await asyncio.sleep(0.2)
