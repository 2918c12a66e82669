"""The keys that a queue may have, and the type that the libraries give each of them."""

from __future__ import annotations

from bull2jet.source.keys import OWN
from bull2jet.source.listing import HOLDERS

#: bull2jet's own
OWN_TYPES = {
    **{
        own.suffix: own.redis_type
        for holder in HOLDERS
        for own in (holder.mirror, holder.inflight, holder.refused)
    },
    **{f"{OWN}{name}": "zset" for name in ("repeat", "priority")},
    **{f"{OWN}{name}": "set" for name in ("returned", "gone")},
    **{f"{OWN}{name}": "string" for name in ("lease", "migration")},
    f"{OWN}aside": "list",
}
#: by suffix
TYPES = {
    **{holder.suffix: holder.redis_type for holder in HOLDERS},
    "id": "string", "meta": "hash", "meta-paused": "string", "events": "stream",
    "repeat": "zset", "priority": "zset", "pc": "string", "marker": "zset", "delay": "stream",
    "stalled": "set", "stalled-check": "string", "limiter": "string", "limiter:index": "hash",
    "metrics:completed": "hash", "metrics:failed": "hash",
    "metrics:completed:data": "list", "metrics:failed:data": "list", "wait:added": "list",
    "groups": "zset", "groups:limit": "zset", "groups:max": "zset", "groups:paused": "zset",
    **OWN_TYPES,
}  # fmt: skip
#: up to Bull 2, which has no stream of events
_OLD_TYPES = {"completed": "set", "failed": "set"}


def well_typed(types: dict[str, str]) -> dict[str, str]:
    """Those of a queue's keys, by suffix, that have the type a library gives them."""
    old = {} if "events" in types else _OLD_TYPES
    return {
        suffix: kind
        for suffix, kind in types.items()
        if kind in (TYPES.get(suffix), old.get(suffix))
    }


__all__ = ["OWN_TYPES", "TYPES", "well_typed"]
