"""A worker closes whatever the server does, or does not do."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from jetbull import Job, Worker
from jetbull.server import EmbeddedServer

PATIENCE = 10.0

SILENT: dict[str, Any] = {
    "authorization": {
        "users": [
            {
                "user": "nobody",
                "password": "listens",
                "permissions": {"publish": {"deny": "$JS.API.>"}},
            }
        ]
    }
}
"""JetStream answers none of this user's questions."""


async def done(job: Job, token: str) -> str:
    return "done"


async def _ends(ending: asyncio.Future[None]) -> bool:
    """Whether it ends in time; that it is waited for does not cancel it."""
    ended, _ = await asyncio.wait([ending], timeout=PATIENCE)
    return bool(ended)


class _Told(logging.Handler):
    """Waits for a word in the log."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self._word = word
        self.heard = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Looks for the word."""
        if self._word in record.getMessage():
            self.heard.set()


async def test_a_worker_that_could_take_no_job_in_an_outage_closes_before_it_ends(
    server: EmbeddedServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jetbull.ledger.wire.wire.READ_PATIENCE", 0.1)
    told, logger = _Told("could not take a job"), logging.getLogger("jetbull.worker")
    options = {"connection": server.url, "limiter": {"max": 1, "duration": 1000}}
    worker = Worker(name, done, options)
    logger.addHandler(told)
    try:
        await asyncio.wait_for(worker.waitUntilReady(), PATIENCE)
        await worker.pause()
        server.kill()
        worker.resume()
        await asyncio.wait_for(told.heard.wait(), PATIENCE)
        closing = asyncio.ensure_future(worker.close())
        assert await _ends(closing)
    finally:
        logger.removeHandler(told)
        await worker.close(force=True)


@pytest.mark.parametrize("force", [False, True], ids=["gracefully", "by force"])
async def test_a_worker_closes_while_the_server_answers_nothing(name: str, force: bool) -> None:
    async with EmbeddedServer(extra=SILENT) as server:
        url = server.url.replace("://", "://nobody:listens@")
        worker = Worker(name, done, {"connection": url})
        told, logger = _Told("permissions violation"), logging.getLogger("jetbull.wire")
        logger.addHandler(told)
        try:
            await asyncio.wait_for(told.heard.wait(), PATIENCE)
            closing = asyncio.ensure_future(worker.close(force))
            assert await _ends(closing)
        finally:
            logger.removeHandler(told)
