"""A real NATS server, the interface in front of it, and the queue behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from tests.unit.http.interface import running_api

from jetbull import Queue
from jetbull.server import EmbeddedServer

QUEUE, PREFIX = "audio-processing", "http"


@pytest.fixture(scope="session")
def nats_url() -> Iterator[str]:
    with EmbeddedServer() as server:
        yield server.url


@pytest.fixture(scope="session")
def api_url(nats_url: str) -> Iterator[str]:
    with running_api(nats_url, PREFIX) as url:
        yield url


@pytest.fixture
async def queue(nats_url: str) -> AsyncIterator[Queue]:
    """The queue of the interface, empty at first."""
    made = Queue(QUEUE, {"connection": nats_url, "prefix": PREFIX})
    await made.obliterate(True)
    yield made
    await made.close()


@pytest.fixture
async def api(api_url: str, queue: Queue) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the interface in front of an empty queue."""
    async with httpx.AsyncClient(base_url=api_url, timeout=30) as client:
        yield client
