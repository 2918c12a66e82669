"""Slots that come free while tickets are fetched get none that stands behind others."""

from __future__ import annotations

import asyncio
from collections import deque

from jetbull import Queue
from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.taking.feeds import Feeds
from jetbull.ledger.taking.giving_back import GivingBack
from jetbull.ledger.taking.hand import Hand
from jetbull.ledger.taking.resting import Resting
from jetbull.ledger.taking.returned import insert
from jetbull.ledger.taking.source import Source
from jetbull.ledger.taking.supply import Supply

JOBS = 3


async def test_nothing_is_asked_for_behind_a_level_that_may_have_more(queue: Queue) -> None:
    loop = asyncio.get_running_loop()
    for level in (2, 1):
        rows = [{"name": f"{level}", "opts": {"priority": level}} for _ in range(JOBS)]
        await queue.addBulk(rows)
    store = await queue.ledger()
    hand, resting = Hand(store), Resting()
    taken: list[Ticket | None] = []

    def deliver(tickets: deque[Ticket], ticket: Ticket) -> None:
        """A slot takes it at once, and in this moment two more come free."""
        insert(tickets, ticket)
        if not taken:
            resting.slots.popleft()
            taken.append(hand.pop())
            resting.slots.extend((loop.create_future(), loop.create_future()))

    feeds = Feeds(store, hand, deliver, resting.wake.set)
    back = GivingBack(store, feeds)
    supply = Supply(feeds, back, resting, lambda: True, lambda: None, lambda: 0)
    await feeds.open()
    resting.slots.append(loop.create_future())
    await supply.fetch()
    assert [level for level, feed in feeds.by_level.items() if feed.standing] == [0]
    assert resting.wake.is_set()
    await supply.fetch()
    assert [t.stored.record.name for t in (taken[0], hand.pop(), hand.pop()) if t] == ["1"] * 3
    await back.all()
    await feeds.close()


async def test_as_many_jobs_may_come_as_are_in_hand_behind_them(queue: Queue) -> None:
    await queue.add("first", {}, {"priority": 1})
    rows = [{"name": "2", "opts": {"priority": 2}} for _ in range(JOBS)]
    await queue.addBulk(rows)
    await queue.remove((await queue.getPrioritized())[0].id)
    store = await queue.ledger()
    hand, resting = Hand(store), Resting()
    feeds = Feeds(store, hand, insert, resting.wake.set)
    back = GivingBack(store, feeds)
    supply = Supply(feeds, back, resting, lambda: True, lambda: None, lambda: JOBS)
    await feeds.open()
    await supply.fetch()
    assert hand.count() == JOBS
    await supply.fetch()
    assert feeds.by_level[1].standing == JOBS
    await back.all()
    await feeds.close()


async def test_a_slot_that_found_a_level_run_dry_looks_again_once_it_was_asked_for(
    queue: Queue,
) -> None:
    loop = asyncio.get_running_loop()
    await queue.add("1", {}, {"priority": 1})
    await queue.addBulk([{"name": "2", "opts": {"priority": 2}} for _ in range(JOBS)])
    store = await queue.ledger()
    hand, resting = Hand(store), Resting()
    slot: asyncio.Future[None] = loop.create_future()

    def deliver(tickets: deque[Ticket], ticket: Ticket) -> None:
        """As level 2 comes the last job of level 1 is taken, and a slot finds none."""
        insert(tickets, ticket)
        if ticket.stored.record.name == "2" and not resting.slots:
            hand.pop()
            hand.unsure.add(1)
            assert hand.pop() is None
            resting.slots.append(slot)

    feeds = Feeds(store, hand, deliver, resting.wake.set)
    back = GivingBack(store, feeds)
    supply = Supply(feeds, back, resting, lambda: True, lambda: None, lambda: JOBS + 1)
    await feeds.open()
    await supply.fetch()
    await supply.fetch()
    assert slot.done()
    assert hand.pop() is not None
    await back.all()
    await feeds.close()


async def test_a_job_that_came_back_is_not_overtaken_by_one_on_its_way_to_an_empty_hand(
    queue: Queue,
) -> None:
    for level in (1, 2):
        await queue.add(f"{level}", {}, {"priority": level})

    async def refresh() -> None:
        """Nothing is to be learned."""

    source = Source(await queue.ledger(), lambda: True, refresh, lambda: None)
    await source.open()
    await source.look_for(1)
    await source.feeds.by_level[2].grab(1)
    assert source.pop() is None
    await source._supply.fetch()
    taken = source.pop()
    assert taken is not None
    assert taken.stored.record.name == "1"
    await source.put_back(taken)
    await source.close()
