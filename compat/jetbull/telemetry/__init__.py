"""Spans and metrics of what queues, flows, schedulers and workers do (the option `telemetry`).

`interfaces` says what a telemetry has to be; `jetbull.telemetry.opentelemetry` has the object for
OpenTelemetry. `attributes` are the names in it, `tracing` makes spans; `queues`, `flows`, `workers`
and `jobs` put them around what those do.
"""

from __future__ import annotations

from jetbull.telemetry.attributes import MetricNames, SpanKind, TelemetryAttributes
from jetbull.telemetry.interfaces import ContextManager, Meter, Span, Telemetry, Tracer

__all__ = [
    "ContextManager",
    "Meter",
    "MetricNames",
    "Span",
    "SpanKind",
    "Telemetry",
    "TelemetryAttributes",
    "Tracer",
]
