"""The loop that keeps a worker's slots supplied with tickets."""

from __future__ import annotations

import asyncio
import logging

from jetbull.errors import ConnectionClosedError, JetbullError
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.feeds import Feeds
from jetbull.ledger.taking.giving_back import GivingBack
from jetbull.ledger.taking.hints import AUDIT_SECONDS, Hints
from jetbull.ledger.taking.resting import Resting
from jetbull.ledger.taking.supply import Supply

__all__ = ["Fetcher"]

log = logging.getLogger("jetbull.ledger")

_ERROR_SECONDS = 0.1  # pause after an error


class Fetcher:
    """Fetches when it is woken, gives back what is held for too long, and recovers feeds."""

    def __init__(
        self,
        store: QueueStore,
        feeds: Feeds,
        supply: Supply,
        back: GivingBack,
        hints: Hints,
        resting: Resting,
    ) -> None:
        self._store = store
        self._feeds = feeds
        self._hand = feeds.hand
        self._supply = supply
        self._back = back
        self._hints = hints
        self._resting = resting
        self.stale = False  # what feeds know of the server may not be true any more

    async def run(self) -> None:
        """Never ends but by cancellation, or with `ConnectionClosedError`."""
        wake = self._resting.wake
        while True:
            holding = self._hand.count() > 0
            try:
                async with asyncio.timeout(self._back.hold_seconds if holding else AUDIT_SECONDS):
                    await wake.wait()
            except TimeoutError:
                if holding:
                    await self._let_go()
                    continue
            wake.clear()
            try:
                if self.stale or self._feeds.lost:
                    await self._feeds.recover()
                    self.stale = False
                await self._hints.audit()
                await self._supply.fetch()
            except ConnectionClosedError:
                raise
            except JetbullError as error:
                log.warning("cannot fetch jobs of %s for now: %s", self._store.names.name, error)
                await self._store.wire.connected()
                self.stale = True
                wake.set()
                await asyncio.sleep(_ERROR_SECONDS)

    async def _let_go(self) -> None:
        if self._resting.slots:
            self._resting.rouse(self._hand.count())
        else:
            await self._back.old()
