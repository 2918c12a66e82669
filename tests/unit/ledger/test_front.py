"""The first tickets of a line, read without a consumer: in order, wherever they stand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from jetbull import Queue
from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.messages.names import last_token
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.front import first_of, still_waits
from jetbull.ledger.taking.line import Line
from jetbull.ledger.taking.taking import Claim
from jetbull.server import EmbeddedServer


@pytest.fixture
async def alone() -> AsyncIterator[Queue]:
    """A queue on a server of its own: nothing of others stands before its first job."""
    with EmbeddedServer() as server:
        async with Queue("alone", {"connection": server.url}) as queue:
            yield queue


async def add(queue: Queue, first: int, count: int, **opts: Any) -> None:
    """Jobs with the numbers from `first` on as their ids."""
    rows = range(first, first + count)
    await queue.addBulk(
        [{"name": "n", "data": {}, "opts": {**opts, "jobId": f"j{n}"}} for n in rows]
    )


def number(ticket: Ticket) -> int:
    return int(last_token(ticket.stored.subject)[1:])


async def claim(store: QueueStore, ticket: Ticket) -> None:
    """The job begins, and its ticket is gone."""
    job_id = last_token(ticket.stored.subject)
    assert await Claim(job_id, ticket, "token", 30_000, None, None).lease(store) is not None
    await store.purge(ticket.stored.subject, seq=ticket.stored.seq + 1)


async def claimed(store: QueueStore, level: int) -> list[int]:
    """The numbers of all jobs of a level, in the order they were claimed."""
    numbers = []
    while (ticket := await first_of(store, level)) is not None:
        await claim(store, ticket)
        numbers.append(number(ticket))
    return numbers


@pytest.mark.parametrize("level", [0, 3])
async def test_jobs_come_in_order_though_the_stream_begins_with_them(
    alone: Queue, level: int
) -> None:
    await add(alone, 0, 30, **({"priority": level} if level else {}))
    assert await claimed(await alone.ledger(), level) == list(range(30))


async def test_jobs_come_in_order_where_those_of_another_queue_stand_between(alone: Queue) -> None:
    async with Queue("other", alone.opts) as other:
        for start in range(0, 30, 3):
            await add(other, start, 2)
            await add(alone, start, 3)
        assert await claimed(await alone.ledger(), 0) == list(range(30))
        assert await claimed(await other.ledger(), 0) == [n for n in range(30) if n % 3 < 2]


async def test_a_job_is_found_before_the_place_where_the_first_one_was_seen(alone: Queue) -> None:
    await add(alone, 0, 3)
    store = await alone.ledger()
    store.fronts[0] = 1_000  # as a server counts again that lost what it had not written down
    ticket = await first_of(store, 0)
    assert ticket is not None and number(ticket) == 0


async def test_whether_any_job_still_waits_is_known_where_one_was_seen(alone: Queue) -> None:
    await add(alone, 0, 2)
    store = await alone.ledger()
    assert not await still_waits(store)  # nobody looked
    for waits in (True, False):
        ticket = await first_of(store, 0)
        assert ticket is not None
        await claim(store, ticket)
        assert await still_waits(store) is waits


@pytest.mark.parametrize("count", [1, 4])
async def test_a_worker_with_few_places_finds_all_in_order(alone: Queue, count: int) -> None:
    """First one behind the other, then far apart, then again one behind the other."""
    async with Queue("other", alone.opts) as other:
        await add(alone, 0, 40)
        for start in range(40, 60):
            await add(other, start, 9)
            await add(alone, start, 1)
        await add(alone, 60, 40)
    store, numbers = await alone.ledger(), list[int]()
    line = Line(store)
    while found := await line.first(count, [0], lambda stored: False):
        for ticket in found:
            await claim(store, ticket)
            line.gone(ticket.stored)
            numbers.append(number(ticket))
    assert numbers == list(range(100))
