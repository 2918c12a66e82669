"""A job from the hash BullMQ keeps in Redis: strings, short option keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jetbull.job_body import JobBody
from jetbull.options import expand


def fill(job: JobBody[Any, Any], rawData: Mapping[str, Any], jobId: str | None) -> None:
    """Takes over what the hash holds besides name, data and options."""
    raw_id = jobId or rawData.get("id")
    job.id = raw_id.decode() if isinstance(raw_id, bytes) else raw_id
    job.progress = json.loads(rawData.get("progress") or "0")
    job.delay = _number(rawData, "delay")
    job.priority = _number(rawData, "priority")
    job.timestamp = _number(rawData, "timestamp")
    job.attemptsMade = _number(rawData, "attemptsMade" if rawData.get("attemptsMade") else "atm")
    job.attemptsStarted = _number(rawData, "ats")
    job.stalledCounter = _number(rawData, "stc")
    job.finishedOn = _number(rawData, "finishedOn") or job.finishedOn
    job.processedOn = _number(rawData, "processedOn") or job.processedOn
    job.stacktrace = json.loads(rawData.get("stacktrace") or "[]")
    job.repeatJobKey = rawData.get("rjk") or None
    job.deduplication_id = rawData.get("deid") or job.deduplication_id
    job.failedReason = rawData.get("failedReason") or None
    job.deferredFailure = rawData.get("defa") or None
    job.processedBy = rawData.get("pb") or None
    if isinstance(rawData.get("returnvalue"), str):
        job.returnvalue = getReturnValue(rawData["returnvalue"])
    if rawData.get("parentKey"):
        job.parentKey = rawData["parentKey"]
    if rawData.get("parent"):
        job.parent = json.loads(rawData["parent"])


def _number(rawData: Mapping[str, Any], key: str) -> int:
    """0 where the hash has nothing, or nothing in it."""
    return int(rawData.get(key) or 0)


def optsFromJSON(rawOpts: Mapping[str, Any]) -> dict[str, Any]:
    """Long option names for the short ones."""
    return expand(rawOpts)


def getReturnValue(value: Any) -> Any:
    """The decoded value, or the text itself when it is no JSON."""
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


__all__ = ["fill", "getReturnValue", "optsFromJSON"]
