"""A priority level that is about to be added comes before those behind it."""

from __future__ import annotations

from jetbull import Queue
from jetbull.ledger.taking.feeds import Feeds
from jetbull.ledger.taking.giving_back import GivingBack
from jetbull.ledger.taking.hand import Hand
from jetbull.ledger.taking.resting import Resting
from jetbull.ledger.taking.returned import insert
from jetbull.ledger.taking.supply import Supply
from jetbull.server import EmbeddedServer

COUNT = 3


async def test_nothing_behind_a_level_to_come_is_fetched() -> None:
    with EmbeddedServer() as server:
        async with Queue("levels", {"connection": server.url}) as queue:
            await queue.addBulk([{"name": "n", "opts": {"priority": 2}} for _ in range(COUNT)])
            store = await queue.ledger()
            hand, resting = Hand(store), Resting()
            feeds = Feeds(store, hand, insert, resting.wake.set)
            back = GivingBack(store, feeds)
            supply = Supply(feeds, back, resting, lambda: True, lambda: None, lambda: COUNT)
            await feeds.open()
            feeds.expect(1)
            await supply.fetch()
            assert hand.count() == 0
            await feeds.add(1)
            await supply.fetch()
            assert hand.count() == COUNT
            await back.all()
            await feeds.close()
