"""What the server can tell of numbers: messages of a state, subjects, priority levels."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import Any

from jetbull.errors import StreamMissing
from jetbull.ledger.messages.names import (
    PRIO,
    PUBLIC_STATES,
    bare_token,
    lane_of,
    last_token,
    public_state_of,
)
from jetbull.ledger.messages.placing import rank
from jetbull.ledger.queue.consumers import ensure_counter, ensure_delivery, line_consumer
from jetbull.ledger.store.paging import read_last, read_named
from jetbull.ledger.store.replicas import up_to_date
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.streams import listing

_LEVEL = re.compile("-?[1-9][0-9]*")  # what else stands there no jetbull has stored
_FEW_LEVELS = 64
_NAMED_PER_LEVEL = 100  # jobs that are named in the time in which a level's counter is asked
Counts = dict[str, int]


async def states_of_all(store: QueueStore) -> dict[str, str]:
    """job token -> state, for every job of the queue."""
    return await _states_of(store, await list_subjects(store, store.names.all_jobs()))


async def count_listed(store: QueueStore) -> Counts:
    """Jobs per BullMQ state, each counted."""
    subjects = await list_subjects(store, store.names.all_jobs())
    places = [subject.rsplit(".", 1) for subject in subjects]
    found: Counter[str] = Counter()
    if len({token for _, token in places}) == len(places):
        for place, count in Counter([place for place, _ in places]).items():
            found[public_state_of(f"{place}.-")] += count
    else:
        found.update((await _states_of(store, subjects)).values())
    return {state: found[state] for state in PUBLIC_STATES}


async def _states_of(store: QueueStore, subjects: list[str]) -> dict[str, str]:
    by_job: dict[str, list[str]] = {}
    for subject in subjects:
        by_job.setdefault(bare_token(subject), []).append(subject)
    doubled = [subject for many in by_job.values() if len(many) > 1 for subject in many]
    newest: dict[str, tuple[int, str]] = {}
    for message in await read_last(store, doubled):
        token = bare_token(message.subject)
        newest[token] = max(newest.get(token, (0, "")), (message.seq, message.subject))
    return {
        token: public_state_of(newest[token][1] if token in newest else many[0])
        for token, many in by_job.items()
    }


async def list_subjects(store: QueueStore, pattern: str) -> list[str]:
    """Every subject of the jobs stream that matches, read from the stream's leader."""
    return await listing.subjects(store.wire, store.names.space.jobs, pattern)


async def levels(store: QueueStore) -> list[int]:
    """Priority levels ever used, in the order they are served."""
    pattern = store.names.all_aux("level")
    found = await up_to_date(store, pattern, partial(read_named, store, pattern))
    names = [last_token(message.subject) for message in found]
    return sorted((int(name) for name in names if _LEVEL.fullmatch(name)), key=rank)


async def count_waiting(store: QueueStore, level: int = 0) -> int:
    """Tickets of a priority level, 0 for none, those being claimed included.

    Where no worker has been lately a level has no consumer; whoever only reads may not make one.
    """
    if level:
        try:
            info = await _asked(store, line_consumer(store.names, level)[0])
        except StreamMissing:
            return await count_matching(store, store.names.line(level))
    else:
        info = await _line(store, 0)
    return int(info["num_pending"]) + int(info["num_ack_pending"])


async def count_levels(store: QueueStore, at: Sequence[int]) -> list[int]:
    """Jobs waiting at each of these levels: of many levels by the names of their jobs."""
    if has_many(at):
        waiting = store.names.all_in(PRIO)
        if await count_matching(store, waiting) <= _NAMED_PER_LEVEL * len(at):
            named = Counter(map(lane_of, await list_subjects(store, waiting)))
            return [named[str(level)] for level in at]
    return await asyncio.gather(*(count_waiting(store, level) for level in at))


def has_many(at: Collection[int]) -> bool:
    """Whether these levels are so many that asking the counter of each costs more than looking
    through what waits.
    """
    return len(at) > _FEW_LEVELS


async def count_unsent(store: QueueStore, level: int) -> int:
    """Tickets of a priority level, 0 for none, that were handed to no worker yet."""
    return int((await _line(store, level))["num_pending"])


async def count_section(store: QueueStore, state: str) -> int:
    """Messages in one of the states that have a counter."""
    name = store.names.consumer(f"n{state}")
    info = await _info(store, name, partial(ensure_counter, store, state))
    return int(info["num_pending"])


async def pending_of_all(store: QueueStore) -> dict[str, int]:
    """Consumer -> the messages it counts, of as many of the stream's consumers as the server lists
    in one answer (256).

    On a single server that costs little more than asking for one of them.
    """
    answer = await store.wire.api(f"CONSUMER.LIST.{store.names.space.jobs}")
    return {
        info["name"]: int(info["num_pending"]) + int(info["num_ack_pending"])
        for info in answer["consumers"] or ()
    }


async def count_matching(store: QueueStore, pattern: str) -> int:
    """Messages of which there are few: the server goes through all that match."""
    query = {"next_by_subj": pattern, "seq": 1, "batch": 1}
    found = await store.wire.get_batch(store.names.space.jobs, query)
    return found[0].pending + 1 if found else 0


async def _line(store: QueueStore, level: int) -> dict[str, Any]:
    """What the server says of the consumer of a priority level."""
    name, filters = line_consumer(store.names, level)
    return await _info(store, name, partial(ensure_delivery, store, name, filters))


async def _info(store: QueueStore, name: str, make: Callable[[], Awaitable[str]]) -> dict[str, Any]:
    """What the server says of a consumer, which is made if it is not there."""
    try:
        return await _asked(store, name)
    except StreamMissing:
        await make()
        return await _asked(store, name)


async def _asked(store: QueueStore, name: str) -> dict[str, Any]:
    return await store.wire.api(f"CONSUMER.INFO.{store.names.space.jobs}.{name}")


__all__ = [
    "Counts",
    "count_levels",
    "count_listed",
    "count_matching",
    "count_section",
    "count_unsent",
    "count_waiting",
    "has_many",
    "levels",
    "list_subjects",
    "pending_of_all",
    "states_of_all",
]
