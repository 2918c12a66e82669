"""Is the queue drained: nothing waits, nothing runs?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from jetbull.ledger.names import ACTIVE, HEAD, PRIO, WAIT, last_token
from jetbull.ledger.reading import find
from jetbull.ledger.store import QueueStore

_TRIES = 4


async def is_drained(store: QueueStore, busy_again: Callable[[], bool]) -> bool:
    """True when no job waits or runs; a ticket whose ack is under way does not count."""
    names = store.names
    query = {
        "multi_last": [names.all_in(s) for s in (WAIT, HEAD, PRIO, ACTIVE)],
        "batch": 1,
    }
    for attempt in range(_TRIES):
        if busy_again():
            return False
        found = await store.wire.get_batch(names.space.jobs, query)
        if not found:
            return not busy_again()
        current = await find(store, last_token(found[0].subject))
        if current is not None and current.seq == found[0].seq:
            return False
        await asyncio.sleep(0.002 * (attempt + 1))
    return False
