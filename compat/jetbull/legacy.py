"""BullMQ 5's words for what BullMQ 6 calls otherwise: they work, and warn once per process."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

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


def repeat_key(name: str, repeat: Mapping[str, Any], job_id: str | None = None) -> str:
    """The scheduler id that stands for a repeatable job of version 5."""
    if repeat.get("key"):
        return str(repeat["key"])
    when = repeat.get("pattern") or repeat.get("cron") or repeat.get("every")
    end = repeat.get("endDate") or ""
    return f"{name}:{job_id or repeat.get('jobId') or ''}:{end}:{repeat.get('tz') or ''}:{when}"


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
    "modern",
    "note_paused_state",
    "outdated",
    "repeat_key",
    "repeatable",
    "scheduler_options",
]
