"""What a test leaves behind: tasks, connections, subscriptions, consumers, subjects."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from jetbull.connection import target_of
from jetbull.errors import JetbullError
from jetbull.ledger import hub
from jetbull.ledger.credentials import client_options
from jetbull.ledger.streams.inventory import listening_consumers, ownerless_subjects
from jetbull.ledger.wire import Wire

_PATIENCE_S = 2.0
_PAUSE_S = 0.02


class LeakError(JetbullError, AssertionError):
    """Something was left behind; the message lists it."""


@dataclass(frozen=True, slots=True)
class _Inventory:
    tasks: frozenset[asyncio.Task[object]]
    connections: dict[str, tuple[int, int]]
    consumers: frozenset[str]
    subjects: frozenset[str]


@asynccontextmanager
async def no_leaks(
    connection: object = None, *, allowed: Iterable[str] = (), server: bool = True
) -> AsyncIterator[None]:
    """LeakError if the block leaves behind what was not there before it.

    Looked for are tasks of this event loop, connections and subscriptions of jetbull, and on the
    server (by default that of `NATS_URL`; not at all with `server=False`) listening consumers and
    subjects that belong to no job: log rows, large payloads, patches and dependency books.

    `allowed` holds beginnings of task names that may stay.
    """
    names = tuple(allowed)
    before = await _inventory(connection, names, server)
    yield
    gc.collect()
    deadline = asyncio.get_running_loop().time() + _PATIENCE_S
    while problems := _left(before, await _inventory(connection, names, server)):
        # The server and closed transports take a moment to let go.
        if asyncio.get_running_loop().time() > deadline:
            raise LeakError("Left behind: " + "; ".join(problems))
        await asyncio.sleep(_PAUSE_S)


async def _inventory(connection: object, allowed: tuple[str, ...], server: bool) -> _Inventory:
    connections = hub.open_connections()
    consumers: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    if server:
        target = target_of(connection)
        wire = await Wire.open(list(target.servers), **client_options(dict(target.options)))
        try:
            consumers = frozenset(await listening_consumers(wire))
            subjects = frozenset(await ownerless_subjects(wire))
        finally:
            await wire.close()
    tasks = frozenset(
        task
        for task in asyncio.all_tasks() - {asyncio.current_task()}
        if not task.done() and not (allowed and task.get_name().startswith(allowed))
    )
    return _Inventory(tasks, connections, consumers, subjects)


def _left(before: _Inventory, after: _Inventory) -> list[str]:
    problems = []
    for url, (holds, subscriptions) in after.connections.items():
        had_holds, had_subscriptions = before.connections.get(url, (0, 0))
        if holds > had_holds:
            left = holds - had_holds
            problems.append(f"{left} objects that still use {url} (close each Queue, Worker, …)")
        elif holds == had_holds and subscriptions > had_subscriptions and had_holds:
            problems.append(f"{subscriptions - had_subscriptions} subscriptions on {url}")
    problems += [_told(task) for task in after.tasks - before.tasks]
    problems += [f"consumer {name}" for name in sorted(after.consumers - before.consumers)]
    problems += [f"subject {name}" for name in sorted(after.subjects - before.subjects)]
    return problems


def _told(task: asyncio.Task[Any]) -> str:
    work = task.get_coro()
    return f"task {task.get_name()} of {getattr(work, '__qualname__', work)}"


__all__ = ["LeakError", "no_leaks"]
