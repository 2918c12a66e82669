"""Cancelling a job from anywhere, whether it waits or runs."""

from __future__ import annotations

from typing import Literal

from jetbull.commands import removing
from jetbull.ledger.job import reading
from jetbull.ledger.queue import presence
from jetbull.ledger.store.store import QueueStore

_REMOVABLE = frozenset({"waiting", "delayed", "prioritized", "waiting-children"})
_LOOKS = 4  # a job may start, or its worker take it up, between a look and the attempt


async def cancel(
    store: QueueStore, job_id: str, reason: str | None
) -> Literal["removed", "told"] | None:
    """`removed` before it ran, `told` when its processor got the signal, else None."""
    for _ in range(_LOOKS):
        state = await reading.state(store, job_id)
        if state == "active":
            heard = await presence.cancel(store, job_id, reason)
            if heard is not None:
                return "told" if heard else None
        elif state in _REMOVABLE:
            code = await removing.remove(store, job_id, True)
            if code != 0:
                return "removed" if code == 1 else None
        else:
            return None
    return None


__all__ = ["cancel"]
