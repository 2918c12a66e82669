"""Jobs that are due soon join the line on time and in order, however many they are."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from jetbull import Queue
from jetbull.errors import ServerUnavailable
from jetbull.ledger.job import reading
from jetbull.ledger.job.promoting import promote_due
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.store.promoter import Promoter
from jetbull.server import EmbeddedServer

MANY = 3000
HOUR_MS = 3_600_000

Due = tuple[str, int]


async def test_thousands_come_in_the_order_of_due_times_then_of_adding() -> None:
    promoted: list[Due] = []
    all_are = asyncio.Event()

    async def promote(due: Sequence[Due]) -> None:
        promoted.extend(due)
        if len(promoted) == MANY:
            all_are.set()

    now = now_ms()
    jobs = [(str(n), now + random.Random(n).randrange(100)) for n in range(MANY)]
    promoter = Promoter(promote)
    for job in jobs:
        promoter.arm(*job)
    async with asyncio.timeout(30):
        await all_are.wait()
    assert promoted == sorted(jobs, key=lambda job: job[1])
    await promoter.close()


async def test_those_that_cannot_be_promoted_hold_up_none_behind_them() -> None:
    promoted = asyncio.Event()

    async def promote(due: Sequence[Due]) -> None:
        if "first" in dict(due):
            raise ServerUnavailable("gone for a moment")
        promoted.set()

    promoter = Promoter(promote)
    now = now_ms()
    promoter.arm("first", now + 1)
    promoter.arm("second", now + 50)
    async with asyncio.timeout(30):
        await promoted.wait()
    await promoter.close()


async def test_they_join_the_line_in_the_order_given_but_for_those_that_are_due_otherwise() -> None:
    with EmbeddedServer() as server:
        async with Queue("due", {"connection": server.url}) as queue:
            rows = [{"name": str(n), "opts": {"delay": HOUR_MS}} for n in range(120)]
            await queue.addBulk(rows)
            store = await queue.ledger()
            due: list[Due] = []
            for job in await queue.getDelayed():
                found = await reading.find(store, job.id)
                assert found is not None
                due.append((str(job.id), found.record.head["due"]))
            random.Random(1).shuffle(due)
            (other, otherwise), *rest = due
            await promote_due(store, [(other, otherwise + 1), ("unknown", otherwise), *rest])
            assert [job.id for job in await queue.getWaiting()] == [job_id for job_id, _ in rest]
            assert [job.id for job in await queue.getDelayed()] == [other]
