"""A login that the server no longer takes, while whoever uses it is connected."""

from __future__ import annotations

import asyncio
import logging
import os
import signal

import pytest

from jetbull import Queue, Worker
from jetbull.errors import AckTimeout
from jetbull.server import EmbeddedServer

_FIRST, _SECOND = "the-first-secret", "the-second-secret"


def _change(server: EmbeddedServer, old: str, new: str) -> None:
    assert server.pid is not None
    configuration = server.data / "nats.conf"
    configuration.write_text(configuration.read_text().replace(old, new))
    os.kill(server.pid, signal.SIGHUP)


async def test_who_is_thrown_out_tells_why_and_goes_on_once_the_login_counts_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "jetbull")
    users = [{"user": "ada", "password": _FIRST}]
    with EmbeddedServer(extra={"authorization": {"users": users}}) as server:
        options = {"connection": {"servers": server.url, "user": "ada", "password": _FIRST}}
        worker = Worker("logins", lambda job: job.name, options)
        completed = asyncio.Event()
        worker.on("completed", lambda job, result: completed.set())
        async with Queue("logins", options) as queue, asyncio.timeout(60):
            await queue.count()
            _change(server, _FIRST, _SECOND)
            while "cannot reconnect" not in caplog.text:
                await asyncio.sleep(0.01)
            with pytest.raises(AckTimeout, match=r"was lost\. .* refuses the login"):
                await queue.add("job", {})
            _change(server, _SECOND, _FIRST)
            await (await queue.ledger()).wire.connected()
            await queue.add("job", {})
            await completed.wait()
            await worker.close()
    refused = [r for r in caplog.records if r.getMessage().startswith("cannot reconnect for now")]
    assert len(refused) == 1
    assert _FIRST not in caplog.text
