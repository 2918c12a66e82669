"""Ending a command cleanly when the operator, or whoever runs it, asks for that."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from anyio.abc import TaskStatus

T = TypeVar("T")


async def until_stopped(work: Callable[[], Awaitable[T]]) -> T:
    """What `work` gives; `KeyboardInterrupt` when SIGINT or SIGTERM came first.

    The cancellation is repeated until the work has ended: one that is delivered once can get lost
    in `asyncio.wait_for` (before Python 3.12), which the Redis client uses for every command.
    """
    results: list[T] = []
    async with anyio.create_task_group() as tasks:
        await tasks.start(_wait_for_signal, tasks.cancel_scope)
        results.append(await work())
        tasks.cancel_scope.cancel()
    if not results:
        raise KeyboardInterrupt
    return results[0]


async def _wait_for_signal(scope: anyio.CancelScope, *, task_status: TaskStatus[None]) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            break
    scope.cancel()


__all__ = ["until_stopped"]
