"""For tests of code that uses jetbull: a running server, an empty one, and a leak check.

    pytest_plugins = ["jetbull.testing_plugin"]     # gives the fixture `nats_url`
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from jetbull.connection import target_of
from jetbull.errors import StreamMissing
from jetbull.ledger import hub
from jetbull.ledger.names import Space
from jetbull.ledger.streams import all_prefix_streams
from jetbull.ledger.wire import Wire


async def flush(connection: object = None, prefix: str | None = None) -> None:
    """Empties everything jetbull keeps on the server; ids begin at 1 again.

    Without arguments the server of `NATS_URL`; with `prefix`, only what lies under it.
    """
    target = target_of(connection)
    wire = await Wire.open(list(target.servers), **dict(target.options))
    try:
        names = await all_prefix_streams(wire)
        if prefix is not None:
            space = Space(prefix)
            wanted = {space.jobs, space.events, space.counters, space.logs, space.objects}
            names = [n for n in names if n in wanted]
        for name in names:
            try:
                await wire.api(f"STREAM.PURGE.{name}", {})
            except StreamMissing:
                continue
    finally:
        await wire.close()
    hub.forget_ids(prefix)


@asynccontextmanager
async def no_leaks(allowed: Iterable[str] = ()) -> AsyncIterator[None]:
    """Fails when the block leaves tasks behind that were not there before.

    `allowed` holds beginnings of task names that may stay.
    """
    before = asyncio.all_tasks()
    yield
    await asyncio.sleep(0)
    gc.collect()
    left = {
        task
        for task in asyncio.all_tasks() - before
        if not task.done() and not task.get_name().startswith(tuple(allowed))
    }
    assert not left, f"{len(left)} tasks were left behind: {sorted(map(str, left))}"


__all__ = ["flush", "no_leaks"]
