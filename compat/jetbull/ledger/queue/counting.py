"""How many jobs are in each state.

Few jobs are listed and counted exactly. With many, the server's own counters are read: consumers
nobody reads, whose `num_pending` the server keeps (1 ms, whatever the number).
"""

from __future__ import annotations

import asyncio
from typing import Any

from jetbull.errors import StoreError, StreamMissing
from jetbull.ledger.messages.names import (
    ACTIVE,
    CHILDREN,
    COMPLETED,
    DELAYED,
    FAILED,
    HEAD,
    SETTLE,
    STALLED,
    last_token,
    public_state_of,
)
from jetbull.ledger.messages.placing import rank
from jetbull.ledger.queue.consumers import (
    ensure_counter,
    ensure_delivery,
    level_consumer,
    wait_consumer,
)
from jetbull.ledger.store.paging import read_all
from jetbull.ledger.store.store import QueueStore

EXACT_LIMIT = 2000
STATES = (
    "waiting",
    "active",
    "completed",
    "failed",
    "delayed",
    "prioritized",
    "waiting-children",
)
_COUNTED = {
    HEAD: "waiting",
    DELAYED: "delayed",
    ACTIVE: "active",
    CHILDREN: "waiting-children",
    COMPLETED: "completed",
    FAILED: "failed",
}

Counts = dict[str, int]


async def count_all(store: QueueStore) -> Counts:
    """Jobs per BullMQ state."""
    info = await store.wire.api(f"STREAM.INFO.{store.names.space.jobs}")
    if int(info["state"]["messages"]) <= EXACT_LIMIT:
        return await _exactly(store)
    estimate = await _by_counters(store)
    if sum(estimate.values()) <= EXACT_LIMIT:
        return await _exactly(store)
    return estimate


async def _exactly(store: QueueStore) -> Counts:
    states = await states_of_all(store)
    counts = dict.fromkeys(STATES, 0)
    for state in states.values():
        if state in counts:
            counts[state] += 1
    return counts


async def states_of_all(store: QueueStore) -> dict[str, str]:
    """job token -> state, for every job of the queue."""
    subjects = await list_subjects(store, store.names.all_jobs())
    by_job: dict[str, list[str]] = {}
    for subject in subjects:
        by_job.setdefault(subject.rsplit(".", 1)[1], []).append(subject)
    doubled = [subject for many in by_job.values() if len(many) > 1 for subject in many]
    newest: dict[str, tuple[int, str]] = {}
    for start in range(0, len(doubled), 500):
        found = await store.wire.get_batch(
            store.names.space.jobs, {"multi_last": doubled[start : start + 500]}
        )
        for message in found:
            token = message.subject.rsplit(".", 1)[1]
            newest[token] = max(newest.get(token, (0, "")), (message.seq, message.subject))
    return {
        token: public_state_of(newest[token][1] if token in newest else many[0])
        for token, many in by_job.items()
    }


async def list_subjects(store: QueueStore, pattern: str) -> list[str]:
    """Every subject of the jobs stream that matches, read from the stream's leader."""
    return await stream_subjects(store, store.names.space.jobs, pattern)


async def stream_subjects(store: QueueStore, stream: str, pattern: str) -> list[str]:
    """Every subject of a stream that matches and holds a message."""
    subjects: list[str] = []
    while True:
        answer = await store.wire.api(
            f"STREAM.INFO.{stream}",
            {"subjects_filter": pattern, "offset": len(subjects)},
        )
        page = answer["state"].get("subjects") or {}
        subjects += page
        if not page or len(subjects) >= int(answer.get("total", 0)):
            return subjects


async def levels(store: QueueStore) -> list[int]:
    """Priority levels ever used, in the order they are served."""
    pattern = store.names.all_aux("level")
    try:
        # By name: going through the stream takes longer with each job there is.
        found = await store.wire.get_batch(store.names.space.jobs, {"multi_last": [pattern]})
    except StoreError:  # more than the 1,024 that come in one answer
        found = await read_all(store, pattern)
    return sorted((int(last_token(m.subject)) for m in found), key=rank)


async def count_level(store: QueueStore, level: int) -> int:
    """Jobs waiting at this level."""
    return await _waiting_at(store, level_consumer(store.names, str(level)))


async def count_tickets(store: QueueStore) -> int:
    """Tickets of jobs waiting without priority, those being claimed included."""
    return await _waiting_at(store, wait_consumer(store.names))


async def count_family(store: QueueStore, state: str) -> int:
    """Messages in one of the counted states."""
    return await _one(store, state)


async def count_plain_waiting(store: QueueStore) -> int:
    """Jobs waiting without priority."""
    return (await count_all(store))["waiting"]


async def count_matching(store: QueueStore, pattern: str) -> int:
    """Messages of which there are few: the server goes through all that match."""
    query = {"next_by_subj": pattern, "seq": 1, "batch": 1}
    found = await store.wire.get_batch(store.names.space.jobs, query)
    return found[0].pending + 1 if found else 0


async def _by_counters(store: QueueStore) -> Counts:
    families = {
        "waiting": count_tickets(store),
        "prioritized": _prioritized(store),
        # Not by the consumer that repairs: where there is none yet, the server would look through
        # all jobs to make it.
        "active": count_matching(store, store.names.all_in(STALLED)),
        **{s: count_matching(store, store.names.all_in(SETTLE, s)) for s in (COMPLETED, FAILED)},
    }
    counted = {family: _one(store, family) for family in _COUNTED}
    answers = await asyncio.gather(*families.values(), *counted.values())
    counts = dict.fromkeys(STATES, 0)
    for state, number in zip((*families, *_COUNTED.values()), answers, strict=True):
        counts[state] += number
    return counts


async def _prioritized(store: QueueStore) -> int:
    known = await levels(store)
    return sum(await asyncio.gather(*(count_level(store, level) for level in known)))


async def _one(store: QueueStore, family: str) -> int:
    name = store.names.consumer(f"n{family}")
    return int((await _info(store, name, family))["num_pending"])


async def _waiting_at(store: QueueStore, consumer: tuple[str, list[str]]) -> int:
    name, filters = consumer
    try:
        info = await store.wire.api(f"CONSUMER.INFO.{store.names.space.jobs}.{name}")
    except StreamMissing:
        await ensure_delivery(store, name, filters)
        info = await store.wire.api(f"CONSUMER.INFO.{store.names.space.jobs}.{name}")
    return int(info["num_pending"]) + int(info["num_ack_pending"])


async def _info(store: QueueStore, name: str, family: str) -> dict[str, Any]:
    subject = f"CONSUMER.INFO.{store.names.space.jobs}.{name}"
    try:
        return await store.wire.api(subject)
    except StreamMissing:
        await ensure_counter(store, family)
        return await store.wire.api(subject)
