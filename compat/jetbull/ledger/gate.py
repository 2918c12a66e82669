"""Limits over all workers of a queue: jobs per window of time, jobs at once.

Both are small messages beside the jobs, changed only against the sequence last seen, so that two
workers can never pass on the same reading.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jetbull.errors import Conflict
from jetbull.ledger.batch import Message
from jetbull.ledger.clock import now_ms
from jetbull.ledger.counting import list_subjects
from jetbull.ledger.guard import HeaderMap, expect
from jetbull.ledger.names import ACTIVE, STALLED
from jetbull.ledger.store import QueueStore

_KIND = "gate"


Rate = tuple[int, int]


def rate_of(values: Mapping[str, Any], limiter: Mapping[str, Any] | None) -> Rate | None:
    """(jobs, ms) that may start: the queue's number wins, and the worker's own window."""
    own = limiter or {}
    most, window = values.get("max", own.get("max")), own.get("duration", values.get("duration"))
    return None if most is None or window is None else (int(most), int(window))


@dataclass(frozen=True, slots=True)
class Window:
    """A rate window: how many started since `start_ms`, when it ends."""

    start_ms: int
    end_ms: int
    count: int


async def _read(store: QueueStore, name: str) -> tuple[dict[str, Any], int]:
    found = await store.wire.get_one(
        store.names.space.jobs, {"last_by_subj": store.names.aux(_KIND, name)}
    )
    return (json.loads(found.data), found.seq) if found else ({}, 0)


async def window(store: QueueStore) -> Window | None:
    """The current window, or None when it is over or was never opened."""
    body, _ = await _read(store, "rate")
    if not body or body["end"] <= now_ms():
        return None
    return Window(body["start"], body["end"], body["count"])


async def start_message(store: QueueStore, limit: int, duration_ms: int) -> Message | int:
    """What must be stored together with an active job under a rate limit.

    The ms until the window ends when it has no room: so no start is counted that is none, and none
    is made that is not counted.
    """
    body, seq = await _read(store, "rate")
    now = now_ms()
    if not body or body["end"] <= now:
        body = {"start": now, "end": now + duration_ms, "count": 0}
    if body["count"] >= limit:
        return max(1, int(body["end"]) - now)
    body["count"] += 1
    return _rate_message(store, body, seq)


async def enter_window(store: QueueStore, limit: int, duration_ms: int) -> int:
    """Counts one start: 0 when allowed, else the ms until the window ends."""
    while True:
        message = await start_message(store, limit, duration_ms)
        if isinstance(message, int):
            return message
        try:
            await store.put(message.subject, message.payload, message.headers)
        except Conflict:
            continue
        return 0


async def leave_window(store: QueueStore) -> None:
    """Takes one start back that was counted and not made."""
    while True:
        body, seq = await _read(store, "rate")
        if not body or body["end"] <= now_ms() or body["count"] < 1:
            return
        body["count"] -= 1
        if await _write(store, body, seq):
            return


async def time_left(store: QueueStore, limit: int) -> int:
    """Ms until another job may start; 0 when one may now."""
    current = await window(store)
    if current is None or current.count < limit:
        return 0
    return max(1, current.end_ms - now_ms())


async def close_window(store: QueueStore, duration_ms: int) -> None:
    """Nothing starts for `duration_ms`."""
    while True:
        _, seq = await _read(store, "rate")
        now = now_ms()
        body = {"start": now, "end": now + int(duration_ms), "count": 2**53 - 1}
        if await _write(store, body, seq):
            return


async def open_window(store: QueueStore) -> int:
    """Forgets the window: 1, or 0 when there was none."""
    had = await window(store)
    await store.purge(store.names.aux(_KIND, "rate"))
    return 0 if had is None else 1


def _rate_message(store: QueueStore, body: dict[str, Any], seq: int) -> Message:
    subject = store.names.aux(_KIND, "rate")
    headers: HeaderMap = {}
    expect(headers, subject, seq)
    return Message(subject, json.dumps(body).encode(), headers)


async def _write(store: QueueStore, body: dict[str, Any], seq: int) -> bool:
    message = _rate_message(store, body, seq)
    try:
        await store.put(message.subject, message.payload, message.headers)
    except Conflict:
        return False
    return True


async def slot_message(store: QueueStore, limit: int) -> Message | None:
    """What must be stored together with an active job under a global concurrency.

    None when `limit` jobs are active. Every start rewrites the same message, so a count read
    before is still right when it is stored.
    """
    subject = store.names.aux(_KIND, "slots")
    found = await store.wire.get_one(store.names.space.jobs, {"last_by_subj": subject})
    active, stalled = await asyncio.gather(
        list_subjects(store, store.names.all_in(ACTIVE)),
        list_subjects(store, store.names.all_in(STALLED)),
    )
    if len(active) + len(stalled) >= limit:
        return None
    headers: HeaderMap = {}
    expect(headers, subject, found.seq if found else 0)
    return Message(subject, str(now_ms()).encode(), headers)
