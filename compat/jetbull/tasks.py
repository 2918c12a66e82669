"""Tasks of the library's own, which begin when the caller has gone on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")


def background(
    work: Coroutine[Any, Any, T],
    loop: asyncio.AbstractEventLoop | None = None,
    context: Context | None = None,
) -> asyncio.Task[T]:
    """`work` as a task of `loop`, or the running one; it begins in the loop's next turn.

    It runs in `context`, or in a copy of the caller's.

    Also where the loop has `asyncio.eager_task_factory`, which would run the first steps within
    this call: before the caller has noted the task, and in the middle of its own change.
    """
    return asyncio.Task(work, loop=loop or asyncio.get_running_loop(), context=context)


__all__ = ["background"]
