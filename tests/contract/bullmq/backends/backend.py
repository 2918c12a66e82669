"""One implementation of BullMQ's interface, as the contract tests see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

# The two implementations share names, not types: their classes are `Any` on purpose.


@dataclass(frozen=True, slots=True)
class Backend:
    """The names of one implementation and how to reach the server it works on."""

    name: str
    """`bullmq` or `jetbull`."""
    package: str
    """The import name, for tests that look at submodules."""
    connection: dict[str, Any]
    """Options every Queue, Worker, ... of a test gets, holding at least `connection`."""
    flush: Callable[[], Awaitable[None]]
    """Empties the server: no queue, job or event of an earlier test is left."""
    worker_defaults: dict[str, Any]
    """Options of every worker that does not say otherwise."""
    prepare_worker: Callable[[Any], None]
    """Called with each new worker before it starts; see the implementation's module."""
    hang_up: Callable[[Any], Awaitable[None]]
    """Called with each worker when its test is over and it has been closed."""
    no_leaks: Callable[[], AbstractAsyncContextManager[None]]
    """Around each test: fails when it leaves something behind, where that can be told."""

    Queue: Any
    Worker: Any
    Job: Any
    FlowProducer: Any
    QueueEvents: Any
    QueueEventsProducer: Any
    JobScheduler: Any
    LockManager: Any
    AbortController: Any
    AbortSignal: Any
    AbortError: Any
    UnrecoverableError: Any
    WaitingChildrenError: Any
    DelayedError: Any


PUBLIC_NAMES = (
    "Queue",
    "Worker",
    "Job",
    "FlowProducer",
    "QueueEvents",
    "QueueEventsProducer",
    "JobScheduler",
    "LockManager",
    "AbortController",
    "AbortSignal",
    "AbortError",
    "UnrecoverableError",
    "WaitingChildrenError",
    "DelayedError",
)
"""What `bullmq` offers at its top level (INTERFACE section 1), besides `__version__`."""


def public_names(module: object) -> dict[str, Any]:
    """The public classes of an implementation by name; AttributeError names a missing one."""
    return {name: getattr(module, name) for name in PUBLIC_NAMES}
