"""What the commands that add jobs read of a caller's job."""

from __future__ import annotations

from typing import Any, Protocol


class Draft(Protocol):
    """A job on its way into the ledger; `id` is None, or the caller's own, until it is stored."""

    id: Any
    name: str
    data: Any
    opts: dict[str, Any]
    timestamp: int
    delay: int
    priority: int
    parent: dict[str, Any] | None
    parentKey: str | None
    repeatJobKey: str | None
    deduplication_id: str | None


__all__ = ["Draft"]
