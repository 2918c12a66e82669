"""Flows: trees of jobs over several queues, stored whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self, cast

from jetbull import checks
from jetbull.backend import create_backend
from jetbull.errors import ConfigurationError
from jetbull.event_emitter import EventEmitter
from jetbull.flow_reader import read_tree
from jetbull.flow_tree import FlowTree
from jetbull.job_node import JobNode
from jetbull.minimal_queue import MinimalQueue
from jetbull.options import DEFAULT_PREFIX
from jetbull.telemetry.flows import trace_flows
from jetbull.types.flow_options import FlowJob, FlowOptions, FlowPlace

_OPTIONS = ("prefix", "connection", "backend", "skipVersionCheck", "telemetry", "streams")


class FlowProducer(EventEmitter):
    """BullMQ's FlowProducer. `FlowProducer(connection, opts)` or `FlowProducer(opts)`."""

    def __init__(self, redisOpts: Any = None, opts: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        given: dict[str, Any] = dict(opts or {})
        if (
            opts is None
            and isinstance(redisOpts, Mapping)
            and any(o in redisOpts for o in _OPTIONS)
        ):
            given, redisOpts = dict(redisOpts), None
        if redisOpts is not None:
            given["connection"] = redisOpts
        self.opts = given
        self.prefix: str = given.get("prefix") or DEFAULT_PREFIX
        self.closing = False
        self.backend = create_backend("__default__", given)
        self._queues: dict[tuple[str, str], MinimalQueue] = {}  # of the flow that is being built
        trace_flows(self)

    async def add(
        self,
        flow: FlowJob | Mapping[str, Any],
        opts: FlowOptions | Mapping[str, Any] | None = None,
    ) -> JobNode:
        """Stores a tree `{name, queueName, data, opts, children}` in one step.

        Gives `{"job": Job, "children": [...]}`; after `close` None, which is no part of the type,
        as in BullMQ. FlowError with `.code` -5 when the root's parent does not exist, -7 when a
        job has another parent already.
        """
        if self.closing:
            return cast(JobNode, None)
        given = checks.mapping("opts", opts)
        defaults = checks.mapping("queuesOptions", given.get("queuesOptions"))
        self._queues.clear()
        tree = self._tree(flow, None, defaults)
        await self.backend.addFlow([tree])
        return tree.as_dict()

    async def addBulk(self, flows: Sequence[FlowJob | Mapping[str, Any]]) -> list[JobNode]:
        """Stores several trees in one step; a root that cannot be stored raises nothing.

        Gives one tree for each, and None after `close` as `add` does.
        """
        if self.closing:
            return cast(list[JobNode], None)
        self._queues.clear()
        trees = [self._tree(flow, None, {}) for flow in checks.mappings("flows", flows)]
        if trees:
            await self.backend.addFlow(trees, strict=False)
        return [tree.as_dict() for tree in trees]

    async def getFlow(self, opts: FlowPlace | Mapping[str, Any]) -> JobNode | None:
        """The stored tree below `{id, queueName, prefix, depth=10, maxChildren=20}`."""
        given = checks.dictionary("getFlow's argument", opts)
        for field in ("id", "queueName"):
            if given.get(field) is None:
                raise ConfigurationError(f"{field} is missing: getFlow takes {{id, queueName}}.")
        queue = self._queue(given["queueName"], given.get("prefix") or self.prefix)
        depth = checks.number("depth", given.get("depth", 10))
        width = checks.number("maxChildren", given.get("maxChildren", 20))
        return await read_tree(queue, str(given["id"]), depth, width)

    def _tree(
        self,
        node: Mapping[str, Any],
        parent: Mapping[str, Any] | None,
        defaults: Mapping[str, Any],
    ) -> FlowTree:
        node = checks.dictionary("A flow {name, queueName, …}", node)
        for field in ("name", "queueName"):
            if node.get(field) is None:
                there = ", ".join(sorted(node)) or "no fields"
                raise ConfigurationError(
                    f"{field} is missing in a flow node that has {there}: add it."
                )
        prefix = checks.label("prefix", node.get("prefix") or self.prefix)
        place = (checks.label("queueName", node["queueName"]), prefix)
        queue = self._queues.get(place)
        if queue is None:
            queue = self._queues[place] = self._queue(*place)
        options = checks.mapping("queuesOptions of a queue", defaults.get(node["queueName"]))
        queue_defaults = checks.mapping("defaultJobOptions", options.get("defaultJobOptions"))
        given = checks.mapping("opts", node.get("opts"))
        above = given.get("parent") if parent is None else dict(parent)
        opts = {**queue_defaults, **given, "parent": above}
        tree = FlowTree(queue, node["name"], node.get("data"), opts)
        link = {"id": tree.job.id, "queue": queue.qualifiedName}
        children = checks.mappings("children", node.get("children") or ())
        tree.children = [self._tree(child, link, defaults) for child in children]
        return tree

    def _queue(self, name: str, prefix: str) -> MinimalQueue:
        return MinimalQueue(name, self.backend.forQueue(name, prefix), {"prefix": prefix})

    async def waitUntilReady(self) -> None:
        """Connects now; ServerUnavailable when no server answers."""
        await self.backend.ledger()

    async def close(self) -> None:
        """Lets go of the connection; later calls give None."""
        self.closing = True
        await self.backend.close()

    disconnect = close

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


__all__ = ["FlowProducer", "MinimalQueue"]
