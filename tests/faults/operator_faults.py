"""What people do to a running system."""

from __future__ import annotations

import asyncio

from tests.faults.catalogue import fault
from tests.faults.stage import Stage

__all__: list[str] = []


@fault("consumers deleted under load", quick=True)
async def consumers_deleted(stage: Stage) -> int:
    """All of them, three times: workers make them anew."""
    store = await stage.ledger()
    stream = store.names.space.jobs
    for _ in range(3):
        for name in (await store.wire.api(f"CONSUMER.NAMES.{stream}"))["consumers"]:
            await store.wire.api(f"CONSUMER.DELETE.{stream}.{name}")
        await stage.some_time(1.0, 2.0)
    return 3


@fault("pause and resume under load", quick=True)
async def paused(stage: Stage) -> int:
    """While the queue is paused nothing starts; afterwards everything goes on."""
    for _ in range(3):
        await stage.queue.pause()
        await stage.some_time(0.2, 0.8)
        await stage.queue.resume()
        await stage.some_time(0.2, 0.8)
    return 3


@fault("promote against firing schedules", promotes=True)
async def promoted(stage: Stage) -> int:
    """Delayed jobs are promoted by hand in the moment they fall due."""
    deadline = asyncio.get_running_loop().time() + 4
    times = 0
    while asyncio.get_running_loop().time() < deadline:
        times += 1
        await stage.queue.promoteJobs()
    return times
