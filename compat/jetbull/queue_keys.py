"""The names BullMQ's Redis keys would have; kept for callers that show or compare them."""

from __future__ import annotations

from jetbull.options import DEFAULT_PREFIX

_TYPES = (
    "",
    "active",
    "wait",
    "waiting-children",
    "paused",
    "completed",
    "failed",
    "delayed",
    "repeat",
    "stalled",
    "limiter",
    "prioritized",
    "id",
    "stalled-check",
    "meta",
    "pc",
    "events",
    "marker",
    "de",
)


class QueueKeys:
    """Key names of a prefix."""

    def __init__(self, prefix: str = DEFAULT_PREFIX) -> None:
        self.prefix = prefix

    def getKeys(self, name: str) -> dict[str, str]:
        """All key names of a queue by type."""
        return {kind: self.toKey(name, kind) for kind in _TYPES}

    def toKey(self, name: str, name_type: str) -> str:
        """`<prefix>:<queue>:<type>`."""
        return f"{self.getQueueQualifiedName(name)}:{name_type}"

    def getQueueQualifiedName(self, name: str) -> str:
        """`<prefix>:<queue>`."""
        return f"{self.prefix}:{name}"


__all__ = ["QueueKeys"]
