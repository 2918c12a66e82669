"""Is the queue drained: nothing waits, nothing runs?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from jetbull.ledger.job.reading import find
from jetbull.ledger.messages.names import ACTIVE, HEAD, PRIO, WAIT, last_token
from jetbull.ledger.queue.counting import count_unsent
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

_TRIES = 8
_SOME = 10  # the server counts what was removed just now a moment longer
_LONGEST_PAUSE_SECONDS = 0.1


async def is_drained(
    store: QueueStore, busy_again: Callable[[], bool], deep: Iterable[int] = ()
) -> bool:
    """True when no job waits or runs; a ticket whose ack is under way does not count.

    `deep`: the priority levels, 0 for none, in which very many waited a moment ago. Of these the
    server is asked for its count first: to find one job it goes through all of them.
    """
    store.wire.flush_acks()
    for level in deep:
        if await count_unsent(store, level) > _SOME:
            return False
    for attempt in range(_TRIES):
        if busy_again():
            return False
        found = await _any(store)
        if found is None:
            return not busy_again()
        current = await find(store, last_token(found.subject))
        if current is not None and current.seq == found.seq:
            return False
        await asyncio.sleep(min(0.002 * 2**attempt, _LONGEST_PAUSE_SECONDS))
    return False


async def _any(store: QueueStore) -> StoredMessage | None:
    wire, jobs = store.wire, store.names.space.jobs
    queries = [{"last_by_subj": store.names.all_in(f)} for f in (WAIT, HEAD, PRIO, ACTIVE)]
    found = await wire.together(*(wire.get_one(jobs, query) for query in queries))
    return next((message for message in found if message is not None), None)


__all__ = ["is_drained"]
