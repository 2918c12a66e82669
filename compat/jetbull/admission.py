"""May a worker start another job now? Pause, rate limits and global concurrency in one place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from jetbull.errors import JetbullError
from jetbull.ledger import gate, settings
from jetbull.ledger.batch import Message
from jetbull.ledger.clock import now_ms
from jetbull.ledger.store import QueueStore
from jetbull.ledger.wire import Msg, Subscription

log = logging.getLogger("jetbull.worker")

_NARROW = 20
_SLOT_HINT_LOST_MS = 1000  # after this a worker looks by itself whether a place is free


class Admission:
    """The queue's settings as a worker sees them, kept fresh by hints."""

    def __init__(
        self,
        store: QueueStore,
        limiter: dict[str, Any] | None,
        on_change: Callable[[], None],
        longest_block_ms: int = 30_000,
    ) -> None:
        self._store = store
        self._limiter = limiter
        self._on_change = on_change
        self._longest_block_ms = longest_block_ms
        self._settings: dict[str, Any] = {}
        self._subscriptions: list[Subscription] = []
        self._forget: Callable[[], None] = lambda: None
        self._blocked_until = 0.0
        self._waits_for_slot = False
        self._slot_freed = False
        self._room = 1
        self._refresh: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Reads the settings and listens for their changes."""
        names = self._store.names
        for topic in ("meta", "slot"):
            callback = self._on_meta if topic == "meta" else self._on_slot
            self._subscriptions.append(
                await self._store.wire.subscribe(names.hint(topic), callback)
            )
        self._forget = self._store.wire.on_reconnect(self._on_reconnect)
        await self._read()

    async def close(self) -> None:
        """Stops listening."""
        self._forget()
        if self._refresh is not None:
            self._refresh.cancel()
            await asyncio.gather(self._refresh, return_exceptions=True)
        for subscription in self._subscriptions:
            await self._store.wire.unsubscribe(subscription)

    async def _read(self) -> None:
        self._settings, _ = await settings.read(self._store)

    async def refresh(self) -> None:
        """Reads the settings again, for a hint may have been lost."""
        before = self._settings
        await self._read()
        if self._settings != before:
            self._on_change()

    async def _on_meta(self, _: Msg) -> None:
        self._blocked_until = 0.0
        await self._read()
        self._on_change()

    async def _on_slot(self, _: Msg) -> None:
        self._slot_freed = True
        if self._waits_for_slot:
            self._waits_for_slot = False
            self._blocked_until = 0.0
        self._on_change()

    def _on_reconnect(self) -> None:
        if self._refresh is not None:
            self._refresh.cancel()
        self._refresh = asyncio.get_running_loop().create_task(self._reread())

    async def _reread(self) -> None:
        try:
            await self._read()
        except JetbullError as error:
            log.warning("the settings of %s are not read again: %s", self._store.names.name, error)
        self._on_change()

    @property
    def paused(self) -> bool:
        """The queue is paused for all workers."""
        return bool(self._settings.get("paused"))

    @property
    def concurrency(self) -> int | None:
        """Jobs at once over all workers, or None."""
        limit = self._settings.get("concurrency")
        return None if limit is None else int(limit)

    @property
    def _rate(self) -> tuple[int, int] | None:
        return gate.rate_of(self._settings, self._limiter)

    @property
    def limited(self) -> bool:
        """Whether starting a job needs a question first."""
        if not self._settings:
            return self._limiter is not None
        return self._rate is not None or self.concurrency is not None

    @property
    def blocked(self) -> bool:
        """Whether nothing may start for now."""
        if self._settings and self.paused:
            return True
        # Asked twice per job: the clock is read only while there is a block.
        if not self._blocked_until:
            return False
        if asyncio.get_running_loop().time() < self._blocked_until:
            return True
        self._blocked_until = 0.0
        return False

    def block(self, ms: int) -> None:
        """Nothing starts here for `ms`, or the longest wait; then the worker looks again."""
        loop = asyncio.get_running_loop()
        self._waits_for_slot = False
        ms = min(ms, self._longest_block_ms)
        self._blocked_until = loop.time() + ms / 1000
        loop.call_later(ms / 1000 + 0.001, self._on_change)

    def _wait_for_slot(self) -> None:
        """Nothing starts here until a place under the global concurrency is free again."""
        self.block(_SLOT_HINT_LOST_MS)
        self._waits_for_slot = True

    async def may_start(self) -> bool:
        """Asks the rate window before a job is looked for."""
        rate = self._rate
        if rate is None:
            return True
        window = await gate.window(self._store)
        self._room = rate[0] - (0 if window is None else window.count)
        if window is not None and self._room <= 0:
            self.block(max(1, window.end_ms - now_ms()))
            return False
        return True

    @property
    def narrow(self) -> bool:
        """Whether so few jobs may start that their order needs a look each time."""
        return self.concurrency is not None or self._room <= _NARROW

    @property
    def room(self) -> int | None:
        """How many jobs it makes sense to have in hand; None: any number."""
        if not self.limited:
            return None
        return 1 if self.concurrency is not None else max(1, self._room)

    async def permit(self) -> list[Message] | None:
        """What must be stored together with a start; None (and blocked) when there may be none.

        Without a global concurrency that is nothing: then the start is counted already, which
        takes less time, and `not_started` has to be told if there is none.
        """
        rate, limit = self._rate, self.concurrency
        if limit is None:
            left = 0 if rate is None else await gate.enter_window(self._store, *rate)
            if left:
                self.block(left)
            return None if left else []
        place = await self._slot(limit)
        if place is None:
            self._wait_for_slot()
            return None
        start = None if rate is None else await gate.start_message(self._store, *rate)
        if isinstance(start, int):
            self.block(start)
            return None
        return [place] if start is None else [place, start]

    async def not_started(self) -> None:
        """The start that `permit` counted is none."""
        if self.concurrency is None and self._rate is not None:
            await gate.leave_window(self._store)

    async def _slot(self, limit: int) -> Message | None:
        """The message that claims a place under the global concurrency; None when all are taken."""
        while True:
            self._slot_freed = False
            message = await gate.slot_message(self._store, limit)
            if message is not None or not self._slot_freed:
                return message

    async def finished(self) -> None:
        """A place under the global concurrency is free again."""
        if self.concurrency is not None:
            await self._store.hint("slot")


__all__ = ["Admission"]
