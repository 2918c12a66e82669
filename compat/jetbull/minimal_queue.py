"""As much of a queue as a job needs: its names and its backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jetbull.backend import Backend
from jetbull.job import Job
from jetbull.ledger.queue.metrics import MetricsRecorder
from jetbull.ledger.store.store import QueueStore
from jetbull.options import DEFAULT_PREFIX


class MinimalQueue:
    """The queue of a flow's job (BullMQ: MinimalQueue)."""

    recorder: MetricsRecorder | None = None

    def __init__(self, name: str, backend: Backend, opts: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.opts: dict[str, Any] = dict(opts or {})
        self.prefix: str = self.opts.get("prefix") or DEFAULT_PREFIX
        self.backend = backend
        self.qualifiedName = backend.qualifiedName

    async def ledger(self) -> QueueStore:
        """The queue's place in the ledger."""
        return await self.backend.ledger()

    def on_progress(self, job: Job, progress: Any) -> None:
        """Nobody can listen to a flow's queue."""

    def on_removed(self, job: Job) -> None:
        """Nobody can listen to a flow's queue."""


__all__ = ["MinimalQueue"]
