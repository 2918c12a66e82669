"""The looks that every worker takes now and then at what a crash may have left behind."""

from __future__ import annotations

from jetbull.ledger.store.store import QueueStore
from jetbull.workers.upkeep import Upkeep


async def looked_after(store: QueueStore) -> None:
    """One look by a worker that thinks nothing too young."""
    store.families = store.patched = True
    await Upkeep(store, old_enough_ms=0).look()
