"""The option `telemetry`: spans around what queues, flows and workers do, and one trace per job."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done, fail

from jetbull import FlowProducer, Job
from jetbull.errors import NotJSONError
from jetbull.telemetry import SpanKind
from jetbull.telemetry.opentelemetry import OpenTelemetry


class Span:
    """One recorded span; `above` is the name of the span it belongs to."""

    def __init__(self, name: str, kind: int, above: str) -> None:
        self.name = name
        self.kind = kind
        self.above = above
        self.attributes: dict[str, Any] = {}
        self.events: list[tuple[str, Mapping[str, Any]]] = []
        self.exceptions: list[BaseException] = []
        self.ended = 0

    def setSpanOnContext(self, ctx: Any) -> str:
        return self.name

    def setAttribute(self, key: str, value: Any) -> None:
        self.attributes[key] = value

    def setAttributes(self, attributes: Mapping[str, Any]) -> None:
        self.attributes.update(attributes)

    def addEvent(self, name: str, attributes: Mapping[str, Any] | None = None) -> None:
        self.events.append((name, attributes or {}))

    def recordException(self, exception: BaseException, time: Any = None) -> None:
        self.exceptions.append(exception)

    def end(self) -> None:
        self.ended += 1


class Recording:
    """A telemetry whose contexts are the names of spans."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.tracer = self.contextManager = self.meter = self
        self.counted: dict[str, int] = {}
        self._active: ContextVar[str] = ContextVar("active", default="")

    def startSpan(self, name: str, options: Mapping[str, Any] | None, context: Any = None) -> Span:
        kind = int((options or {})["kind"])
        span = Span(name, kind, context if context is not None else self.active())
        self.spans.append(span)
        return span

    async def with_(self, context: Any, fn: Callable[[], Awaitable[Any]]) -> Any:
        token = self._active.set(context)
        try:
            return await fn()
        finally:
            self._active.reset(token)

    def active(self) -> str:
        return self._active.get()

    def root(self) -> str:
        return ""

    def getMetadata(self, context: str) -> str:
        return f"from {context}"

    def fromMetadata(self, activeContext: Any, metadata: str) -> str:
        return metadata.removeprefix("from ")

    def createCounter(self, name: str, options: Any = None) -> Any:
        recording = self

        class Counter:
            def add(self, value: int, attributes: Any = None) -> None:
                recording.counted[name] = recording.counted.get(name, 0) + value

        return Counter()

    def createHistogram(self, name: str, options: Any = None) -> Any:
        recording = self

        class Histogram:
            def record(self, value: float, attributes: Any = None) -> None:
                recording.counted[name] = recording.counted.get(name, 0) + 1

        return Histogram()

    def the(self, start: str) -> Span:
        """The one span whose name begins so."""
        (found,) = [span for span in self.spans if span.name.startswith(start)]
        assert found.ended == 1
        return found


