"""What happens to the network between processes and servers."""

from __future__ import annotations

import asyncio

from tests.faults.catalogue import fault
from tests.faults.stage import Stage

__all__: list[str] = []


@fault("workers cut off for 1 s", quick=True)
async def cut_briefly(stage: Stage) -> int:
    """Twice, at moments the seed chooses."""
    for _ in range(2):
        await _cut(stage, 1.0)
        await stage.some_time(0.5, 1.5)
    return 2


@fault("workers cut off for 30 s")
async def cut_long(stage: Stage) -> int:
    """Longer than the lease: the running jobs stall."""
    await _cut(stage, 30.0)
    return 1


async def _cut(stage: Stage, seconds: float) -> None:
    for proxy in stage.to_workers:
        proxy.refuse()
    await asyncio.sleep(seconds)
    for proxy in stage.to_workers:
        proxy.heal()


@fault("producers cut off for 1 s, five times", quick=True)
async def producers_cut(stage: Stage) -> int:
    """Adds whose acknowledgement is lost are repeated and stored once."""
    for _ in range(5):
        for proxy in stage.to_producers:
            proxy.cut()
        await stage.some_time(0.2, 1.0)
    return 5


@fault("half-open link", quick=True)
async def half_open(stage: Stage) -> int:
    """Nothing passes and nobody is told, for both sides of the queue."""
    every = [*stage.to_workers, *stage.to_producers]
    for proxy in every:
        proxy.swallow()
    await asyncio.sleep(6)
    for proxy in every:
        proxy.heal()
    return 1


@fault("half-open link for good")
async def half_open_for_good(stage: Stage) -> int:
    """The old connections stay dead; only new ones work. Workers have to notice by themselves."""
    for proxy in stage.to_workers:
        proxy.go_dead()
    return 1


@fault("answers lost to producers", quick=True)
async def answers_lost(stage: Stage) -> int:
    """The server stores and its acknowledgements do not arrive."""
    for _ in range(3):
        for proxy in stage.to_producers:
            proxy.drop_answers()
        await stage.some_time(0.3, 1.0)
        for proxy in stage.to_producers:
            proxy.heal()
        await stage.some_time(0.3, 1.0)
    return 3


@fault("answers lost to workers", quick=True)
async def answers_lost_to_workers(stage: Stage) -> int:
    """Claims, outcomes and tickets are stored or sent, and the worker is not told."""
    for _ in range(3):
        for proxy in stage.to_workers:
            proxy.drop_answers()
        await stage.some_time(0.2, 1.0)
        for proxy in stage.to_workers:
            proxy.heal()
        await stage.some_time(0.5, 1.0)
    return 3
