"""A server that is there and answers no question about jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from jetbull.server import EmbeddedServer

__all__ = ["silent_server"]

_USER = {
    "user": "nobody",
    "password": "listens",
    "permissions": {"publish": {"deny": "$JS.API.>"}},
}


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """The server, and the URL of a user whom JetStream does not answer."""
    async with EmbeddedServer(extra={"authorization": {"users": [_USER]}}) as server:
        yield server.url.replace("://", f"://{_USER['user']}:{_USER['password']}@")
