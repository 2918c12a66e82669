"""Reading in a cluster, where each server answers from its own copy, which may be behind.

Who stored something, or was told of it, must find it: here one asks again until the copy that
answers has what the stream's leader knows. Each answer may come from another copy, so it is the
answer itself that has to show it. A single server has one copy, and its leader is not asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from time import monotonic

from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

_PAUSE_SECONDS = 0.005
_PATIENCE = 3.0  # then a server is far behind
_TRIES = 20


async def up_to_date(
    store: QueueStore, pattern: str, read: Callable[[], Awaitable[list[StoredMessage]]]
) -> list[StoredMessage]:
    """What `read` gives, of messages on `pattern`, from a copy that has the newest of them."""
    found: list[StoredMessage] = []
    for _ in range(_TRIES):
        newest = await store.last(pattern) if store.wire.is_clustered else None
        found = await read()
        # One that went meanwhile is not to be found either, and the next look tells.
        if newest is None or any(m.seq >= newest.seq for m in found):
            break
        await asyncio.sleep(_PAUSE_SECONDS)
    return found


async def read_latest(store: QueueStore, patterns: Iterable[str]) -> list[StoredMessage]:
    """The last message of each subject on the patterns, from a copy that has the newest of them.

    Where none such answers, a server that stood still perhaps, the leader's word has to do: the
    newest message of each pattern.
    """
    wire, jobs = store.wire, store.names.space.jobs
    subjects = list(patterns)
    if not wire.is_clustered:
        return await wire.get_batch(jobs, {"multi_last": subjects})
    deadline = monotonic() + _PATIENCE
    while True:
        asked = [store.last(subject) for subject in subjects]
        found, leading = await asyncio.gather(
            wire.get_batch(jobs, {"multi_last": subjects}), asyncio.gather(*asked)
        )
        known = max((m.seq for m in leading if m is not None), default=0)
        if not known:
            return []  # what a copy that is behind still has was removed
        if any(m.seq >= known for m in found):
            return found
        if monotonic() > deadline:
            return [m for m in leading if m is not None]
        await asyncio.sleep(_PAUSE_SECONDS)


__all__ = ["read_latest", "up_to_date"]
