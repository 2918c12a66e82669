"""A server of its own for every test that breaks one, and one to share for the others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from jetbull import Queue
from jetbull.server import EmbeddedServer


@pytest.fixture(scope="session")
def shared_url() -> Iterator[str]:
    """A server no test breaks."""
    with EmbeddedServer() as server:
        yield server.url


@pytest.fixture
async def server() -> AsyncIterator[EmbeddedServer]:
    """A server the test may break."""
    async with EmbeddedServer() as server:
        yield server


@pytest.fixture
def name() -> str:
    """A queue nobody else uses."""
    return f"q-{uuid4().hex[:8]}"


@pytest.fixture
async def queue(shared_url: str, name: str) -> AsyncIterator[Queue]:
    """That queue, on the shared server."""
    async with Queue(name, {"connection": shared_url}) as queue:
        yield queue
