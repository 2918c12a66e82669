"""OpenTelemetry as the option `telemetry`; needs `opentelemetry-api` (the extra `telemetry`).

The text that travels with a job is what BullMQ's own adapter for Node writes: the propagator's
fields (`traceparent`, …) as JSON. So a trace goes on over both.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from jetbull.extras import imports_of
from jetbull.telemetry.attributes import SpanKind
from jetbull.telemetry.interfaces import Attributes, MetricOptions, SpanOptions

with imports_of("telemetry"):
    from opentelemetry import context as contexts
    from opentelemetry import metrics, propagate, trace

T = TypeVar("T")
Context = contexts.Context


class OtelSpan:
    """One span."""

    def __init__(self, span: trace.Span) -> None:
        self.span = span

    def setSpanOnContext(self, ctx: Context) -> Context:
        """See `Span`."""
        return trace.set_span_in_context(self.span, ctx)

    def setAttribute(self, key: str, value: Any) -> None:
        """See `Span`."""
        self.span.set_attribute(key, value)

    def setAttributes(self, attributes: Attributes) -> None:
        """See `Span`."""
        self.span.set_attributes(attributes)

    def addEvent(self, name: str, attributes: Attributes | None = None) -> None:
        """See `Span`."""
        self.span.add_event(name, attributes)

    def recordException(self, exception: BaseException, time: Any = None) -> None:
        """Marks the span as failed, too."""
        self.span.record_exception(exception, timestamp=time)
        self.span.set_status(trace.Status(trace.StatusCode.ERROR, str(exception)))

    def end(self) -> None:
        """See `Span`."""
        self.span.end()


class OtelTracer:
    """Begins spans with an OpenTelemetry tracer."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self.tracer = tracer

    def startSpan(
        self, name: str, options: SpanOptions | None = None, context: Context | None = None
    ) -> OtelSpan:
        """See `Tracer`."""
        kind = trace.SpanKind(int(options["kind"] if options else SpanKind.INTERNAL))
        return OtelSpan(self.tracer.start_span(name, context, kind))


class OtelContextManager:
    """OpenTelemetry's own context, and its propagator for what travels."""

    async def with_(self, context: Context, fn: Callable[[], Awaitable[T]]) -> T:
        """See `ContextManager`."""
        token = contexts.attach(context)
        try:
            return await fn()
        finally:
            contexts.detach(token)

    def active(self) -> Context:
        """See `ContextManager`."""
        return contexts.get_current()

    def root(self) -> Context:
        """A context without a span."""
        return Context()

    def getMetadata(self, context: Context) -> str:
        """See `ContextManager`."""
        fields: dict[str, str] = {}
        propagate.inject(fields, context)
        return json.dumps(fields)

    def fromMetadata(self, activeContext: Context, metadata: str) -> Context:
        """See `ContextManager`."""
        return propagate.extract(json.loads(metadata), activeContext)


class _Recorder:
    def __init__(self, record: Callable[..., None]) -> None:
        self._record = record

    def record(self, value: float, attributes: Attributes | None = None) -> None:
        """One measurement."""
        self._record(value, attributes)


class OtelMeter:
    """Makes each metric once."""

    def __init__(self, meter: metrics.Meter) -> None:
        self.meter = meter
        self._made: dict[str, Any] = {}

    def createCounter(self, name: str, options: MetricOptions | None = None) -> Any:
        """See `Meter`."""
        return self._once(name, lambda: self.meter.create_counter(name, **_words(options)))

    def createHistogram(self, name: str, options: MetricOptions | None = None) -> Any:
        """See `Meter`."""
        return self._once(
            name, lambda: _Recorder(self.meter.create_histogram(name, **_words(options)).record)
        )

    def createGauge(self, name: str, options: MetricOptions | None = None) -> Any:
        """See `Meter`."""
        return self._once(
            name, lambda: _Recorder(self.meter.create_gauge(name, **_words(options)).set)
        )

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]


def _words(options: MetricOptions | None) -> dict[str, Any]:
    return dict(options or {})


class OpenTelemetry:
    """The object for `telemetry`. Without providers, those that the program has set are used.

    Metrics are counted with `enableMetrics`, or if a `meterProvider` is given.
    """

    def __init__(
        self,
        tracerName: str = "jetbull",
        version: str | None = None,
        enableMetrics: bool = False,
        meterName: str | None = None,
        tracerProvider: trace.TracerProvider | None = None,
        meterProvider: metrics.MeterProvider | None = None,
    ) -> None:
        self.tracer = OtelTracer(trace.get_tracer(tracerName, version, tracerProvider))
        self.contextManager = OtelContextManager()
        self.meter: OtelMeter | None = None
        if enableMetrics or meterProvider is not None:
            meter = metrics.get_meter(meterName or tracerName, version or "", meterProvider)
            self.meter = OtelMeter(meter)


__all__ = ["OpenTelemetry", "OtelContextManager", "OtelMeter", "OtelSpan", "OtelTracer"]
