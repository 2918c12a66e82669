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
    job.delay = int(rawData.get("delay") or 0)
    job.priority = int(rawData.get("priority") or 0)
    job.timestamp = int(rawData.get("timestamp") or 0)
    job.attemptsMade = int(rawData.get("attemptsMade") or rawData.get("atm") or 0)
    job.attemptsStarted = int(rawData.get("ats") or 0)
    job.stalledCounter = int(rawData.get("stc") or 0)
    job.stacktrace = json.loads(rawData.get("stacktrace") or "[]")
    for name, key in (("finishedOn", "finishedOn"), ("processedOn", "processedOn")):
        if rawData.get(key):
            setattr(job, name, int(rawData[key]))
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
