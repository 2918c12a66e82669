"""CPU microseconds per ledger operation, for this process and for the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import psutil

from jetbull import Queue
from jetbull.ledger.adding.adding import NewJob, add, add_many
from jetbull.ledger.finishing import finishing
from jetbull.ledger.finishing.finishing import Failure
from jetbull.ledger.finishing.retention import KEEP_ALL
from jetbull.ledger.job import reading
from jetbull.ledger.job.lease import Lease
from jetbull.ledger.job.reading import find
from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.messages.placing import waiting
from jetbull.ledger.messages.record import Record
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.taking import Claim
from jetbull.server import EmbeddedServer

__all__ = ["run"]

_AT_ONCE = 100


async def run(count: int) -> None:
    """Measures each operation `count` times, a hundred at once where that is usual."""
    with EmbeddedServer() as server:
        async with Queue("bench", {"connection": server.url}) as queue:
            assert server.pid is not None
            bench = _Bench(await queue.ledger(), psutil.Process(server.pid), count)
            print(f"{'operation':34} {'/s':>9} {'client us':>10} {'server us':>10}")
            await bench.run()


class _Bench:
    def __init__(self, store: QueueStore, server: psutil.Process, count: int) -> None:
        self._store = store
        self._server = server
        self._count = count
        self._leases: dict[int, Lease] = {}

    async def run(self) -> None:
        """All operations, in an order in which each finds what it needs."""
        few = self._count // 10
        await self._measure("add, one by one", few, self._add, 1)
        await self._measure("add", self._count, lambda n: self._add(few + n))
        await self._bulk()
        await self._measure("find", few, self._find)
        await self._measure("find, one by one", few, self._find, 1)
        await self._measure("take", self._count, self._take)
        await self._measure("renew", few, self._renew)
        await self._measure("complete", self._count - few, lambda n: self._complete(few + n))
        await self._measure("fail", few, self._fail)
        await self._store.event_log.flush()

    def _new(self, number: int) -> NewJob:
        fixed = {"name": "job", "timestamp": number, "opts": {}}
        record = Record.new(fixed, b'{"pad":"%b"}' % (b"x" * 100))
        return NewJob(f"j{number}", record, waiting(), True)

    async def _add(self, number: int) -> None:
        await add(self._store, self._new(number))

    async def _bulk(self) -> None:
        begun = 10 * self._count

        async def some(number: int) -> None:
            first = begun + 1000 * number
            await add_many(self._store, [self._new(first + n) for n in range(1000)])

        await self._measure("add, by the thousand", self._count // 1000, some, 1, each=1000)

    async def _find(self, number: int) -> None:
        await find(self._store, f"j{number}")

    async def _take(self, number: int) -> None:
        stored = await reading.find(self._store, f"j{number}")
        assert stored is not None
        claim = Claim(f"j{number}", Ticket(stored), "t", 60_000, None, None)
        lease = await claim.lease(self._store)
        assert lease is not None
        self._leases[number] = lease

    async def _renew(self, number: int) -> None:
        await self._leases[number].update()

    async def _complete(self, number: int) -> None:
        await finishing.complete(self._leases[number], None, KEEP_ALL)

    async def _fail(self, number: int) -> None:
        failure = Failure("no", ["no"])
        await finishing.fail(self._leases[number], failure, KEEP_ALL)

    async def _measure(
        self,
        name: str,
        count: int,
        operation: Callable[[int], Awaitable[None]],
        at_once: int = _AT_ONCE,
        each: int = 1,
    ) -> None:
        numbers = iter(range(count))

        async def lane() -> None:
            for number in numbers:
                await operation(number)

        begun, client, server = time.monotonic(), time.process_time(), self._used()
        await asyncio.gather(*(lane() for _ in range(at_once)))
        total = count * each
        seconds = time.monotonic() - begun
        mine = (time.process_time() - client) / total * 1e6
        its = (self._used() - server) / total * 1e6
        print(f"{name:34} {total / seconds:9,.0f} {mine:10.1f} {its:10.1f}", flush=True)

    def _used(self) -> float:
        return sum(self._server.cpu_times()[:2])
