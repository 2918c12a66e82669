"""The head of the queue as a worker reads it: newest first, many at a time, nothing passed over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jetbull import Queue
from jetbull.ledger.job.lease import Lease
from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.messages.names import last_token
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.head import Head
from jetbull.ledger.taking.taking import Claim

LIFO = {"lifo": True}


async def add(queue: Queue, first: int, count: int, data: Any = None, **opts: Any) -> None:
    """Jobs with the numbers from `first` on as their ids."""
    await queue.addBulk(
        [
            {"name": "n", "data": data, "opts": {**opts, "jobId": f"j{first + n}"}}
            for n in range(count)
        ]
    )


def number(ticket: Ticket) -> int:
    return int(last_token(ticket.stored.subject)[1:])


async def claimed(store: QueueStore, head: Head, ticket: Ticket) -> Lease | None:
    job_id = last_token(ticket.stored.subject)
    lease = await Claim(job_id, ticket, "token", 30_000, None, None).lease(store)
    head.settled(ticket, lease is not None)
    return lease


async def drained(store: QueueStore, head: Head) -> list[int]:
    """The numbers of all jobs at the head, in the order they were claimed."""
    numbers = []
    while (ticket := await head.next()) is not None:
        if await claimed(store, head, ticket) is not None:
            numbers.append(number(ticket))
    return numbers


async def test_all_come_newest_first_however_many(queue: Queue) -> None:
    await add(queue, 0, 700, **LIFO)
    store = await queue.ledger()
    assert await drained(store, Head(store)) == list(range(700))[::-1]


async def test_all_come_newest_first_where_they_lie_far_apart(queue: Queue) -> None:
    for start in (0, 1000, 2000):
        await add(queue, start, 3, **LIFO)
        await add(queue, start + 3, 900)
    await add(queue, 3000, 40, **LIFO)
    store = await queue.ledger()
    lifo = [0, 1, 2, 1000, 1001, 1002, 2000, 2001, 2002, *range(3000, 3040)]
    assert await drained(store, Head(store)) == lifo[::-1]


async def test_all_come_newest_first_where_few_fit_into_an_answer(queue: Queue) -> None:
    await add(queue, 0, 60, data="x" * 200_000, **LIFO)
    store = await queue.ledger()
    assert await drained(store, Head(store)) == list(range(60))[::-1]


@pytest.mark.parametrize("newer", [1, 2, 3, 30, 700])
async def test_newer_jobs_come_before_those_in_hand(queue: Queue, newer: int) -> None:
    await add(queue, 0, 50, **LIFO)
    store = await queue.ledger()
    head = Head(store)
    first = [await head.next() for _ in range(3)]
    assert [number(ticket) for ticket in first if ticket] == [49, 48, 47]
    await add(queue, 50, newer, **LIFO)
    assert head.pop() is None  # this process added it: nobody has to tell
    ticket = await head.next()
    assert ticket is not None and number(ticket) == 50 + newer - 1


async def test_what_comes_while_many_are_in_hand_is_not_hoarded(queue: Queue) -> None:
    await add(queue, 0, 10, **LIFO)
    store = await queue.ledger()
    head = Head(store)
    await head.next()
    for start in range(10, 1210, 200):
        await add(queue, start, 200, **LIFO)
        ticket = await head.next()
        assert ticket is not None and number(ticket) == start + 199
        head.settled(ticket, won=False)
    assert len(head) < 600
    assert await drained(store, Head(store)) == list(range(1210))[::-1]


async def test_who_is_told_looks_again(queue: Queue) -> None:
    await add(queue, 0, 3, **LIFO)
    store = await queue.ledger()
    head = Head(store)
    await head.next()
    other = Queue(queue.name, {"connection": {"url": queue.opts["connection"], "name": "other"}})
    await add(other, 3, 1, **LIFO)
    await other.close()
    head.tell()
    assert head.pop() is None
    ticket = await head.next()
    assert ticket is not None and number(ticket) == 3


async def test_who_is_told_all_the_time_hands_out_jobs_all_the_same(queue: Queue) -> None:
    await add(queue, 0, 20, **LIFO)
    head = Head(await queue.ledger())

    async def tell() -> None:
        while True:
            head.tell()
            await asyncio.sleep(0)

    telling = asyncio.ensure_future(tell())
    async with asyncio.timeout(30):
        tickets = await asyncio.gather(*(head.next() for _ in range(20)))
    telling.cancel()
    assert [number(ticket) for ticket in tickets if ticket] == list(range(20))[::-1]


async def test_two_who_take_from_one_head_get_each_job_once(queue: Queue) -> None:
    await add(queue, 0, 500, **LIFO)
    other = Queue(queue.name, {"connection": {"url": queue.opts["connection"], "name": "other"}})
    stores = [await queue.ledger(), await other.ledger()]
    both = await asyncio.gather(*(drained(store, Head(store)) for store in stores))
    await other.close()
    assert sorted(both[0] + both[1]) == list(range(500))
    assert all(numbers == sorted(numbers, reverse=True) for numbers in both)


async def test_what_others_took_meanwhile_is_passed_over_at_once(queue: Queue) -> None:
    await add(queue, 0, 200, **LIFO)
    store = await queue.ledger()
    head, rival = Head(store), Head(store)
    for _ in range(3):  # until there are some in hand
        ticket = await head.next()
        assert ticket is not None and await claimed(store, head, ticket)
    assert len(head) > 10
    for _ in range(190):
        ticket = await rival.next()
        assert ticket is not None and await claimed(store, rival, ticket)
    refused = 0
    while (ticket := await head.next()) is not None:
        if await claimed(store, head, ticket) is None:
            refused += 1
            continue
        assert number(ticket) == 6
        break
    assert refused == 4


async def test_who_asks_while_all_are_being_claimed_waits_for_the_word(queue: Queue) -> None:
    await add(queue, 0, 2, **LIFO)
    store = await queue.ledger()
    head = Head(store)
    tickets = [await head.next(), await head.next()]
    asking = asyncio.ensure_future(head.next())
    for ticket in tickets:
        assert ticket is not None
        assert await claimed(store, head, ticket) is not None
    assert await asking is None
    assert not head.may_be


async def test_a_job_whose_claim_came_to_nothing_is_found_again(queue: Queue) -> None:
    await add(queue, 0, 3, **LIFO)
    store = await queue.ledger()
    head = Head(store)
    ticket = await head.next()
    assert ticket is not None
    head.settled(ticket, won=False)
    assert sorted(await drained(store, head)) == [0, 1, 2]
