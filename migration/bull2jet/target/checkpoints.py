"""The checkpoints of all queues, for when Redis no longer tells which there were."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bull2jet.model import QueueRef
from jetbull.ledger.messages.names import unescape
from jetbull.ledger.streams.streams import all_prefix_streams
from jetbull.ledger.wire import Wire

KIND = "bull2jet"  # the queue's message that holds the checkpoint
NAME = "checkpoint"
_PAGE = 500
_PREFIX, _QUEUE = 1, 2  # jbq.<prefix>.<queue>.<kind>.<key>


async def read_checkpoints(wire: Wire) -> dict[QueueRef, Mapping[str, Any]]:
    """Every queue's last checkpoint, of whatever prefix."""
    found: dict[QueueRef, Mapping[str, Any]] = {}
    for stream in await all_prefix_streams(wire):
        if not stream.startswith("JB_"):
            continue
        query = {"next_by_subj": f"jbq.*.*.{KIND}.{NAME}", "seq": 1, "batch": _PAGE}
        while page := await wire.get_batch(stream, query):
            for message in page:
                parts = message.subject.split(".")
                queue = QueueRef(unescape(parts[_PREFIX]), unescape(parts[_QUEUE]))
                found[queue] = json.loads(message.data)
            if not page[-1].pending:
                break
            query["seq"] = page[-1].seq + 1
    return found


__all__ = ["KIND", "NAME", "read_checkpoints"]
