"""The spans of a `FlowProducer`: one of the whole, below it one per job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from jetbull.job_body import JobBody
from jetbull.telemetry.attributes import SpanKind
from jetbull.telemetry.attributes import TelemetryAttributes as Names
from jetbull.telemetry.interfaces import Telemetry
from jetbull.telemetry.tracing import Traced, begin, carrying, telemetry_of, trace

_KIND = SpanKind.PRODUCER


class TracedNode(Protocol):
    """A node of a flow, as far as its span tells of it."""

    @property
    def job(self) -> JobBody:
        """The job that the node stands for."""


class TracedProducer(Protocol):
    """A producer of flows: the calls that get a span, whatever they give."""

    opts: dict[str, Any]

    async def add(self, flow: Mapping[str, Any], opts: Mapping[str, Any] | None = None) -> object:
        """Stores a flow."""

    async def addBulk(self, flows: Sequence[Mapping[str, Any]]) -> object:
        """Stores several flows."""

    def _tree(
        self,
        node: Mapping[str, Any],
        parent: Mapping[str, Any] | None,
        defaults: Mapping[str, Any],
    ) -> TracedNode: ...


def trace_flows(producer: TracedProducer) -> None:
    """Puts spans around what a producer of flows does, if it has a telemetry."""
    telemetry = telemetry_of(producer.opts)
    if telemetry is None:
        return
    _trace_nodes(producer, telemetry)
    plain, plain_bulk = producer.add, producer.addBulk

    async def add(flow: Mapping[str, Any], opts: Mapping[str, Any] | None = None) -> object:
        async def body(traced: Traced) -> object:
            traced.set({Names.FlowName: flow["name"]})
            return await plain(flow, opts)

        name = str(flow["queueName"])
        return await trace(telemetry, _KIND, name, "addFlow", name, body)

    async def add_bulk(flows: Sequence[Mapping[str, Any]]) -> object:
        async def body(traced: Traced) -> object:
            names = ",".join(str(flow["name"]) for flow in flows)
            traced.set({Names.BulkCount: len(flows), Names.BulkNames: names})
            return await plain_bulk(flows)

        return await trace(telemetry, _KIND, "", "addBulkFlows", "", body)

    setattr(producer, "add", add)  # noqa: B010 - mypy knows methods as fixed
    setattr(producer, "addBulk", add_bulk)  # noqa: B010


def _trace_nodes(producer: TracedProducer, telemetry: Telemetry) -> None:
    plain = producer._tree
    above: list[Any] = []  # contexts of the nodes around; a tree is built without a pause

    def tree(
        node: Mapping[str, Any], parent: Mapping[str, Any] | None, defaults: Mapping[str, Any]
    ) -> TracedNode:
        name = str(node["queueName"])
        context = above[-1] if above else None
        traced = begin(telemetry, _KIND, name, "addNode", name, context=context)
        above.append(traced.context)
        try:
            opts = carrying(node.get("opts"), traced)
            made = plain({**node, "opts": opts}, parent, defaults)
            traced.set({Names.JobName: node["name"], Names.JobId: made.job.id})
            return made
        except Exception as error:
            traced.failed(error)
            raise
        finally:
            above.pop()
            traced.end()

    setattr(producer, "_tree", tree)  # noqa: B010


__all__ = ["trace_flows"]
