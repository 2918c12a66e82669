"""Spans and metrics of what queues, flows, schedulers and workers do (the option `telemetry`).

`jetbull.telemetry.opentelemetry` has the object for OpenTelemetry.
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
