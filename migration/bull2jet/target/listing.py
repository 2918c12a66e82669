"""Ids of the jobs in a state, page by page, in the order in which workers come to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from bull2jet.model import State
from jetbull.ledger.messages.names import (
    CHILDREN,
    COMPLETED,
    DELAYED,
    FAILED,
    HEAD,
    PRIO,
    WAIT,
    last_token,
)
from jetbull.ledger.queue import counting
from jetbull.ledger.store.store import QueueStore

_PAGE = 500
_PAUSE_SECONDS = 0.05
_OF_ONE_SUBJECT = {
    State.COMPLETED: COMPLETED,
    State.FAILED: FAILED,
    State.DELAYED: DELAYED,
    State.WAITING_CHILDREN: CHILDREN,
}


async def pages_of(store: QueueStore, state: State) -> AsyncIterator[list[str]]:
    """The jobs of the state; none of an active one."""
    names = store.names
    if state is State.WAITING:
        heads = [page async for page in names_below(store, names.all_in(HEAD))]
        for page in reversed(heads):  # the head of the queue: newest first
            yield page[::-1]
        async for page in names_below(store, names.all_in(WAIT)):
            yield page
    elif state is State.PRIORITIZED:
        for level in await counting.levels(store):
            async for page in names_below(store, names.all_in(PRIO, str(level))):
                yield page
    elif state in _OF_ONE_SUBJECT:
        async for page in names_below(store, names.all_in(_OF_ONE_SUBJECT[state])):
            yield page


async def names_below(store: QueueStore, pattern: str) -> AsyncIterator[list[str]]:
    """The names in which the subjects of a pattern end, as they were stored."""
    wire, jobs = store.wire, store.names.space.jobs
    seq = 1
    while True:
        found = await wire.get_batch(jobs, {"next_by_subj": pattern, "seq": seq, "batch": _PAGE})
        if found:
            yield [last_token(message.subject) for message in found]
            seq = found[-1].seq + 1
        if found and found[-1].pending:
            continue
        # What is not listed may be removed: a server of a cluster that is behind has not all.
        newest = await wire.get_last(jobs, pattern) if wire.is_clustered else None
        if newest is None or newest.seq < seq:
            return
        await asyncio.sleep(_PAUSE_SECONDS)


__all__ = ["names_below", "pages_of"]
