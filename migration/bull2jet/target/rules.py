"""What the target cannot hold of a queue's rules: they stand in one message each."""

from __future__ import annotations

import json

from bull2jet.model import Deduplication, QueueRef, Scheduler
from bull2jet.target.records import check_subject, record_of
from jetbull.errors import ConfigurationError
from jetbull.ledger.messages.names import Space

_ROOM = 8192  # bytes of a message for names, headers and what is counted on


def rule_refusal(rule: Scheduler | Deduplication, queue: QueueRef, limit: int) -> str | None:
    """Why a scheduler, or a deduplication id with its remembered add, cannot be stored, or None.

    `limit` is the largest message in bytes that the server takes.
    """
    kind = "sched" if isinstance(rule, Scheduler) else "dedup"
    try:
        check_subject(Space(queue.prefix).queue(queue.name).aux(kind, rule.id))
    except (ConfigurationError, ValueError) as error:
        return str(error).rstrip(".")
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
