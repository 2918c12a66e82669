"""BullMQ's seam to its datastore, as far as callers reach through it (`queue.backend`)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from jetbull import checks
from jetbull.commands import flows, hashes, locks
from jetbull.errors import ConfigurationError
from jetbull.key_view import KeyView
from jetbull.ledger.belongings import blobs
from jetbull.ledger.hub import Target
from jetbull.ledger.job import reading
from jetbull.ledger.queue.listening import publish
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.arrival import Arrivals
from jetbull.link import Link
from jetbull.options import DEFAULT_PREFIX
from jetbull.queue_keys import QueueKeys
from jetbull.utils import get_cluster_nodes, get_node_client, is_redis_cluster

Arrival = list[Any]


class Backend:
    """One queue's place in NATS; connects on first use."""

    capabilities = {"canBlockFor1Ms": True, "canDoubleTimeout": True}  # noqa: RUF012 - read only
    minimumBlockTimeout = 0.001

    def __init__(self, name: str, prefix: str, link: Link, max_events: int | None = None) -> None:
        self._max_events = max_events
        self.name = name
        self.prefix = prefix
        self.link = link
        self.qualifiedName = f"{prefix}:{name}"
        self.conn = KeyView(self)
        self.connection = SimpleNamespace(conn=self.conn)

    @cached_property
    def keys(self) -> dict[str, str]:
        """The names BullMQ's Redis keys would have, by type."""
        return QueueKeys(self.prefix).getKeys(self.name)

    @property
    def target(self) -> Target:
        """The server it is on."""
        return self.link.target

    async def ledger(self) -> QueueStore:
        """The queue's place in the ledger."""
        store = await self.link.store()
        if (self.prefix, self.name) != (self.link.prefix, self.link.name):
            store = await store.sibling(self.prefix, self.name)
        if self._max_events is not None:
            store.event_log.limits.set(store.names.events, self._max_events)
        return store

    def forQueue(self, queue_name: str, prefix: str | None = None) -> Backend:
        """Another queue over the same connection."""
        name = checks.label("queueName", queue_name)
        return Backend(name, checks.label("prefix", prefix or self.prefix), self.link)

    def toKey(self, type: str) -> str:
        """`<prefix>:<queue>:<type>`, the name BullMQ's Redis key would have."""
        return f"{self.qualifiedName}:{type}"

    def clientName(self, suffix: str = "") -> str:
        """What a worker or listener of the queue is called."""
        return self.qualifiedName + suffix

    async def getJobData(self, job_id: str) -> dict[str, Any] | None:
        """The job as the hash BullMQ would keep (strings, short option keys), or None."""
        store = await self.ledger()
        found = await reading.find(store, job_id)
        if found is None:
            return None
        return hashes.as_hash(await blobs.inline(store, job_id, found.record))

    async def getClientList(self) -> list[Any]:
        """What `connection.conn` tells of its clients; a cluster's client, each node for itself."""
        client = self.connection.conn
        if not is_redis_cluster(client):
            return [await client.client_list()]
        return [await get_node_client(node).client_list() for node in get_cluster_nodes(client)]

    async def extendLocks(
        self, job_ids: Sequence[str], tokens: Sequence[str], duration: int
    ) -> list[str]:
        """Keeps the locks of jobs for `duration` ms more; the ids of those held otherwise."""
        held = dict(zip(job_ids, tokens, strict=True))
        return await locks.extend_all(await self.ledger(), held, duration)

    async def extendLock(self, job_id: str, token: str, duration: int) -> int:
        """Keeps the lock of one job for `duration` ms more; 1, or 0 if it is held otherwise."""
        return int(not await self.extendLocks([job_id], [token], duration))

    async def moveStalledJobsToWait(
        self, max_stalled_count: int, stalled_interval: int
    ) -> list[str]:
        """Brings back the jobs whose locks are over by now; their ids. The interval is not used."""
        return await locks.bring_back(await self.ledger(), max_stalled_count)

    async def publishEvent(self, args: Mapping[str, Any], maxEvents: int = 1000) -> None:
        """Writes one event; ConfigurationError (a ValueError) without its name in `event`."""
        if "event" not in args:
            raise ConfigurationError("publishEvent requires an 'event' field")
        await publish(await self.ledger(), dict(args))

    async def addFlow(self, trees: Sequence[flows.Tree], strict: bool = True) -> None:
        """Stores trees of jobs in one step; see `FlowProducer.add`."""
        await flows.add_trees(trees, strict=strict)

    async def waitForJob(self, block_timeout: float) -> Arrival | None:
        """`[key, member, time]` once a job may be there to take; None after so many seconds."""
        heard = asyncio.Event()
        arrivals = Arrivals(await self.ledger(), heard)
        try:
            await arrivals.open()
            await arrivals.ask()
            async with asyncio.timeout(block_timeout):
                await heard.wait()
        except TimeoutError:
            return None
        finally:
            await arrivals.close()
        return [self.toKey("marker"), "0", "0"]

    async def close(self, force: bool = False) -> None:
        """Waits until pending events are stored, then lets go of the connection."""
        await self.link.close()

    disconnect = close


def create_backend(
    name: str,
    opts: Mapping[str, Any] | None = None,
    blocking: bool = False,
    with_blocking_connection: bool = False,
) -> Backend:
    """The backend of a queue; one connection serves all that BullMQ opens several for."""
    given = checks.mapping("opts", opts)
    name = checks.label("The name of a queue", name)
    prefix = checks.label("prefix", given.get("prefix") or DEFAULT_PREFIX)
    return Backend(name, prefix, Link(prefix, name, given.get("connection")), max_events(given))


def max_events(opts: Mapping[str, Any]) -> int | None:
    """`streams.events.maxLen`; None without it."""
    streams = checks.mapping("streams", opts.get("streams"))
    most = checks.mapping("streams.events", streams.get("events")).get("maxLen")
    if most is not None and (not isinstance(most, int) or most < 0):
        raise ConfigurationError(
            f"streams.events.maxLen is {most!r}: give the number of events to keep, 0 or more."
        )
    return most


__all__ = ["Backend", "create_backend", "max_events"]
