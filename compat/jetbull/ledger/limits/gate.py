"""The rate window of a queue: how many jobs started in it, over all workers.

It is a small message beside the jobs, changed only against the sequence last seen, so that two
workers can never pass on the same reading.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from jetbull.errors import Conflict
from jetbull.ledger.messages.beside import object_of
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.guard import HeaderMap, expect
from jetbull.ledger.store.batch import Message
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

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


async def _read(store: QueueStore) -> tuple[dict[str, Any], int]:
    found = await store.wire.get_last(store.names.space.jobs, store.names.aux(_KIND, "rate"))
    return ({}, 0) if found is None else (_body(found), found.seq)


def _body(found: StoredMessage) -> dict[str, Any]:
    """The window as it is stored; nothing for what is none."""
    return object_of(found.subject, found.data, "start", "end", "count") or {}


async def window(store: QueueStore) -> Window | None:
    """The current window, or None when it is over or was never opened."""
    body, _ = await _read(store)
    if not body or body["end"] <= now_ms():
        return None
    return Window(body["start"], body["end"], body["count"])


@dataclass(frozen=True, slots=True)
class Counted:
    """A window as it is stored, and the sequence that guards a change of it (0: none stored)."""

    window: Window
    seq: int


async def counted(store: QueueStore) -> Counted:
    """The stored window, which may be over, as the stream's leader knows it."""
    found = await store.wire.get_last(store.names.space.jobs, store.names.aux(_KIND, "rate"))
    body = {} if found is None else _body(found)
    if found is None or not body:
        return Counted(Window(0, 0, 0), 0 if found is None else found.seq)
    return Counted(Window(body["start"], body["end"], body["count"]), found.seq)


def opened(window: Window, duration_ms: int) -> Window:
    """The same window, or a new one if that is over."""
    now = now_ms()
    return window if window.end_ms > now else Window(now, now + duration_ms, 0)


async def count(store: QueueStore, before: Counted, window: Window, starts: int) -> Counted:
    """Counts so many starts more in `window`; `Conflict` when it is not as it was `before`."""
    after = replace(window, count=max(0, window.count + starts))
    # Told apart from what another worker counted, should the answer be lost.
    body = {"start": after.start_ms, "end": after.end_ms, "count": after.count, "by": uuid4().hex}
    message = _rate_message(store, body, before.seq)
    return Counted(after, await store.put(message.subject, message.payload, message.headers))


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
        _, seq = await _read(store)
        now = now_ms()
        body = {"start": now, "end": now + duration_ms, "count": starts}
        if await _write(store, body, seq):
            await store.hint("meta")
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
