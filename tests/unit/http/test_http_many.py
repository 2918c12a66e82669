"""More callers at once than a shell's limit of open files has room for."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from tests.unit.http.interface import running_api

_HEALTH = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n"


@asynccontextmanager
async def _callers(url: str, number: int) -> AsyncIterator[list[tuple[StreamReader, StreamWriter]]]:
    """Connections that stay open, each with a call sent."""
    address = urlsplit(url)
    opened = [await asyncio.open_connection(address.hostname, address.port) for _ in range(number)]
    for _, writer in opened:
        writer.write(_HEALTH)
    try:
        yield opened
    finally:
        for _, writer in opened:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in opened))


async def test_each_of_many_callers_is_answered_where_the_system_allows_it(
    nats_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with running_api(nats_url, "many", open_files=(64, 1024)) as url:
        async with _callers(url, 100) as callers:
            for reader, _ in callers:
                assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    assert '"level": "error"' not in capfd.readouterr().err


async def test_where_it_does_not_they_wait_and_the_log_says_so_once(
    nats_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with running_api(nats_url, "many", open_files=(64, 64)) as url:
        async with _callers(url, 100) as callers:
            first, last = callers[0], callers[-1]
            assert await first[0].readline() == b"HTTP/1.1 200 OK\r\n"
            for _, writer in callers[:60]:
                writer.close()
            assert await last[0].readline() == b"HTTP/1.1 200 OK\r\n"
    said = capfd.readouterr().err
    assert said.count("callers wait, for this process may open no more files") == 1
    assert "Traceback" not in said
