"""A queue's settings as a worker knows them: read when it begins, and kept fresh by hints."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from jetbull.errors import JetbullError
from jetbull.ledger.queue import settings
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import Msg, Subscription
from jetbull.tasks import background

log = logging.getLogger("jetbull.worker")


class SettingsWatch:
    """Tells of the settings of one queue.

    `take` gets them when they are first known and whenever they are read again. `on_news` is called
    before that when somebody has changed them, `on_lost` when a hint may have been missed, and
    `on_change` behind it. `known`: what was read or told last.
    """

    def __init__(
        self,
        store: QueueStore,
        take: Callable[[settings.Settings], None],
        on_news: Callable[[], None],
        on_lost: Callable[[], None],
        on_change: Callable[[], None],
    ) -> None:
        self._store = store
        self._take_in = take
        self._on_news = on_news
        self._on_lost = on_lost
        self._on_change = on_change
        self.known: settings.Settings = {}
        self._seq = 0
        self._subscription: Subscription | None = None
        self._forget: Callable[[], None] = lambda: None
        self._again: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Reads the settings and listens for their changes."""
        wire, names = self._store.wire, self._store.names
        self._subscription = await wire.subscribe(names.hint("meta"), self._on_meta)
        self._forget = wire.on_reconnect(self._on_reconnect)
        self._store.watchers.add(self._learn)
        await self._read()

    async def close(self) -> None:
        """Stops listening."""
        self._forget()
        self._store.watchers.discard(self._learn)
        if self._again is not None:
            self._again.cancel()
            await asyncio.gather(self._again, return_exceptions=True)
        if self._subscription is not None:
            await self._store.wire.unsubscribe(self._subscription)

    async def refresh(self) -> None:
        """Reads the settings again, for a hint may have been lost."""
        before = self.known
        await self._read()
        if self.known != before:
            self._on_change()

    async def _read(self) -> None:
        known = self._seq
        values, seq = await settings.read(self._store)
        if self._seq == known or seq > self._seq:  # else a hint was quicker
            self._take(values, seq)

    def _take(self, values: settings.Settings, seq: int) -> None:
        self.known, self._seq = values, seq
        self._take_in(values)

    def _learn(self, values: settings.Settings, seq: int) -> None:
        """Takes what this process has changed itself, before whoever did so goes on."""
        if seq > self._seq:
            self._on_news()
            self._take(values, seq)
            self._on_change()

    async def _on_meta(self, hint: Msg) -> None:
        told = settings.told(hint.data)
        if told is not None:
            self._learn(*told)
        if told is None or told[1] < self._seq:
            self._on_news()
            await self._read()
            self._on_change()

    def _on_reconnect(self) -> None:
        self._on_lost()
        if self._again is not None:
            self._again.cancel()
        self._again = background(self._reread())

    async def _reread(self) -> None:
        try:
            await self._read()
        except JetbullError as error:
            log.warning("the settings of %s are not read again: %s", self._store.names.name, error)
        self._on_change()


__all__ = ["SettingsWatch"]
