"""One trace from the caller to the worker, with OpenTelemetry."""

from __future__ import annotations

import asyncio

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from jetbull import Job, Queue, QueueEvents, Worker
from jetbull.telemetry.opentelemetry import OpenTelemetry


async def send(job: Job, token: str) -> str:
    return "sent"


async def main() -> None:
    exporter = InMemorySpanExporter()  # your program has one that sends them somewhere
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry = OpenTelemetry(tracerProvider=provider)

    name, opts = "example-tracing", {"telemetry": telemetry}
    async with Queue(name, opts) as queue, QueueEvents(name) as events:
        job = await queue.add("welcome", {"to": "ada@example.org"})
        async with Worker(name, send, opts):
            await job.waitUntilFinished(events, 10_000)
        spans = {span.name: span for span in exporter.get_finished_spans()}
        added, processed = spans[f"add {name}.welcome"], spans[f"process {name}"]
        assert processed.parent is not None and processed.attributes is not None
        print("one trace:", added.context.trace_id == processed.context.trace_id)
        print("the work belongs to the call:", processed.parent.span_id == added.context.span_id)
        print(processed.attributes["bullmq.job.name"], processed.events[0].name)
        await queue.obliterate()


if __name__ == "__main__":
    asyncio.run(main())
