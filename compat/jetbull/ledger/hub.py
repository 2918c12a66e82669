"""Connections shared by all queues, workers and listeners of one event loop.

Whoever needs the server takes a `Hold`; the connection closes with the last one.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from jetbull.ledger.credentials import client_options
from jetbull.ledger.job.promoting import promote_due
from jetbull.ledger.messages.names import Space
from jetbull.ledger.opened import Key, Opened
from jetbull.ledger.store.rounds import Rounds
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.streams.events import EventLog
from jetbull.ledger.streams.flushing import say_open
from jetbull.ledger.streams.streams import ensure_streams
from jetbull.ledger.wire import Wire
from jetbull.ledger.wire.ended import hang_up

log = logging.getLogger("jetbull.ledger")

_WIND_UP_SECONDS = 5.0  # whoever closes waits no longer for a server that says nothing


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect; equal targets share a connection."""

    servers: tuple[str, ...]
    replicas: int = 1
    options: tuple[tuple[str, Any], ...] = field(default=(), repr=False)


@dataclass(slots=True)
class _Shared:
    target: Target
    loop: asyncio.AbstractEventLoop
    holds: int = 0
    wire: Wire | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    spaces: dict[str, tuple[Space, EventLog]] = field(default_factory=dict)
    stores: Opened = field(default_factory=Opened)


_shared: dict[tuple[int, Target], _Shared] = {}


class Hold:
    """One user's share of a connection; to be released in the end."""

    def __init__(self, shared: _Shared) -> None:
        self._shared = shared
        self._released = False
        self._queues: set[Key] = set()

    @property
    def wire(self) -> Wire:
        """The connection."""
        wire = self._shared.wire
        assert wire is not None
        return wire

    async def queue(self, prefix: str, name: str) -> QueueStore:
        """The queue's place in the ledger; its streams exist afterwards."""
        key, shared = (prefix, name), self._shared
        store = await _open_queue(shared, prefix, name)
        if not self._released and key not in self._queues:
            self._queues.add(key)
            shared.stores.hold(key)
        await _forget_unused(shared)
        return store

    async def release(self) -> None:
        """Lets go of the connection; the last one closes it."""
        if self._released:
            return
        self._released = True
        shared = self._shared
        for key in self._queues:
            shared.stores.let_go(key)
        shared.holds -= 1
        if shared.holds == 0:
            await _close(shared)


async def acquire(target: Target) -> Hold:
    """A hold on the connection to `target` in the running loop; opens it when needed."""
    loop = asyncio.get_running_loop()
    key = (id(loop), target)
    shared = _shared.get(key)
    if shared is None or shared.loop is not loop:
        _drop_ended()
        shared = _shared[key] = _Shared(target, loop)
    shared.holds += 1
    try:
        async with shared.lock:
            if shared.wire is None:
                shared.wire = await Wire.open(
                    list(target.servers), **client_options(dict(target.options))
                )
    except BaseException:
        shared.holds -= 1
        if shared.holds == 0:
            await _close(shared)  # who had it before may have let go meanwhile
        raise
    return Hold(shared)


def _drop_ended() -> None:
    """Lets go of connections whose loop ended before they were closed (`asyncio.run` per call)."""
    for key, shared in list(_shared.items()):
        if shared.loop.is_closed():
            _shared.pop(key, None)
            if shared.wire is not None:
                hang_up(shared.wire)


async def _open_queue(shared: _Shared, prefix: str, name: str) -> QueueStore:
    store = shared.stores.find((prefix, name))
    if store is not None:
        return store
    assert shared.wire is not None
    async with shared.lock:
        if prefix not in shared.spaces:
            shared.spaces[prefix] = await _open_space(shared.wire, prefix, shared.target.replicas)
    space, event_log = shared.spaces[prefix]

    async def sibling(other_prefix: str, other_name: str) -> QueueStore:
        found = await _open_queue(shared, other_prefix, other_name)
        await _forget_unused(shared)
        return found

    store = QueueStore(shared.wire, space.queue(name), event_log, sibling, promote_due)
    return shared.stores.add((prefix, name), store)


async def _forget_unused(shared: _Shared) -> None:
    """Lets go of queues that nobody has, where there are very many."""
    for store in shared.stores.take_surplus():
        store.event_log.limits.forget(store.names.events)
        await store.ids.give_back()


async def _open_space(wire: Wire, prefix: str, replicas: int) -> tuple[Space, EventLog]:
    space = Space(prefix, replicas)
    answering = await say_open(wire, space, partial(forget_ids, prefix))
    try:
        await ensure_streams(wire, space)
    except BaseException:
        await wire.unsubscribe(answering)  # whoever tries again answers anew
        raise
    return space, EventLog(wire, space)


async def _close(shared: _Shared) -> None:
    async with shared.lock:
        if shared.holds:
            return
        key = (id(shared.loop), shared.target)
        if _shared.get(key) is shared:
            del _shared[key]
        wire, shared.wire = shared.wire, None
        stores = [store for _, store in shared.stores.all()]
        trims = [trim for store in stores for trim in store.trims.values()]
        try:
            await _wind_up(stores, trims)
            for _, event_log in shared.spaces.values():
                await event_log.close()
        finally:
            shared.stores.clear()
            shared.spaces.clear()
            if wire is not None:
                await wire.close()
            for trim in trims:
                await trim.close()  # which has no answer to wait for any more


async def _wind_up(stores: list[QueueStore], trims: list[Rounds]) -> None:
    """Brings to its end what is under way for these queues, if the server answers."""
    try:
        async with asyncio.timeout(_WIND_UP_SECONDS):
            for store in stores:
                await store.promoter.close()
            for trim in trims:
                await trim.close()
            for store in stores:
                await store.ids.give_back()
    except TimeoutError:
        log.debug("closing without an answer to what is left to do")


def open_connections() -> dict[str, tuple[int, int]]:
    """URL -> (holds, subscriptions) of each connection of the running loop: for leak checks."""
    loop = asyncio.get_running_loop()
    return {
        shared.wire.url: (shared.holds, shared.wire.subscriptions)
        for shared in list(_shared.values())
        if shared.loop is loop and shared.wire is not None
    }


def forget_ids(prefix: str | None = None, queue: str | None = None) -> None:
    """Drops the ids reserved ahead in this process (the counters were reset)."""
    for shared in list(_shared.values()):
        for (store_prefix, name), store in shared.stores.all():
            if prefix in (None, store_prefix) and queue in (None, name):
                store.ids.forget()
                store.levels.clear()


__all__ = ["Hold", "Target", "acquire", "forget_ids", "open_connections"]
