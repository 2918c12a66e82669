"""Writes every key of a Redis database as one JSON line: `python dump.py PORT FILE`.

A line is `[key, type, ttl_ms, value]`; ttl_ms is -1 for a key that never expires. Lists keep their
order, sorted sets are `[[member, score], ...]` by score, streams `[[id, {field: value}], ...]`.
"""

from __future__ import annotations

import json
import os
import sys
import sysconfig
from pathlib import Path
from typing import Any

import redis

HERE = Path(__file__).parent

# Stack traces name files of the machine that made the dump: they become /app/...
LOCAL_PATHS = {
    str((HERE / "node_modules").resolve()): "/app/node_modules",
    str(HERE.resolve()): "/app",
    sysconfig.get_paths()["purelib"]: "/app/site-packages",
    os.path.dirname(os.__file__): "/app/lib",
}


def without_local_paths(line: str) -> str:
    for local, neutral in LOCAL_PATHS.items():
        line = line.replace(local, neutral)
    return line


def value_of(client: Any, key: str, kind: str) -> Any:
    match kind:
        case "string":
            return client.get(key)
        case "hash":
            return dict(sorted(client.hgetall(key).items()))
        case "list":
            return client.lrange(key, 0, -1)
        case "set":
            return sorted(client.smembers(key))
        case "zset":
            scored = client.zrange(key, 0, -1, withscores=True)
            return [[member, repr(score)] for member, score in scored]
        case "stream":
            return [[entry, fields] for entry, fields in client.xrange(key)]
    raise ValueError(f"The key {key!r} has the type {kind!r}, which no queue library uses.")


def main() -> None:
    port, target = int(sys.argv[1]), Path(sys.argv[2])
    client: Any = redis.Redis(port=port, decode_responses=True)
    lines = []
    for key in sorted(client.scan_iter(count=1000)):
        kind = client.type(key)
        row = [key, kind, client.pttl(key), value_of(client, key, kind)]
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        lines.append(without_local_paths(line))
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{target.name}: {len(lines)} keys")


if __name__ == "__main__":
    main()
