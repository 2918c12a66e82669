"""What tells a worker that a job came where it does not wait at the server: at the head of the
queue, or at a priority level that was not in use.

A hint is fire and forget, and who sends it may die between storing and telling: so what it would
have told is looked for every `AUDIT_SECONDS` as well.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import monotonic

from jetbull.ledger.messages.names import PRIO, lane_of
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.feeds import Feeds
from jetbull.ledger.taking.giving_back import GivingBack
from jetbull.ledger.taking.head import Head
from jetbull.ledger.taking.resting import Resting
from jetbull.ledger.wire import Msg, Subscription

__all__ = ["AUDIT_SECONDS", "Hints"]

AUDIT_SECONDS = 3.0


class Hints:
    """Hints about one queue; `refresh` learns what else a lost hint would have told."""

    def __init__(
        self,
        store: QueueStore,
        head: Head,
        feeds: Feeds,
        back: GivingBack,
        resting: Resting,
        refresh: Callable[[], Awaitable[None]],
    ) -> None:
        self._store = store
        self._head = head
        self._feeds = feeds
        self._back = back
        self._resting = resting
        self._refresh = refresh
        self._subscriptions: list[Subscription] = []
        self._audit_at = 0.0

    async def open(self) -> None:
        """Listens."""
        wire, names = self._store.wire, self._store.names
        for topic, callback in (("head", self._on_head), ("level", self._on_level)):
            self._subscriptions.append(await wire.subscribe(names.hint(topic), callback))

    async def close(self) -> None:
        """Listens no more."""
        for subscription in self._subscriptions:
            await self._store.wire.unsubscribe(subscription)

    async def _on_head(self, _: Msg) -> None:
        self._head.tell()
        self._resting.rouse_one()

    async def _on_level(self, msg: Msg) -> None:
        level = int(msg.data)
        self._feeds.expect(level)
        # What is in hand may not start before the new level's first job, which comes now.
        held = self._feeds.hand.take_behind(level)
        try:
            await self._feeds.add(level)
        finally:
            for ticket in held:
                await self._back.one(ticket)
        self._resting.wake.set()

    async def audit(self) -> None:
        """Finds what a lost hint would have told, if the last time was `AUDIT_SECONDS` ago."""
        if monotonic() <= self._audit_at:
            return
        self._audit_at = monotonic() + AUDIT_SECONDS
        await self._refresh()
        await self._feeds.learn()
        wire, names = self._store.wire, self._store.names
        for query in (
            {"last_by_subj": names.all_in(PRIO)},
            {"next_by_subj": names.all_in(PRIO), "seq": 1},
        ):
            found = await wire.get_one(names.space.jobs, query)
            if found is not None:
                await self._feeds.add(int(lane_of(found.subject)))
        self._head.tell()
        if self._resting.slots:
            self._resting.rouse_one()
