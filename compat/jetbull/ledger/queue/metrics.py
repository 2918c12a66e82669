"""How many jobs finished, in total and minute by minute: counters the server adds up.

Subjects below `jbc.<prefix>.<queue>.metric.<state>`: `total`, and `m<minute since the epoch>`.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.store.store import QueueStore

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class FinishedCounts:
    """Jobs finished in total, and per minute since the epoch."""

    total: int
    minutes: dict[int, int]


class MetricsRecorder:
    """Counts what one worker finishes; keeps at most `points` minutes of history."""

    def __init__(self, points: int) -> None:
        self._points = points
        self._trimmed: dict[str, int] = {}

    async def count(self, store: QueueStore, state: str) -> None:
        """Adds one finished job to the total and to this minute."""
        minute = now_ms() // MINUTE_MS
        one = {"Nats-Incr": "+1"}
        answers = [
            await store.wire.post(_subject(store, state, name), b"", one)
            for name in ("total", f"m{minute}")
        ]
        await asyncio.gather(*answers)
        if self._trimmed.get(state, 0) < minute:
            self._trimmed[state] = minute
            await _forget_before(store, state, minute - self._points)


async def read(store: QueueStore, state: str) -> FinishedCounts:
    """What was counted so far."""
    total, minutes = 0, {}
    found = await store.wire.get_batch(
        store.names.space.counters, {"multi_last": [_subject(store, state, "*")]}
    )
    for message in found:
        name = message.subject.rsplit(".", 1)[1]
        value = int(json.loads(message.data)["val"])
        if name == "total":
            total = value
        else:
            minutes[int(name[1:])] = value
    return FinishedCounts(total, minutes)


async def _forget_before(store: QueueStore, state: str, minute: int) -> None:
    for old in (await read(store, state)).minutes:
        if old < minute:
            subject = _subject(store, state, f"m{old}")
            await store.wire.api(f"STREAM.PURGE.{store.names.space.counters}", {"filter": subject})


def _subject(store: QueueStore, state: str, name: str) -> str:
    return store.names.counter(f"metric.{state}.{name}")


__all__ = ["MINUTE_MS", "FinishedCounts", "MetricsRecorder", "read"]
