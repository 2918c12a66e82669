"""A copy of a cluster's streams that stands still, and answers what any copy may answer.

On one server, which is taken for one of several: as their leader it knows everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from jetbull.ledger.messages.clock import parse_ms
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage, Wire

_get_batch, _get_one = Wire.get_batch, Wire.get_one


class Replica:
    """Stands still from `stand_still` on, for so many answers; then it has caught up."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._held: dict[str, list[StoredMessage]] = {}
        self.answers = 0  # still to be given of what it had

        async def get_batch(
            wire: Wire, stream: str, query: Mapping[str, Any]
        ) -> list[StoredMessage]:
            if not self._is_asked(stream):
                return await _get_batch(wire, stream, query)
            return _found(self._held[stream], query)

        async def get_one(
            wire: Wire, stream: str, query: Mapping[str, Any]
        ) -> StoredMessage | None:
            if not self._is_asked(stream):
                return await _get_one(wire, stream, query)
            found = _found(self._held[stream], query)
            return found[-1] if found else None

        monkeypatch.setattr(Wire, "get_batch", get_batch)
        monkeypatch.setattr(Wire, "get_one", get_one)
        monkeypatch.setattr(Wire, "is_clustered", True)

    async def stand_still(self, store: QueueStore, answers: int, *streams: str) -> None:
        """From now on it has what is stored now: in these streams, or in all."""
        self._held.clear()
        for stream in streams or store.names.space.streams:
            query = {"next_by_subj": ">", "seq": 1, "batch": 1000}
            self._held[stream] = await _get_batch(store.wire, stream, query)
        self.answers = answers

    def _is_asked(self, stream: str) -> bool:
        if not self.answers or stream not in self._held:
            return False
        self.answers -= 1
        return True


def _found(held: list[StoredMessage], query: Mapping[str, Any]) -> list[StoredMessage]:
    patterns = query.get("multi_last") or [query.get("next_by_subj") or query["last_by_subj"]]
    since = parse_ms(query["start_time"]) if "start_time" in query else 0
    found = [
        m
        for m in held
        if m.seq >= query.get("seq", 1)
        and parse_ms(m.time) >= since
        and any(_matches(pattern, m.subject) for pattern in patterns)
    ]
    if "next_by_subj" in query:
        return found
    return sorted({m.subject: m for m in found}.values(), key=lambda m: m.seq)


def _matches(pattern: str, subject: str) -> bool:
    tokens, names = pattern.split("."), subject.split(".")
    if tokens[-1] == ">":
        tokens, names = tokens[:-1], names[: len(tokens) - 1]
    return len(tokens) == len(names) and all(
        token in ("*", name) for token, name in zip(tokens, names, strict=True)
    )
