"""The spans of a `Queue`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from jetbull.job_body import JobBody
from jetbull.ledger.messages.record import dumps
from jetbull.telemetry.attributes import SpanKind
from jetbull.telemetry.attributes import TelemetryAttributes as Names
from jetbull.telemetry.interfaces import Telemetry
from jetbull.telemetry.tracing import Operation, Traced, carrying, telemetry_of, trace, wrap


class TracedQueue(Protocol):
    """A queue: the calls that get a span of their own."""

    name: str
    opts: dict[str, Any]

    async def add(self, name: str, data: Any, opts: Mapping[str, Any] | None = None) -> JobBody:
        """Stores a job."""

    async def addBulk(self, jobs: Sequence[Mapping[str, Any]]) -> Sequence[JobBody]:
        """Stores several jobs."""


def _removal(args: dict[str, Any]) -> dict[str, Any]:
    with_children = (args["opts"] or {}).get("removeChildren", True)
    options = dumps({"removeChildren": with_children})
    return {Names.JobId: str(args["job_id"]), Names.JobOptions: options}


def _cleaning(args: dict[str, Any]) -> dict[str, Any]:
    return {
        Names.QueueGrace: args["grace"],
        Names.JobType: args["type"],
        Names.QueueCleanLimit: args["limit"] or float("inf"),
    }


_OPERATIONS = {
    "pause": Operation(),
    "resume": Operation(),
    "close": Operation(),
    "obliterate": Operation(),
    "rateLimit": Operation(given=lambda a: {Names.QueueRateLimit: a["expire_time_ms"]}),
    "removeDebounceKey": Operation(given=lambda a: {Names.JobKey: a["id"]}),
    "removeDeduplicationKey": Operation(given=lambda a: {Names.DeduplicationKey: a["id"]}),
    "remove": Operation(given=_removal),
    "updateJobProgress": Operation(
        given=lambda a: {
            Names.JobId: str(a["job_id"]),
            Names.JobProgress: dumps(a["progress"]),
        }
    ),
    "drain": Operation(given=lambda a: {Names.QueueDrainDelay: a["delayed"]}),
    "clean": Operation(given=_cleaning, gave=lambda ids: {Names.QueueCleanCount: len(ids)}),
    "retryJobs": Operation(
        SpanKind.PRODUCER, given=lambda a: {Names.QueueOptions: dumps(dict(a["opts"] or {}))}
    ),
    "promoteJobs": Operation(given=lambda a: {Names.QueueOptions: dumps(dict(a["opts"] or {}))}),
    "trimEvents": Operation(given=lambda a: {Names.QueueEventMaxLength: a["maxLength"]}),
}


def trace_queue(queue: TracedQueue) -> None:
    """Puts spans around what a queue does, if it has a telemetry."""
    telemetry = telemetry_of(queue.opts)
    if telemetry is None:
        return
    wrap(queue, telemetry, _OPERATIONS)
    _trace_adding(queue, telemetry)
    _trace_bulks(queue, telemetry)


def _trace_adding(queue: TracedQueue, telemetry: Telemetry) -> None:
    plain = queue.add

    async def add(name: str, data: Any, opts: Mapping[str, Any] | None = None) -> JobBody:
        async def body(traced: Traced) -> JobBody:
            given = dict(opts or {})
            if not (given.get("telemetry") or {}).get("omitContext"):
                given.pop("telemetry", None)  # as in BullMQ, the caller's span comes first
            job = await plain(name, data, carrying(given, traced))
            traced.set({Names.JobName: name, Names.JobId: job.id})
            return job

        place = f"{queue.name}.{name}"
        return await trace(telemetry, SpanKind.PRODUCER, queue.name, "add", place, body)

    setattr(queue, "add", add)  # noqa: B010 - mypy knows methods as fixed


def _trace_bulks(queue: TracedQueue, telemetry: Telemetry) -> None:
    plain = queue.addBulk

    async def add_bulk(jobs: Sequence[Mapping[str, Any]]) -> Sequence[JobBody]:
        async def body(traced: Traced) -> Sequence[JobBody]:
            names = [str(row["name"]) for row in jobs]
            traced.set({Names.BulkNames: names, Names.BulkCount: len(names)})
            rows = [{**row, "opts": carrying(row.get("opts"), traced)} for row in jobs]
            return await plain(rows)

        kind = SpanKind.PRODUCER
        return await trace(telemetry, kind, queue.name, "addBulk", queue.name, body)

    setattr(queue, "addBulk", add_bulk)  # noqa: B010


__all__ = ["trace_queue"]
