"""Settings of a whole queue: `meta`, counters, limits, metrics."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bull2jet.model import QueueRef, Settings, State
from bull2jet.source.door import Door, text
from bull2jet.source.keys import QueueKeys

_KNOWN_META = frozenset(
    {
        "opts.maxLenEvents", "paused", "concurrency", "max", "duration", "version", "opts",
        "library",  # BullMQ for Rust
    }
)  # fmt: skip
_NUMBER = re.compile(r"-?\d+\Z")


async def read_meta(door: Door, keys: QueueKeys) -> dict[str, str]:
    """The `meta` hash; empty when there is none or the key is something else."""
    answer = (await door.calls([("HGETALL", keys("meta"))]))[0]
    return {} if isinstance(answer, Exception) else decoded(answer)


async def read_settings(door: Door, queue: QueueRef) -> Settings:
    """What is set for the queue."""
    keys = QueueKeys(queue)
    meta = await read_meta(door, keys)
    bull_paused, counter, limiter, started = await door.calls(
        [
            ("EXISTS", keys("meta-paused")),
            ("GET", keys("id")),
            ("PTTL", keys("limiter")),
            ("GET", keys("limiter")),
        ]
    )
    return Settings(
        # Bull's mark, which BullMQ, that has taken over the queue's name since, does not look at
        paused="paused" in meta or (bull_paused == 1 and "version" not in meta),
        concurrency=number(meta.get("concurrency")),
        max=number(meta.get("max")),
        duration=number(meta.get("duration")),
        counter=_counted(counter),
        limiterTtl=limiter if isinstance(limiter, int) and limiter > 0 else None,
        limiterCount=_counted(started),
        extra={key: value for key, value in meta.items() if key not in _KNOWN_META},
    )


async def has_metrics(door: Door, queue: QueueRef) -> bool:
    """Whether workers counted finished jobs per minute."""
    keys = QueueKeys(queue)
    asked = [("EXISTS", keys(f"metrics:{state}")) for state in (State.COMPLETED, State.FAILED)]
    return 1 in await door.calls(asked)


def _counted(answer: object) -> int:
    return (number(text(answer)) or 0) if isinstance(answer, bytes) else 0


def decoded(answer: Mapping[Any, Any]) -> dict[str, str]:
    """A hash answer as text."""
    return {text(key): text(value) for key, value in answer.items()}


def number(value: str | None) -> int | None:
    """A whole number, or None when the text is none."""
    if value is None or not _NUMBER.match(value):
        return None
    return int(value)


__all__ = [
    "decoded",
    "has_metrics",
    "number",
    "read_meta",
    "read_settings",
]
