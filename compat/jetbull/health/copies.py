"""What a cluster says of a stream's or consumer's leader and copies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

__all__ = ["has_leader", "look_at_copies"]

_AWAY_NS = 5_000_000_000  # since a copy was heard of; they are heard of every second


def has_leader(info: Mapping[str, Any]) -> bool:
    """Whether anybody decides, by the answer to a question for its state; a single server does."""
    cluster = info.get("cluster")
    return not cluster or bool(cluster.get("leader"))


def look_at_copies(
    name: str, info: Mapping[str, Any]
) -> Iterator[tuple[Literal["hint", "wrong"], str]]:
    """What is wrong about a stream's copies, or should be known, in sentences."""
    cluster: Mapping[str, Any] = info.get("cluster") or {}
    copies = cluster.get("replicas") or []
    if not has_leader(info):
        servers = ", ".join(sorted(copy["name"] for copy in copies))
        yield (
            "wrong",
            f"{name} has no leader, so nothing is stored: start its servers ({servers}) again, of "
            "which most have to be there.",
        )
        return
    if "desired" in cluster:
        yield "hint", f"{name} moves to other servers: stop none of them until that is over."
    away = [copy["name"] for copy in copies if copy.get("offline") or copy["active"] > _AWAY_NS]
    if away:
        yield (
            "wrong",
            f"{name} has a copy on {', '.join(sorted(away))}, which is away: start it again, or "
            "give the stream another server.",
        )
