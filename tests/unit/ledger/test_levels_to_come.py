"""A priority level that is about to be added comes before those behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest_asyncio

from jetbull import Queue
from jetbull.ledger.taking.feeds import Feeds
from jetbull.ledger.taking.giving_back import GivingBack
from jetbull.ledger.taking.hand import Hand
from jetbull.ledger.taking.resting import Resting
from jetbull.ledger.taking.returned import insert
from jetbull.ledger.taking.supply import Supply

COUNT = 3


@dataclass(slots=True)
class Worker:
    """What a worker has of one queue, with `COUNT` jobs of priority 2 in it."""

    hand: Hand
    feeds: Feeds
    supply: Supply


@pytest_asyncio.fixture
async def worker(queue: Queue) -> AsyncIterator[Worker]:
    await queue.addBulk([{"name": "n", "opts": {"priority": 2}} for _ in range(COUNT)])
    store = await queue.ledger()
    hand, resting = Hand(store), Resting()
    feeds = Feeds(store, hand, insert, resting.wake.set)
    back = GivingBack(store, feeds)
    supply = Supply(feeds, back, resting, lambda: True, lambda: None, lambda: COUNT)
    await feeds.open()
    yield Worker(hand, feeds, supply)
    await back.all()
    await feeds.close()


async def test_nothing_behind_a_level_to_come_is_fetched(worker: Worker) -> None:
    worker.feeds.expect(1)
    await worker.supply.fetch()
    assert worker.hand.count() == 0
    await worker.feeds.add(1)
    await worker.supply.fetch()
    assert worker.hand.count() == COUNT


async def test_nothing_in_hand_behind_a_level_to_come_begins_until_it_was_asked_for(
    worker: Worker,
) -> None:
    await worker.supply.fetch()
    worker.feeds.expect(1)
    assert worker.hand.pop() is None
    await worker.feeds.add(1)
    assert worker.hand.pop() is None
    await worker.supply.fetch()
    assert worker.hand.pop() is not None


async def test_a_level_that_was_met_before_holds_nothing_up(worker: Worker) -> None:
    await worker.feeds.add(1)
    await worker.supply.fetch()
    worker.feeds.expect(1)
    assert worker.hand.pop() is not None


async def test_a_level_to_come_is_asked_for_only_where_something_in_hand_waits_for_it(
    worker: Worker,
) -> None:
    worker.feeds.expect(1)
    assert worker.hand.can_wait(1)
    await worker.feeds.add(1)
    worker.feeds.expect(3)
    await worker.supply.fetch()
    assert worker.hand.can_wait(3)
    worker.hand.expect_level(1)
    assert not worker.hand.can_wait(1)
