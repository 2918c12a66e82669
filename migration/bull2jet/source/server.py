"""Facts about the Redis server that decide whether a migration is safe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bull2jet.errors import SourceError
from bull2jet.findings import Finding, Severity
from bull2jet.source.door import Door

_DATABASE = re.compile(r"db\d+\Z")


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What INFO says; empty strings where the user may not ask."""

    product: str = ""
    version: str = ""
    mode: str = ""
    role: str = ""
    used_bytes: int = 0
    max_bytes: int = 0
    eviction: str = ""
    evicted: int = 0
    keys: int = 0
    #: keys of every database that holds any, by its number
    databases: Mapping[int, int] = field(default_factory=dict)


async def read_server(door: Door) -> tuple[ServerFacts, list[Finding]]:
    """The facts, and what they mean for the migration."""
    info = await door.info()
    keys = await _keys(door)
    facts = ServerFacts(
        product=str(info.get("server_name", "redis")),
        version=str(info.get("valkey_version") or info.get("redis_version", "")),
        mode=str(info.get("redis_mode") or info.get("server_mode", "")),
        role=str(info.get("role", "")),
        used_bytes=_whole(info.get("used_memory")),
        max_bytes=_whole(info.get("maxmemory")),
        eviction=str(info.get("maxmemory_policy", "")),
        evicted=_whole(info.get("evicted_keys")),
        keys=keys,
        databases={
            int(name[2:]): _whole(about.get("keys"))
            for name, about in info.items()
            if _DATABASE.match(name) and isinstance(about, dict)
        },
    )
    return facts, _judge(facts)


async def _keys(door: Door) -> int:
    try:
        return int(await door.call("DBSIZE"))
    except SourceError:  # no right to ask
        return 0


def _judge(facts: ServerFacts) -> list[Finding]:
    found = []
    if facts.eviction and facts.eviction != "noeviction":
        severity = Severity.CHANGED if facts.evicted else Severity.NOTE
        found.append(
            Finding(
                severity,
                "eviction-policy",
                f"maxmemory-policy is {facts.eviction!r}, so Redis may drop jobs by itself "
                f"({facts.evicted} keys so far); set it to noeviction before the run.",
            )
        )
    if facts.role == "slave":
        found.append(
            Finding(
                Severity.NOTE,
                "replica",
                "this is a replica: good for inspect and plan; a run needs the primary's address.",
            )
        )
    return found


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) else 0


__all__ = ["ServerFacts", "read_server"]
