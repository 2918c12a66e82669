"""What `queue.client` answers: the queue's content under the names of BullMQ's Redis keys.

Callers of BullMQ reach for the raw client to ask whether the server is there, to look at key names,
to count events, to make a job disappear and to empty a test's server. That much is done; there is
no Redis behind it.
"""

from __future__ import annotations

import asyncio
from fnmatch import fnmatchcase
from typing import Any, Protocol

from jetbull.commands import removing
from jetbull.errors import ServerUnavailable
from jetbull.ledger import hub
from jetbull.ledger.adding import schedules
from jetbull.ledger.hub import Target
from jetbull.ledger.job import reading
from jetbull.ledger.messages.names import PUBLIC_STATES
from jetbull.ledger.messages.tokens import unescape
from jetbull.ledger.queue import counting, listening, presence
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.streams.flushing import flush
from jetbull.ledger.streams.streams import all_prefix_streams

_SETS = {**{state: state for state in PUBLIC_STATES}, "waiting": "wait"}
_PARENT = "waiting-children"
_TO_COME = {"waiting", "delayed", "prioritized"}
_PING_SECONDS = 5.0


class Keyed(Protocol):
    """One queue's place in NATS, with BullMQ's names for what is in it."""

    @property
    def target(self) -> Target:
        """The server it is on."""

    async def ledger(self) -> QueueStore:
        """The queue's place in the ledger."""

    def toKey(self, type: str) -> str:
        """The name BullMQ's Redis key would have."""


class KeyView:
    """A stand-in for the Redis client of one queue."""

    def __init__(self, backend: Keyed) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"queue.client has no {name}: there is no Redis behind jetbull; ask the Queue itself.",
            name=name,
            obj=self,
        )

    @property
    def target(self) -> Target:
        """The queue's server: whoever is given this as `connection` is on the same one."""
        return self._backend.target

    async def ping(self) -> bool:
        """True when the server answers; ServerUnavailable when it does not within 5 s."""
        store = await self._backend.ledger()
        try:
            async with asyncio.timeout(_PING_SECONDS if store.wire.is_connected else 0):
                await store.ids.last()
        except TimeoutError as error:
            raise ServerUnavailable(f"The server at {store.wire.url} does not answer.") from error
        return True

    async def keys(self, pattern: str = "*") -> list[str]:
        """The names of the queue's keys that match a glob pattern, as BullMQ would have them."""
        store = await self._backend.ledger()
        states = await counting.states_of_all(store)
        jobs = {unescape(token): state for token, state in states.items() if state in _SETS}
        names = {*jobs, *(_SETS[state] for state in jobs.values())}
        names |= {f"{i}:dependencies" for i, state in jobs.items() if state == _PARENT}
        names |= await self._queue_wide(store, set(jobs.values()))
        return sorted(n for n in map(self._backend.toKey, names) if fnmatchcase(n, pattern))

    async def _queue_wide(self, store: QueueStore, states: set[str]) -> set[str]:
        """Keys that are no jobs; `id` and `meta` come with the first job and stay.

        `marker` says that there may be jobs to take, so it is not there where all that is left was
        taken before or waits for children.
        """
        names: set[str] = set()
        if await counting.list_subjects(store, store.names.all_aux("meta")):
            names.add("meta")
        if await listening.count(store):
            names |= {"events", "id", "meta"}
        if states - {_PARENT} or await store.ids.last():
            names |= {"id", "meta"}
        if "id" in names and (states & _TO_COME or not states):
            names.add("marker")
        if await counting.levels(store):
            names.add("pc")
        if await schedules.read_all(store):
            names.add("repeat")
        return names

    async def exists(self, key: str) -> int:
        """1 when `keys` has the name, else 0."""
        return int(key in await self.keys())

    async def xlen(self, key: str) -> int:
        """How many events are stored, for the name of the event stream; 0 for any other."""
        store = await self._backend.ledger()
        return await listening.count(store) if key == self._backend.toKey("events") else 0

    async def delete(self, *keys: str) -> int:
        """Removes the jobs of these names that no worker holds; how many were there."""
        store = await self._backend.ledger()
        gone = 0
        for key in keys:
            job_id = key.removeprefix(self._backend.toKey(""))
            if await reading.find(store, job_id) is not None:
                gone += await removing.remove(store, job_id, with_children=False) == 1
        return gone

    async def client_list(self) -> list[dict[str, Any]]:
        """The queue's workers, each under the name its Redis client would have."""
        workers = await presence.workers(await self._backend.ledger())
        return [{**worker, "name": worker["rawname"]} for worker in workers]

    async def flushdb(self) -> bool:
        """Empties everything jetbull keeps on the server."""
        store = await self._backend.ledger()
        await flush(store.wire, await all_prefix_streams(store.wire))
        hub.forget_ids(None)
        return True

    flushall = flushdb


__all__ = ["KeyView"]