async def until(ready: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not ready():
            await asyncio.sleep(0.01)


async def test_a_job_carries_the_trace_of_its_add_to_the_worker(make: Makers) -> None:
    seen = Recording()
    queue = make.queue(telemetry=seen)

    async def process(job: Job, token: str) -> str:
        seen.startSpan("within", {"kind": 0})
        return "done"

    job = await queue.add("mail", {"to": 1})
    assert job.opts["telemetry"]["metadata"] == f"from add {queue.name}.mail"
    worker = make.worker(queue, process, telemetry=seen)
    await until(lambda: any(s.name.startswith("complete") and s.ended for s in seen.spans))
    await worker.close()
    added, run = seen.the("add "), seen.the("process ")
    assert added.kind == SpanKind.PRODUCER and run.kind == SpanKind.CONSUMER
    assert run.above == added.name
    assert added.attributes["bullmq.queue.name"] == queue.name
    assert added.attributes["bullmq.job.id"] == run.attributes["bullmq.job.id"] == job.id
    assert run.events[0][0] == "job completed"
    assert [s.above for s in seen.spans if s.name == "within"] == [run.name]
    assert seen.counted == {"bullmq.jobs.completed": 1, "bullmq.job.duration": 1}


async def test_a_job_run_by_hand_has_its_span_too(make: Makers) -> None:
    seen = Recording()
    queue = make.queue(telemetry=seen)
    await queue.add("mail", {})
    worker = make.worker(queue, done, telemetry=seen, autorun=False)
    await worker.processJob(await worker.getNextJob("mine"), "mine")
    run = seen.the("process ")
    assert run.ended == 1 and run.events[0][0] == "job completed"


async def test_a_failed_try_is_told_to_its_span(make: Makers) -> None:
    seen = Recording()
    queue = make.queue(telemetry=seen)
    await queue.add("mail", {}, {"attempts": 2})
    worker = make.worker(queue, fail, telemetry=seen)
    await until(lambda: any(s.name.startswith("fail ") and s.ended for s in seen.spans))
    await worker.close()
    first, last = [s for s in seen.spans if s.name.startswith("process ")]
    assert [name for name, _ in last.events] == ["job failed"]
    assert first.ended == last.ended == 1
    assert seen.counted["bullmq.jobs.retried"] == seen.counted["bullmq.jobs.failed"] == 1


async def test_a_bulk_is_one_span_and_its_jobs_carry_it(make: Makers) -> None:
    seen = Recording()
    queue = make.queue(telemetry=seen)
    jobs = await queue.addBulk([{"name": "a", "data": 1}, {"name": "b", "data": 2}])
    span = seen.the("addBulk ")
    assert span.attributes["bullmq.job.bulk.count"] == 2
    assert {job.opts["telemetry"]["metadata"] for job in jobs} == {f"from {span.name}"}


async def test_a_job_may_be_left_out_of_the_trace(make: Makers) -> None:
    queue = make.queue(telemetry=Recording())
    job = await queue.add("mail", {}, {"telemetry": {"omitContext": True}})
    assert job.opts["telemetry"] == {"omitContext": True}


@pytest.mark.parametrize(
    ("telemetry", "stored"),
    [
        ({"metadata": "m"}, {"tm": "m"}),
        ({"omitContext": True}, {"omc": True}),
        ({"metadata": "m", "omitContext": False}, {"tm": "m", "omc": False}),
        ({}, {}),
    ],
)
async def test_the_hash_of_a_job_has_bullmqs_short_keys_which_are_read_back(
    make: Makers, telemetry: dict[str, Any], stored: dict[str, Any]
) -> None:
    queue = make.queue()
    job = await queue.add("mail", {}, {"telemetry": telemetry})
    row = await queue.backend.getJobData(job.id)
    assert json.loads(row["opts"]) == {"attempts": 0, "delay": 0, **stored}
    assert Job.fromJSON(queue, row, job.id).opts.get("telemetry", {}) == telemetry
    assert (await queue.getJob(job.id)).opts["telemetry"] == telemetry


async def test_a_flow_has_a_span_for_each_of_its_jobs(make: Makers) -> None:
    seen = Recording()
    queue = make.queue()
    flow = make.flow_producer(telemetry=seen)
    tree = {"name": "p", "queueName": queue.name, "children": []}
    await flow.add({**tree, "children": [{"name": "c", "queueName": queue.name}]})
    whole = seen.the("addFlow ")
    nodes = [span for span in seen.spans if span.name.startswith("addNode ")]
    assert [span.above for span in nodes] == [whole.name, nodes[0].name]
    assert all(span.ended == 1 for span in nodes)


async def test_a_flow_producer_knows_the_option_as_its_first_argument(make: Makers) -> None:
    seen = Recording()
    queue = make.queue()
    options = {**make.options({}), "telemetry": seen}
    async with asyncio.timeout(20):
        flow = FlowProducer(options)
        await flow.add({"name": "p", "queueName": queue.name})
        await flow.close()
    assert seen.the("addFlow ").ended == 1


async def test_an_operation_that_raises_ends_its_span_and_tells_it(make: Makers) -> None:
    seen = Recording()
    queue = make.queue(telemetry=seen)
    with pytest.raises(ValueError, match="JSON"):
        await queue.add("mail", float("nan"))
    span = seen.the("add ")
    assert [type(error) for error in span.exceptions] == [NotJSONError]


async def test_a_telemetry_that_fails_harms_no_job(make: Makers) -> None:
    class Broken(Recording):
        def startSpan(self, *args: Any) -> Span:
            raise RuntimeError("broken")

        def createCounter(self, *args: Any) -> Any:
            raise RuntimeError("broken")

    queue = make.queue(telemetry=Broken())
    done = asyncio.Event()

    async def process(job: Job, token: str) -> str:
        done.set()
        return "ok"

    job = await queue.add("mail", {})
    worker = make.worker(queue, process, telemetry=Broken())
    await asyncio.wait_for(done.wait(), 20)
    await worker.close()
    assert await job.isCompleted()


async def test_opentelemetry_sees_one_trace_from_add_to_process(make: Makers) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry = OpenTelemetry(tracerProvider=provider)
    queue = make.queue(telemetry=telemetry)
    done = asyncio.Event()

    async def process(job: Job, token: str) -> None:
        done.set()

    await queue.add("mail", {})
    worker = make.worker(queue, process, telemetry=telemetry)
    await asyncio.wait_for(done.wait(), 20)
    await worker.close()
    spans = {span.name.split()[0]: span for span in exporter.get_finished_spans()}
    assert spans["process"].context.trace_id == spans["add"].context.trace_id
    assert spans["process"].parent is not None
    assert spans["process"].parent.span_id == spans["add"].context.span_id


def test_without_its_extra_the_adapter_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.delitem(sys.modules, "jetbull.telemetry.opentelemetry")
    with pytest.raises(ModuleNotFoundError, match=r"`pip install 'jetbull\[telemetry\]'`"):
        importlib.import_module("jetbull.telemetry.opentelemetry")
