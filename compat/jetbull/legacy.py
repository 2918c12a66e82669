"""BullMQ 5's words for what BullMQ 6 calls otherwise: they work, and warn once per process."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

from jetbull.repeating import to_millis
from jetbull.warn import warn_caller

log = logging.getLogger("jetbull.legacy")

_warned: set[str] = set()


def outdated(old: str, new: str) -> None:
    """Warns once, at the caller's line, that `old` is BullMQ 5's name for `new`."""
    if old not in _warned:
        _warned.add(old)
        warn_caller(f"{old} is BullMQ 5's name; use {new}.", DeprecationWarning)


def modern(opts: Mapping[str, Any]) -> dict[str, Any]:
    """Job options with `debounce` under its present name, `deduplication`."""
    given = dict(opts)
    debounce = given.pop("debounce", None)
    if debounce:
        outdated("The job option debounce", "deduplication")
        given.setdefault("deduplication", debounce)
    return given


def note_paused_state() -> None:
    """Tells once, in the log, why no job is ever in the state `paused`."""
    if "paused" not in _warned:
        _warned.add("paused")
        log.warning(
            "The state 'paused' is always empty since BullMQ 6: the jobs of a paused queue are "
            "'waiting'; ask isPaused() whether it is paused."
        )


def repeat_keys(name: str, repeat: Mapping[str, Any], job_id: str | None) -> list[str]:
    """Scheduler ids that may stand for a repeatable job of version 5 or older.

    The first is the one it gets here. One that comes from Redis bears the id that its jobs had
    there, a hash that each generation made in its own way.
    """
    if repeat.get("key"):
        return [str(repeat["key"])]
    job = job_id or repeat.get("jobId") or ""
    pattern = repeat.get("pattern") or repeat.get("cron")
    start = f"{name}:{job}:{to_millis(repeat.get('endDate')) or ''}:"
    zoned = f"{repeat.get('tz') or ''}:{pattern or repeat.get('every')}"
    bulls = start + (zoned if pattern else str(repeat.get("every")))
    return _with_hashes(start + zoned, bulls, name, job)


def keys_like(key: str) -> list[str]:
    """Scheduler ids that may stand for the repeatable job that version 5 or older listed so.

    The key is `name:jobId:endDate:tz:pattern`, in Bull without a zone before an interval. Name and
    job id may hold colons themselves, so every way to part them is tried.
    """
    parts, found = key.split(":"), [key]
    for rest in (3, 2):
        both = parts[:-rest]
        for end in range(1, len(both)):
            found += _with_hashes(key, key, ":".join(both[:end]), ":".join(both[end:]))
    return list(dict.fromkeys(found))


def _with_hashes(key: str, bulls: str, name: str, job: str) -> list[str]:
    hashed = _md5(key)
    return [
        key,
        hashed,  # late BullMQ 5
        _md5(f"{name}{job}{hashed}"),  # BullMQ 1 to 5
        f"{name}:{hashed}",  # the first BullMQs
        _md5(f"{name}{job}:{_md5(bulls)}"),  # Bull 3 and 4
    ]


def _md5(text: str) -> str:
    raw = text.encode("utf-8", "surrogatepass")
    return hashlib.md5(raw, usedforsecurity=False).hexdigest()


def scheduler_options(repeat: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    """Options of a job scheduler that fires when the repeatable job would have.

    A repeatable job with `every` came first at the next multiple of it, not at once.
    """
    given = {k: v for k, v in repeat.items() if k not in ("key", "jobId", "cron")}
    if repeat.get("cron") and not given.get("pattern"):
        given["pattern"] = repeat["cron"]
    every = given.get("every")
    if every:
        at_once = given.pop("immediately", False)
        if not at_once and not given.get("startDate"):
            given["startDate"] = (now_ms // int(every) + 1) * int(every)
    return given


def repeatable(scheduler: Mapping[str, Any]) -> dict[str, Any]:
    """A scheduler as `getRepeatableJobs` showed it."""
    every = scheduler.get("every")
    return {
        "key": scheduler["key"],
        "name": scheduler["name"],
        "id": None,
        "endDate": scheduler.get("endDate"),
        "tz": scheduler.get("tz"),
        "pattern": scheduler.get("pattern"),
        "every": None if every is None else str(every),
        "next": scheduler["next"],
    }


__all__ = [
    "keys_like",
    "modern",
    "note_paused_state",
    "outdated",
    "repeat_keys",
    "repeatable",
    "scheduler_options",
]
