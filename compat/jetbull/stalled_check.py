"""Bringing back the jobs of dead workers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from jetbull.ledger.lease import Ticket
from jetbull.ledger.repair import Repair
from jetbull.ledger.retention import Keep
from jetbull.ledger.store import QueueStore
from jetbull.options import keep_policy

if TYPE_CHECKING:
    from jetbull.worker import Worker


class StalledCheck:
    """The check of one worker, which runs at most once."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._task: asyncio.Task[None] | None = None

    def start(self, store: QueueStore) -> asyncio.Task[None]:
        """Begins to look, unless it does already; what looks."""
        if self._task is None or self._task.done():
            tries = self._worker.opts["maxStalledCount"]
            repair = Repair(store, tries, self._worker._on_stalled, self._keep_of)
            self._task = asyncio.ensure_future(repair.run())
        return self._task

    async def close(self) -> None:
        """Ends the check."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _keep_of(self, ticket: Ticket, state: str) -> Keep:
        option = "removeOnComplete" if state == "completed" else "removeOnFail"
        opts, own = ticket.stored.record.opts, self._worker.opts
        return keep_policy(opts.get(option, own.get(option)))


__all__ = ["StalledCheck"]
