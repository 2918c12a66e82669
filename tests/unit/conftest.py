"""A server for all tests, and a queue for each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from jetbull import Queue
from jetbull.server import EmbeddedServer


@pytest.fixture(scope="session")
def nats_url(nats_server: EmbeddedServer) -> str:
    """A server that no test breaks."""
    return nats_server.url


@pytest.fixture
async def queue(nats_url: str) -> AsyncIterator[Queue]:
    """A queue nobody else uses."""
    async with Queue(f"q-{uuid4().hex[:8]}", {"connection": nats_url}) as queue:
        yield queue
