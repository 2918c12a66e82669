"""Old programs that still write to a queue, by the address they connect from."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from redis.exceptions import ResponseError

from bull2jet.errors import SourceError
from bull2jet.findings import Finding, Severity
from bull2jet.model import QueueRef
from bull2jet.source.door import Door, text

_EVERY_SECONDS = 1.0
_RECENT_SECONDS = 2
#: last commands of a client that has just added a job
_WRITING = frozenset(
    {"eval", "evalsha", "fcall", "lpush", "rpush", "zadd", "hset", "hmset", "exec", "xadd", "incr"}
)


@dataclass(slots=True)
class Stragglers:
    """Names clients that wrote a moment ago; Redis does not say to which key, so they may err."""

    door: Door
    queue: QueueRef
    _looked: float = 0.0
    _known: set[str] = field(default_factory=set)

    async def look(self) -> list[Finding]:
        """Clients not named before; call it right after a new job was seen."""
        if time.monotonic() - self._looked < _EVERY_SECONDS:
            return []
        self._looked = time.monotonic()
        try:
            own = str(await self.door.call("CLIENT", "ID"))
            answer = await self.door.call("CLIENT", "LIST")
        except (ResponseError, SourceError):  # no right to ask: then nobody is named
            return []
        found = []
        for client in parse(answer):
            address = client.get("addr", "")
            if client.get("id") == own or address in self._known or not self._suspect(client):
                continue
            self._known.add(address)
            found.append(self._finding(client))
        return found

    def _suspect(self, client: dict[str, str]) -> bool:
        idle = client.get("idle", "")
        recent = idle.isdigit() and int(idle) <= _RECENT_SECONDS
        writes = client.get("cmd", "").split("|")[0] in _WRITING
        return recent and writes and not client.get("name", "").startswith("bull2jet")

    def _finding(self, client: dict[str, str]) -> Finding:
        name = client.get("name") or "no name"
        library = client.get("lib-name") or "unknown library"
        return Finding(
            Severity.NOTE,
            "straggler",
            f"a client at {client.get('addr')} ({name}, {library}) still writes to this Redis.",
            self.queue.key,
        )


def parse(answer: object) -> list[dict[str, str]]:
    """CLIENT LIST as dicts, however the client library hands it over."""
    if isinstance(answer, list):
        return [{str(k): str(v) for k, v in row.items()} for row in answer if isinstance(row, dict)]
    if not isinstance(answer, (bytes, str)):
        return []
    rows = []
    for line in text(answer).splitlines():
        pairs = (part.partition("=") for part in line.split(" ") if "=" in part)
        rows.append({key: value for key, _, value in pairs})
    return rows


__all__ = ["Stragglers", "parse"]
