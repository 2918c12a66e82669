"""The spans of a `FlowProducer`: one of the whole, below it one per job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jetbull.telemetry.attributes import SpanKind
from jetbull.telemetry.attributes import TelemetryAttributes as Names
from jetbull.telemetry.interfaces import Telemetry
from jetbull.telemetry.tracing import Traced, begin, carrying, telemetry_of, trace

if TYPE_CHECKING:
    from jetbull.commands.flows import Tree
    from jetbull.flow_producer import FlowProducer
    from jetbull.types.flow_options import JobNode

_KIND = SpanKind.PRODUCER


def trace_flows(producer: FlowProducer) -> None:
    """Puts spans around what a producer of flows does, if it has a telemetry."""
    telemetry = telemetry_of(producer.opts)
    if telemetry is None:
        return
    _trace_nodes(producer, telemetry)
    plain, plain_bulk = producer.add, producer.addBulk

    async def add(flow: Mapping[str, Any], opts: Mapping[str, Any] | None = None) -> JobNode | None:
        async def body(traced: Traced) -> JobNode | None:
            traced.set({Names.FlowName: flow["name"]})
            return await plain(flow, opts)

        name = str(flow["queueName"])
        return await trace(telemetry, _KIND, name, "addFlow", name, body)

    async def add_bulk(flows: Sequence[Mapping[str, Any]]) -> list[JobNode] | None:
        async def body(traced: Traced) -> list[JobNode] | None:
            names = ",".join(str(flow["name"]) for flow in flows)
            traced.set({Names.BulkCount: len(flows), Names.BulkNames: names})
            return await plain_bulk(flows)

        return await trace(telemetry, _KIND, "", "addBulkFlows", "", body)

    setattr(producer, "add", add)  # noqa: B010 - mypy knows methods as fixed
    setattr(producer, "addBulk", add_bulk)  # noqa: B010


def _trace_nodes(producer: FlowProducer, telemetry: Telemetry) -> None:
    plain = producer._tree
    above: list[Any] = []  # contexts of the nodes around; a tree is built without a pause

    def tree(
        node: Mapping[str, Any], parent: Mapping[str, Any] | None, defaults: Mapping[str, Any]
    ) -> Tree:
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
