"""Bringing back the jobs of dead workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from jetbull.ledger.finishing.repair import Repair
from jetbull.ledger.finishing.retention import Keep
from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.store.store import QueueStore
from jetbull.options import keep_of_stored
from jetbull.tasks import background


class StalledCheck:
    """The check of one worker, by its options; `on_stalled` is called with each job's id."""

    def __init__(self, opts: Mapping[str, Any], on_stalled: Callable[[str], None]) -> None:
        self._opts = opts
        self._on_stalled = on_stalled
        self._task: asyncio.Task[None] | None = None

    def start(self, store: QueueStore) -> asyncio.Task[None]:
        """Begins to look, unless it does already; what looks."""
        if self._task is None or self._task.done():
            self._task = background(self._repair(store).run())
        return self._task

    async def once(self, store: QueueStore) -> None:
        """Brings back what there is now, unless that is done all the time."""
        if self._task is None or self._task.done():
            await self._repair(store).once()

    def _repair(self, store: QueueStore) -> Repair:
        return Repair(store, self._opts["maxStalledCount"], self._on_stalled, self._keep_of)

    async def close(self) -> None:
        """Ends the check."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _keep_of(self, ticket: Ticket, state: str) -> Keep:
        option = "removeOnComplete" if state == "completed" else "removeOnFail"
        return keep_of_stored(ticket.stored.record.opts.get(option, self._opts.get(option)))


__all__ = ["StalledCheck"]
