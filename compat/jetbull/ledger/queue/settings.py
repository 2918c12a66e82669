"""What is set for a whole queue: paused, global concurrency, global rate limit."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from jetbull.errors import Conflict
from jetbull.ledger.messages.beside import object_of
from jetbull.ledger.messages.guard import expected
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

Settings = dict[str, Any]
_KIND, _KEY = "meta", "queue"


async def read(store: QueueStore) -> tuple[Settings, int]:
    """The settings and the sequence that guards a change of them (0: none stored)."""
    found = await _stored(store)
    if found is None:
        return {}, 0
    return object_of(found.subject, found.data) or {}, found.seq


async def read_strictly(store: QueueStore) -> tuple[Settings, int]:
    """As `read`; ValueError where something else stands, which elsewhere counts for no settings."""
    found = await _stored(store)
    if found is None:
        return {}, 0
    settings = json.loads(found.data)
    if not isinstance(settings, dict):
        raise ValueError("no JSON object")
    return settings, found.seq


async def _stored(store: QueueStore) -> StoredMessage | None:
    return await store.last(store.names.aux(_KIND, _KEY))


async def change(store: QueueStore, edit: Callable[[Settings], None]) -> Settings:
    """Applies `edit` to the stored settings, whoever else is editing, and tells the workers."""
    subject = store.names.aux(_KIND, _KEY)
    async with store.turns.at(subject):
        while True:
            settings, seq = await read(store)
            before = dict(settings)
            edit(settings)
            if settings == before:
                return settings
            text, headers = json.dumps(settings).encode(), expected(subject, seq)
            try:
                seq = await store.put(subject, text, headers)
            except Conflict:
                continue
            for watcher in tuple(store.watchers):
                watcher(dict(settings), seq)
            # With the news itself: a worker that had to read it could start what comes meanwhile.
            await store.hint("meta", json.dumps({"seq": seq, "settings": settings}).encode())
            return settings


def told(hint: bytes) -> tuple[Settings, int] | None:
    """The settings and their sequence, from the hint `meta`; None when it does not hold them."""
    if not hint:
        return None
    body = json.loads(hint)
    return body["settings"], int(body["seq"])


__all__ = ["Settings", "change", "read", "read_strictly", "told"]
