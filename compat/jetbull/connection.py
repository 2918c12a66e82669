"""What callers pass as `connection`, and the lazy link made of it.

A NATS URL, a list of URLs or a dict with `servers` says where to go. What old callers pass for
Redis (a URL, a dict with host and port, a client) means 'the configured server': `NATS_URL`, else
nats://localhost:4222, with one warning per process.
"""

from __future__ import annotations

import asyncio
import logging
import os
import warnings
from typing import Any

from jetbull.errors import ConfigurationError, ConnectionClosedError
from jetbull.ledger.hub import Hold, Target, acquire
from jetbull.ledger.store import QueueStore

log = logging.getLogger("jetbull.connection")

DEFAULT_URL = "nats://localhost:4222"
_SCHEMES = ("nats://", "tls://", "ws://", "wss://")
_OPTIONS = frozenset(
    {
        "user",
        "password",
        "token",
        "tls",
        "tls_hostname",
        "user_credentials",
        "nkeys_seed",
        "nkeys_seed_str",
        "inbox_prefix",
        "connect_timeout",
        "name",
    }
)
_warned = False


def configured_url() -> str:
    """`NATS_URL`, or the local default."""
    return os.environ.get("NATS_URL") or DEFAULT_URL


def target_of(connection: Any) -> Target:
    """The server a `connection` option means. ConfigurationError names what cannot be understood."""
    options: dict[str, Any] = {}
    replicas = int(os.environ.get("JETBULL_REPLICAS", "1"))
    if connection is None or connection == {} or connection == "":
        servers: list[str] = [configured_url()]
    elif isinstance(connection, str):
        servers = [s.strip() for s in connection.split(",") if s.strip()]
    elif isinstance(connection, list | tuple):
        servers = [str(s) for s in connection]
    elif isinstance(connection, dict) and ("servers" in connection or "url" in connection):
        given = dict(connection)
        where = given.pop("servers", None) or given.pop("url")
        replicas = int(given.pop("replicas", replicas))
        servers = [where] if isinstance(where, str) else [str(s) for s in where]
        unknown = sorted(set(given) - _OPTIONS)
        if unknown and not _is_redis(servers[0]):
            raise ConfigurationError(
                f"connection.{unknown[0]} is not a NATS option; known are "
                f"{', '.join(sorted(_OPTIONS))}, servers and replicas."
            )
        options = given
    else:
        servers, options = [_instead_of_redis()], {}
    if _is_redis(servers[0]):
        servers, options = [_instead_of_redis()], {}
    for server in servers:
        if "://" in server and not server.startswith(_SCHEMES):
            raise ConfigurationError(
                f"connection {server.split('://')[0]}://… is no NATS address: "
                "use nats://host:4222 (or tls://, ws://, wss://)."
            )
    creds = os.environ.get("NATS_CREDS")
    if creds and "user_credentials" not in options:
        options["user_credentials"] = creds
    return Target(tuple(servers), replicas, tuple(sorted(options.items())))


def _is_redis(server: str) -> bool:
    return server.startswith(("redis://", "rediss://", "unix://", "valkey://", "valkeys://"))


def _instead_of_redis() -> str:
    global _warned
    url = configured_url()
    if not _warned:
        _warned = True
        warnings.warn(
            "jetbull keeps jobs in NATS: the Redis connection options are ignored and the server "
            "of NATS_URL (default nats://localhost:4222) is used.",
            UserWarning,
            stacklevel=5,  # the caller of Queue, Worker, ... (not of Link)
        )
    return url


class Link:
    """A queue's lazy way to the ledger: connects on first use, in the loop that uses it."""

    def __init__(self, prefix: str, name: str, connection: Any) -> None:
        self.prefix = prefix
        self.name = name
        self._target = target_of(connection)
        self._hold: Hold | None = None
        self._store: QueueStore | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._opening: asyncio.Lock | None = None

    @property
    def target(self) -> Target:
        return self._target

    async def store(self) -> QueueStore:
        """The queue's ledger. ConnectionClosedError after `close`."""
        loop = asyncio.get_running_loop()
        if self._store is not None and self._loop is loop:
            return self._store
        if self._closed:
            raise ConnectionClosedError("Connection is closed")
        if self._loop is not loop:
            self._loop, self._opening, self._hold, self._store = loop, asyncio.Lock(), None, None
        assert self._opening is not None
        async with self._opening:
            if self._store is None:
                if self._hold is None:
                    self._hold = await acquire(self._target)
                self._store = await self._hold.queue(self.prefix, self.name)
        return self._store

    async def close(self) -> None:
        """Writes what is under way and lets go of the connection; may be called again."""
        self._closed = True
        hold, self._hold, store, self._store = self._hold, None, self._store, None
        if hold is not None and self._loop is asyncio.get_running_loop():
            if store is not None and hold.wire.is_connected:
                try:
                    async with asyncio.timeout(5):
                        await store.event_log.flush()
                except TimeoutError:
                    log.warning("closing %s with events that are not stored yet", self.name)
            await hold.release()


__all__ = ["DEFAULT_URL", "Link", "configured_url", "target_of"]
