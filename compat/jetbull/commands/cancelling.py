"""Cancelling a job from anywhere, whether it waits or runs."""

from __future__ import annotations

from jetbull.commands import removal
from jetbull.ledger import presence, reading
from jetbull.ledger.store import QueueStore

_REMOVABLE = frozenset({"waiting", "delayed", "prioritized", "waiting-children"})
_LOOKS = 4  # a job may start, or its worker take it up, between a look and the attempt


async def cancel(store: QueueStore, job_id: str, reason: str | None) -> bool:
    """True when the job was removed before it ran, or its processor got the signal."""
    for _ in range(_LOOKS):
        state = await reading.state(store, job_id)
        if state == "active":
            heard = await presence.cancel(store, job_id, reason)
            if heard is not None:
                return heard
        elif state in _REMOVABLE:
            code = await removal.remove(store, job_id, True)
            if code != 0:
                return code == 1
        else:
            return False
    return False


__all__ = ["cancel"]
