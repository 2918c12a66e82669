"""What a worker may call: coroutine functions and plain ones, with two arguments or three."""

from __future__ import annotations

import inspect
from asyncio import CancelledError
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from functools import partial
from types import CodeType
from typing import Any

import anyio.to_thread
from anyio import CapacityLimiter

from jetbull.abort_controller import AbortSignal
from jetbull.errors import ConfigurationError, JetbullError, text_of
from jetbull.job import Job
from jetbull.types.generics import Data, Result

AsyncProcessor = (
    Callable[[Job[Data, Result]], Awaitable[Result]]
    | Callable[[Job[Data, Result], str], Awaitable[Result]]
    | Callable[[Job[Data, Result], str, AbortSignal], Awaitable[Result]]
)
"""A coroutine function of a job, its token and, if it takes one, its cancellation signal."""

PlainProcessor = (
    Callable[[Job[Data, Result]], Result]
    | Callable[[Job[Data, Result], str], Result]
    | Callable[[Job[Data, Result], str, AbortSignal], Result]
)
"""The same as a plain function: it runs in a thread."""

Processor = Callable[..., Any]

# What a function calls that makes a future of the running loop; the second only as asyncio's.
_OF_THE_LOOP = frozenset(
    {
        *("create_future", "create_task", "ensure_future", "wrap_future"),
        *("get_event_loop", "get_running_loop"),
    }
)
_OF_ASYNCIO = frozenset({"Future", "gather", "shield"})
# What one calls that does without it, or goes on when there is none.
_OF_A_THREAD = frozenset({"RuntimeError", "new_event_loop", "run_until_complete", "run"})
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def takes(processor: Processor) -> int:
    """How many positional arguments the processor accepts, at most three.

    ConfigurationError (a ValueError) for what cannot be called, such as a file name.
    """
    if not callable(processor):
        raise ConfigurationError(
            f"processor is {processor!r}: give a function of (job, token); files that hold one, "
            "BullMQ's sandboxed processors, are not supported."
        )
    try:
        parameters = list(inspect.signature(processor).parameters.values())
    except (TypeError, ValueError):
        return 2
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
        return 3
    return min(3, sum(p.kind in _POSITIONAL for p in parameters))


def is_async(processor: Processor) -> bool:
    """Whether calling the processor gives an awaitable."""
    call = getattr(processor, "__call__", None)  # noqa: B004 - an instance with async __call__
    return inspect.iscoroutinefunction(processor) or inspect.iscoroutinefunction(call)


def _needs_loop(processor: Processor) -> bool:
    """Whether a plain function names what needs the running loop, so that no thread may call it."""
    code = _code_of(processor)
    names = set(code.co_names) if code is not None else set()
    wanted = _OF_THE_LOOP | (_OF_ASYNCIO if "asyncio" in names else frozenset())
    return bool(names & wanted) and not names & _OF_A_THREAD


def _code_of(processor: Processor) -> CodeType | None:
    """The code that stands behind partials, decorators, methods and callable objects."""
    function: Any = processor
    while isinstance(function, partial):
        function = function.func
    function = inspect.unwrap(function)
    if not hasattr(function, "__code__") and not inspect.ismethod(function):
        function = getattr(function, "__call__", None)  # noqa: B004 - an instance
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return code if isinstance(code, CodeType) else None


def escaped(error: BaseException) -> JetbullError:
    """The error of a job whose processor raised what would end the program (SystemExit, say)."""
    said = text_of(error)
    told = f": {said}" if said else ""
    return JetbullError(f"The processor raised {type(error).__name__}{told}")


def _asked_for_the_loop(error: RuntimeError) -> bool:
    """Whether asyncio raised this, where a thread asked for its event loop."""
    return text_of(error).startswith(("no running event loop", "There is no current event loop"))


def _adopt(context: Context) -> None:
    """Sets what a function in a thread has set, such as a decorator whose coroutine comes next."""
    for variable, value in context.items():
        if variable.get(None) is not value:
            variable.set(value)


def in_thread(processor: Processor, limiter: CapacityLimiter) -> Callable[..., Awaitable[Any]]:
    """Runs a plain function in a thread, so that it does not stop the event loop.

    A plain function that returns an awaitable (a partial, a decorator) is awaited in the loop. One
    that needs the loop itself, to return a future of it, is called there: from the first job on if
    its own code says so, otherwise once more for the first job, when it has turned out.
    """
    needs_loop = _needs_loop(processor)

    def contained(*args: Any) -> Any:
        try:
            return processor(*args)
        except (Exception, CancelledError):
            raise
        except BaseException as error:
            raise escaped(error) from error  # no future can carry some of them

    async def run(*args: Any) -> Any:
        nonlocal needs_loop
        if not needs_loop:
            context = copy_context()
            try:
                result = await anyio.to_thread.run_sync(
                    context.run, contained, *args, limiter=limiter, abandon_on_cancel=True
                )
            except RuntimeError as error:
                needs_loop = _asked_for_the_loop(error)
                if not needs_loop:
                    raise
            _adopt(context)
        if needs_loop:
            result = contained(*args)
        return await result if inspect.isawaitable(result) else result

    return run


__all__ = [
    "AsyncProcessor",
    "PlainProcessor",
    "Processor",
    "escaped",
    "in_thread",
    "is_async",
    "takes",
]
