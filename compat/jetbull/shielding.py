"""Waits that a cancellation of the caller does not cut short, as in BullMQ's `close` and `pause`,
and waits that closing does cut short.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from anyio import CancelScope
from anyio.lowlevel import checkpoint_if_cancelled

T = TypeVar("T")


async def to_the_end(
    work: asyncio.Task[None] | Coroutine[Any, Any, None], gives_up: Callable[[], bool]
) -> None:
    """Returns when `work` is done; a cancellation that comes meanwhile is raised only then.

    It is raised at once when `gives_up` says so: a processor that ends its own worker by force is
    cancelled for that, and would wait for itself.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    # A cancelled scope of anyio raises in every round of the event loop: outside, this would spin.
    with CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError as error:
                if task.cancelled() or gives_up():
                    if task is not work:
                        task.cancel()
                    raise
                cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()
    await checkpoint_if_cancelled()


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What `work` returns; None if `stop` is set first: then `work` is cancelled."""
    task = asyncio.ensure_future(work)
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        for one in (task, stopped):
            one.cancel()
        await asyncio.gather(task, stopped, return_exceptions=True)


class Done:
    """An awaitable that is done already: `resume` is sync in BullMQ for Python, async in Node."""

    def __await__(self) -> Any:
        return iter(())


__all__ = ["Done", "to_the_end", "unless"]
