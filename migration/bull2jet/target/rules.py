"""What the target cannot hold of a queue's rules: they stand in one message each."""

from __future__ import annotations

import json

from bull2jet.model import Deduplication, QueueRef, Scheduler
from bull2jet.target.records import record_of

_ROOM = 8192  # bytes of a message for names, headers and what is counted on


def rule_refusal(rule: Scheduler | Deduplication, queue: QueueRef, limit: int) -> str | None:
    """Why a scheduler, or the add remembered with a deduplication id, cannot be stored, or None.

    `limit` is the largest message in bytes that the server takes.
    """
    if isinstance(rule, Scheduler):
        size = len((rule.data or "").encode("utf-8", "surrogatepass"))
        size += len(json.dumps(dict(rule.opts), ensure_ascii=True))
    elif rule.next is None:
        return None
    else:
        record = record_of(rule.next, queue).encode().decode("utf-8", "surrogatepass")
        size = len(json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    if size <= limit - _ROOM:
        return None
    return (
        f"its data and options have {size:,} bytes, and a message takes {limit:,}; raise "
        "max_payload in the server's configuration"
    )


__all__ = ["rule_refusal"]
