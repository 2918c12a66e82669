"""A stored job as the Redis hash BullMQ would have: strings, short option keys."""

from __future__ import annotations

from typing import Any

from jetbull.ledger.messages.record import Record, dumps
from jetbull.ledger.parents import parentage
from jetbull.options import OPTS_DECODE, PARENT_POLICIES, shorten

_TEXTS = {
    "attemptsMade": "atm",
    "attemptsStarted": "ats",
    "stalledCounter": "stc",
    "processedOn": "processedOn",
    "finishedOn": "finishedOn",
    "processedBy": "pb",
    "failedReason": "failedReason",
    "deferredFailure": "defa",
    "repeatJobKey": "rjk",
    "deduplicationId": "deid",
}


def as_hash(record: Record) -> dict[str, Any]:
    """The job of a whole record as BullMQ's Redis hash: strings, short option keys."""
    given, head = record.given, record.head
    opts = {"attempts": 0, "delay": 0, **(given.get("opts") or {})}
    row: dict[str, Any] = {
        "name": given["name"],
        "data": record.data.decode("utf-8", "surrogatepass"),
        "opts": dumps(shorten(opts)),
        "timestamp": str(given["timestamp"]),
        "delay": str(head.get("delay", 0)),
        "priority": str(head.get("priority", 0)),
    }
    for field, key in _TEXTS.items():
        value = head.get(field, given.get(field))
        if value is not None:
            row[key] = str(value)
    for field in ("progress", "stacktrace", "returnvalue"):
        if field in head:
            row[field] = dumps(head[field])
    if "parentKey" in given and not head.get("orphaned"):
        link = given["parent"]
        policy = parentage.policy_of(given)
        parent = {"id": link["id"], "queueKey": link["queueKey"]}
        row["parent"] = dumps({**parent, **{p: True for p in PARENT_POLICIES if _has(policy, p)}})
        row["parentKey"] = given["parentKey"]
    return row


def _has(opts: dict[str, Any], policy: str) -> bool:
    return bool(opts.get(OPTS_DECODE[policy]))


__all__ = ["as_hash"]
