"""As much of a queue as a job needs: its names and its ledger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from jetbull.ledger.store import QueueStore
from jetbull.options import DEFAULT_PREFIX


class MinimalQueue:
    """The queue of a flow's job (BullMQ: MinimalQueue)."""

    def __init__(
        self, name: str, opts: Mapping[str, Any], ledger: Callable[[], Awaitable[QueueStore]]
    ) -> None:
        self.name = name
        self.opts: dict[str, Any] = dict(opts)
        self.prefix: str = self.opts.get("prefix") or DEFAULT_PREFIX
        self.qualifiedName = f"{self.prefix}:{name}"
        self._ledger = ledger

    async def ledger(self) -> QueueStore:
        """The queue's place in the ledger."""
        return await self._ledger()


__all__ = ["MinimalQueue"]
