"""The rate window of a queue: how many jobs started in it, over all workers.

It is a small message beside the jobs, changed only against the sequence last seen, so that two
workers can never pass on the same reading.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from jetbull.errors import Conflict
from jetbull.ledger.messages.beside import object_of
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.guard import expected
from jetbull.ledger.store.store import QueueStore

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


_NEVER = Window(0, 0, 0)


async def window(store: QueueStore) -> Window | None:
    """The current window, or None when it is over, was never opened, or nothing started in it."""
    now = (await counted(store)).window
    return now if now.end_ms > now_ms() and now.count else None


@dataclass(frozen=True, slots=True)
class Counted:
    """A window as it is stored, and the sequence that guards a change of it (0: none stored)."""

    window: Window
    seq: int


async def counted(store: QueueStore) -> Counted:
    """The stored window, which may be over, as the stream's leader knows it."""
    found = await store.last(store.names.aux(_KIND, "rate"))
    if found is None:
        return Counted(_NEVER, 0)
    body = object_of(found.subject, found.data, "start", "end", "count")
    window = Window(body["start"], body["end"], body["count"]) if body else _NEVER
    return Counted(window, found.seq)


def opened(window: Window, duration_ms: int) -> Window:
    """The same window, or a new one if that is over, or its starts were all given back: a window
    begins with its first start.
    """
    now = now_ms()
    is_open = window.end_ms > now and window.count > 0
    return window if is_open else Window(now, now + duration_ms, 0)


async def count(store: QueueStore, before: Counted, window: Window, starts: int) -> Counted:
    """Counts so many starts more in `window`; `Conflict` when it is not as it was `before`."""
    after = replace(window, count=max(0, window.count + starts))
    # Told apart from what another worker counted, should the answer be lost.
    return Counted(after, await _put(store, after, before.seq, by=uuid4().hex))


async def lengthen(store: QueueStore, before: Counted, end_ms: int) -> Counted:
    """Lets the window end later; the window as it is stored then, or, if another one has begun
    meanwhile, that one.
    """
    while True:
        try:
            return await count(store, before, replace(before.window, end_ms=end_ms), 0)
        except Conflict:
            start_ms, before = before.window.start_ms, await counted(store)
            if before.window.start_ms != start_ms or before.window.end_ms >= end_ms:
                return before


async def close_window(store: QueueStore, duration_ms: int) -> None:
    """Nothing starts for `duration_ms`, and the workers are told."""
    await begin_window(store, int(duration_ms), 2**53 - 1)


async def begin_window(store: QueueStore, duration_ms: int, starts: int) -> None:
    """Begins a window in which so many started already, whatever ran, and tells the workers."""
    while True:
        seq = (await counted(store)).seq
        now = now_ms()
        with suppress(Conflict):
            await _put(store, Window(now, now + duration_ms, starts), seq)
            break
    await store.hint("meta")


async def open_window(store: QueueStore) -> int:
    """Forgets the window: 1, or 0 when there was none."""
    had = await window(store)
    await store.purge(store.names.aux(_KIND, "rate"))
    return 0 if had is None else 1


async def _put(store: QueueStore, window: Window, seq: int, **more: str) -> int:
    """Stores the window, if the stored one is still `seq`; the new sequence."""
    subject = store.names.aux(_KIND, "rate")
    body = {"start": window.start_ms, "end": window.end_ms, "count": window.count, **more}
    return await store.put(subject, json.dumps(body).encode(), expected(subject, seq))


__all__ = [
    "Counted",
    "Rate",
    "begin_window",
    "close_window",
    "count",
    "counted",
    "lengthen",
    "open_window",
    "opened",
    "rate_of",
    "window",
]
