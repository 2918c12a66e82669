"""Objects that begin to work when they are made."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Coroutine

from jetbull.errors import ConfigurationError
from jetbull.tasks import background
from jetbull.warn import warn_caller

__all__ = ["begun"]


def begun(run: Callable[[], Coroutine[None, None, None]], what: str) -> asyncio.Task[None]:
    """`run()` as a task of the running event loop.

    Where none runs it is one of the loop that the thread has, with a warning, as `asyncio.run`
    makes another; ConfigurationError where there is none, as always from Python 3.14 on.
    """
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        return background(run(), running)
    remedy = f"make the {what} in an async function, or with autorun: False and await its run()."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            loop = asyncio.get_event_loop()
    except RuntimeError:
        raise ConfigurationError(
            f"A {what} begins in an event loop, and none runs: {remedy}"
        ) from None
    warn_caller(
        f"A {what} is made where no event loop runs, and does nothing under asyncio.run, which "
        f"makes a loop of its own: {remedy}",
        RuntimeWarning,
    )
    return background(run(), loop)
