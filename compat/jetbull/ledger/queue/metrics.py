"""How many jobs finished, in total and minute by minute: counters the server adds up.

Subjects below `jbc.<prefix>.<queue>.metric.<state>`: `total`, and `m<minute since the epoch>`.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import bare_token
from jetbull.ledger.store.paging import read_named
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

MINUTE_MS = 60_000
_SOME = 10  # counters per question


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
    for message in await read_named(store, _subject(store, state, "*"), store.names.space.counters):
        minute = _minute_of(message)
        value = int(json.loads(message.data)["val"])
        if minute is None:
            total = value
        else:
            minutes[minute] = value
    return FinishedCounts(total, minutes)


async def _forget_before(store: QueueStore, state: str, minute: int) -> None:
    """A minute is counted while it lasts, so the oldest ones stand first."""
    counters, seq = store.names.space.counters, 1
    while True:
        oldest = {"next_by_subj": _subject(store, state, "*"), "seq": seq, "batch": _SOME}
        found = await store.wire.get_batch(counters, oldest)
        for message in found:
            counted = _minute_of(message)
            if counted is not None and counted >= minute:
                return
            if counted is not None:
                await store.wire.api(f"STREAM.PURGE.{counters}", {"filter": message.subject})
        if not found or not found[-1].pending:
            return
        seq = found[-1].seq + 1


def _minute_of(message: StoredMessage) -> int | None:
    """Which minute it counts; None for the total."""
    name = bare_token(message.subject)
    return None if name == "total" else int(name[1:])


def _subject(store: QueueStore, state: str, name: str) -> str:
    return store.names.counter(f"metric.{state}.{name}")


__all__ = ["MINUTE_MS", "FinishedCounts", "MetricsRecorder", "read"]
