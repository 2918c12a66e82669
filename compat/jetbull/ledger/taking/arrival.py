"""Noticing that a job may be there to take, without taking it."""

from __future__ import annotations

import asyncio

from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.queue.consumers import ensure_delivery, line_consumer
from jetbull.ledger.queue.counting import levels
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.feed import Feed
from jetbull.ledger.wire import Msg, Subscription


class Arrivals:
    """Sets `heard` whenever a job comes into any line of the queue, or a hint says so."""

    def __init__(self, store: QueueStore, heard: asyncio.Event) -> None:
        self._store = store
        self._heard = heard
        self._feeds: dict[str, Feed] = {}
        self._hints: list[Subscription] = []
        self._tickets: list[Ticket] = []

    async def open(self) -> None:
        """Listens to every line in use."""
        names = self._store.names
        for topic, callback in (("head", self._on_hint), ("level", self._on_level)):
            hint = names.hint(topic)
            self._hints.append(await self._store.wire.subscribe(hint, callback))
        await self._listen(0)
        for level in await levels(self._store):
            await self._listen(level)

    async def ask(self) -> None:
        """Asks for the next arrival in each line; to be called before each wait."""
        for feed in list(self._feeds.values()):
            if feed.standing == 0:
                await feed.poll(1)

    async def close(self) -> None:
        """Stops listening, also where `open` was cut short; what arrived stays in its line."""
        for hint in self._hints:
            await self._store.wire.unsubscribe(hint)
        for feed in list(self._feeds.values()):
            await feed.close()
        for ticket in self._tickets:
            await self._store.wire.send(ticket.reply, b"-NAK")

    async def _listen(self, level: int | str) -> None:
        name, filters = line_consumer(self._store.names, level)
        if name in self._feeds:
            return
        await ensure_delivery(self._store, name, filters)
        feed = Feed(self._store.wire, self._store.names.space.jobs, name, self._deliver)
        await feed.open()
        self._feeds[name] = feed

    def _deliver(self, ticket: Ticket) -> None:
        self._tickets.append(ticket)
        self._heard.set()

    async def _on_hint(self, _: Msg) -> None:
        self._heard.set()

    async def _on_level(self, msg: Msg) -> None:
        await self._listen(msg.data.decode())
        self._heard.set()


__all__ = ["Arrivals"]
