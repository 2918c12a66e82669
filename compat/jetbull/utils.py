"""Small helpers that callers import from `bullmq.utils`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any


def isRedisVersionLowerThan(current_version: str | None, minimum_version: str) -> bool:
    """Compares dotted versions; an unknown version is not lower."""
    if current_version is None:
        return False
    return _numbers(current_version) < _numbers(minimum_version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(p) for p in version.split("-")[0].split(".") if p.isdigit())


def extract_result(job_task: Any, emit_callback: Callable[..., Any]) -> Any:
    """A finished task's result; its error is emitted as `error`."""
    try:
        return job_task.result()
    except Exception as error:
        emit_callback("error", error)
        return None


def get_parent_key(opts: Mapping[str, Any] | None) -> str | None:
    """`<queue>:<id>` of a parent option."""
    return f"{opts.get('queue')}:{opts.get('id')}" if opts else None


def parse_json_string_values(input_dict: Mapping[str, str]) -> dict[str, Any]:
    """The dictionary with every JSON text decoded."""
    return {key: json.loads(value) for key, value in input_dict.items()}


def object_to_flat_array(obj: Mapping[str, Any]) -> list[Any]:
    """Keys and values in turn."""
    return [item for pair in obj.items() for item in pair]


def is_redis_cluster(client: Any) -> bool:
    """Whether a Redis client a caller holds speaks to a cluster; jetbull never does."""
    return bool(
        getattr(client, "is_cluster", False)
        or getattr(client, "isCluster", False)
        or getattr(client, "nodes_manager", None)
    )


def get_cluster_nodes(client: Any) -> list[Any]:
    """The nodes a Redis cluster client names; none for any other client."""
    for name in ("get_nodes", "nodes"):
        nodes = getattr(client, name, None)
        if callable(nodes):
            return list(nodes())
    return []


def get_node_client(node: Any) -> Any:
    """The client of a cluster's node, or the node itself."""
    for name in ("client", "redis", "connection", "redis_connection"):
        if hasattr(node, name):
            return getattr(node, name)
    return node


__all__ = [
    "extract_result",
    "get_cluster_nodes",
    "get_node_client",
    "get_parent_key",
    "isRedisVersionLowerThan",
    "is_redis_cluster",
    "object_to_flat_array",
    "parse_json_string_values",
]
