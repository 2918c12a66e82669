"""From `module:attribute` to something a worker can run."""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import anyio.to_thread
from anyio import CapacityLimiter

from jetbull.errors import ConfigurationError
from jetbull.extras import ExtraMissing
from jetbull.workers.processors import in_thread, is_async, takes

__all__ = ["Call", "as_call", "close", "load"]

Call = Callable[..., Awaitable[Any]]
"""An async processor of two arguments (job, token) or three (job, token, signal)."""

_EXAMPLE = "audibook.worker:worker"


def load(reference: str) -> Any:
    """What `module:attribute` names; the current folder is searched for the module first.

    A class or a function without parameters is called and gives the processor. Raises
    ConfigurationError in one sentence for whatever stands in the way.
    """
    module_name, colon, attribute = reference.partition(":")
    if not (module_name and colon and attribute):
        raise ConfigurationError(
            f"{reference!r} names no processor: write it as module:attribute, such as {_EXAMPLE}."
        )
    found: Any = _module(module_name)
    for name in attribute.split("."):
        if not hasattr(found, name):
            raise ConfigurationError(
                f"{reference!r} names nothing: {module_name} has no attribute {attribute!r}."
            )
        found = getattr(found, name)
    return _made(reference, found)


def as_call(processor: Any, concurrency: int, reference: str) -> tuple[Call, int]:
    """The processor as an async callable, and how many arguments it takes (2 or 3).

    Taken are functions, coroutine functions, callable objects, and objects with
    `process_job(name, data, job=...)`; what is not async runs in up to `concurrency` threads.
    """
    method = getattr(processor, "process_job", None)
    limiter = CapacityLimiter(concurrency)
    if callable(method):
        return _by_name(method, limiter), 2
    if not callable(processor):
        raise ConfigurationError(
            f"{reference!r} is an object of type {type(processor).__name__} and no processor: it "
            "must be a function of a job, or have a method process_job(name, data)."
        )
    count = takes(processor)
    call: Call = processor if is_async(processor) else in_thread(processor, limiter)
    if count >= 2:
        return call, count

    async def with_job_alone(job: Any, token: str) -> Any:
        return await call(job)

    return with_job_alone, 2


async def close(processor: Any) -> None:
    """Awaits the processor's `aclose()`, or calls its `close()`, if it has one."""
    ending = getattr(processor, "aclose", None) or getattr(processor, "close", None)
    if inspect.iscoroutinefunction(ending):
        await ending()
    elif callable(ending):
        await anyio.to_thread.run_sync(ending)


def _module(name: str) -> Any:
    if os.sep in name or name.endswith(".py"):
        dotted = name.removesuffix(".py").replace(os.sep, ".").strip(".")
        raise ConfigurationError(
            f"{name!r} is a file and no module: write it as in an import, such as {dotted}."
        )
    folder = os.getcwd()
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    except ExtraMissing:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise ConfigurationError(
                f"There is no module {error.name!r} in {folder} or the Python environment."
            ) from error
        raise _broken(name, error) from error
    except Exception as error:
        raise _broken(name, error) from error


def _broken(name: str, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"The module {name!r} cannot be imported: {type(error).__name__}: {error}"
    )


def _made(reference: str, found: Any) -> Any:
    """The thing itself, or what it makes when it is a class or a factory."""
    is_factory = inspect.isclass(found) or (inspect.isroutine(found) and not _parameters(found))
    if not is_factory:
        return found
    try:
        made = found()
    except Exception as error:
        raise ConfigurationError(
            f"{reference!r} could not make a processor: {type(error).__name__}: {error}"
        ) from error
    if inspect.iscoroutine(made):
        made.close()
        raise ConfigurationError(
            f"{reference!r} is a coroutine function without parameters: let it take the job."
        )
    return made


def _parameters(function: Callable[..., Any]) -> int:
    try:
        return len(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return 2  # a builtin that does not tell; treat it as a processor


def _by_name(method: Callable[..., Any], limiter: CapacityLimiter) -> Call:
    takes_job = "job" in inspect.signature(method).parameters

    async def by_name(job: Any, token: str) -> Any:
        call = functools.partial(method, job.name, job.data, **({"job": job} if takes_job else {}))
        return await (call() if is_async(method) else in_thread(call, limiter)())

    return by_name
