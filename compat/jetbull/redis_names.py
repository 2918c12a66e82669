"""What BullMQ's modules for Redis hold, for callers that import from them.

A program may annotate with these classes, test for them or patch them; there is no Redis to use
them on. A connection answers what `queue.client` does.
"""

from __future__ import annotations

from typing import Any, NoReturn

from jetbull.backend import create_backend
from jetbull.errors import JetbullError


class RedisConnection:
    """`conn` answers as `queue.client` does, of the server that `redisOpts` means."""

    def __init__(self, redisOpts: Any = None, *_: Any, **__: Any) -> None:
        self._backend = create_backend("", {"connection": redisOpts})
        self.conn = self._backend.conn

    async def close(self) -> None:
        """Lets go of the connection."""
        await self._backend.close()

    disconnect = close


class _OfRedis:
    def __init__(self, *_: Any, **__: Any) -> NoReturn:
        raise JetbullError(
            f"{type(self).__name__} speaks to Redis and has no counterpart in jetbull; "
            "see docs/differences.md."
        )


class Scripts(_OfRedis):
    """BullMQ's Lua scripts: cannot be made."""


class RedisBackend(_OfRedis):
    """BullMQ's backend for Redis: cannot be made, and no queue's `backend` is one."""


__all__ = ["RedisBackend", "RedisConnection", "Scripts"]
