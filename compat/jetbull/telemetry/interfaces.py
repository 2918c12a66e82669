"""What the option `telemetry` has to be. Any object of this shape will do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypedDict, TypeVar, runtime_checkable

from jetbull.telemetry.attributes import SpanKind

T = TypeVar("T")
Attributes = Mapping[str, Any]
"""Values are texts, numbers, truth values or lists of them."""


class SpanOptions(TypedDict):
    """How a span begins."""

    kind: SpanKind


class MetricOptions(TypedDict, total=False):
    """What a metric is, in words, and its unit."""

    description: str
    unit: str


class Span(Protocol):
    """One operation under way."""

    def setSpanOnContext(self, ctx: Any) -> Any:
        """A context like `ctx` in which this span is the current one."""

    def setAttribute(self, key: str, value: Any) -> None:
        """Describes the operation; a later value replaces an earlier one."""

    def setAttributes(self, attributes: Attributes) -> None:
        """As `setAttribute`, for several."""

    def addEvent(self, name: str, attributes: Attributes | None = None) -> None:
        """Something happened now."""

    def recordException(self, exception: BaseException, time: Any = None) -> None:
        """The operation raised this."""

    def end(self) -> None:
        """The operation is over. Called exactly once."""


class Tracer(Protocol):
    """Begins spans."""

    def startSpan(self, name: str, options: SpanOptions | None = None, context: Any = None) -> Span:
        """A span below the one of `context`, or below the active one if that is None."""


class ContextManager(Protocol):
    """Knows which span is the current one, here and in messages.

    It may have `root()` too, an empty context: what a worker does by itself is traced in that.
    """

    async def with_(self, context: Any, fn: Callable[[], Awaitable[T]]) -> T:
        """Awaits `fn()` while `context` is the active one (`with` is no name in Python)."""

    def active(self) -> Any:
        """The active context."""

    def getMetadata(self, context: Any) -> str:
        """The context as a text that travels in a job's options."""

    def fromMetadata(self, activeContext: Any, metadata: str) -> Any:
        """The context of such a text, on top of `activeContext`."""


class Counter(Protocol):
    """Counts up."""

    def add(self, value: int, attributes: Attributes | None = None) -> None:
        """So many more."""


class Recorder(Protocol):
    """A histogram or a gauge."""

    def record(self, value: float, attributes: Attributes | None = None) -> None:
        """One measurement."""


class Meter(Protocol):
    """Makes metrics; asked for the same name again and again, so it should keep them."""

    def createCounter(self, name: str, options: MetricOptions | None = None) -> Counter:
        """A counter."""

    def createHistogram(self, name: str, options: MetricOptions | None = None) -> Recorder:
        """A histogram."""

    def createGauge(self, name: str, options: MetricOptions | None = None) -> Recorder:
        """A gauge."""


@runtime_checkable
class Telemetry(Protocol):
    """The option `telemetry`. It may have a `meter` as well, or a `meter` alone."""

    @property
    def tracer(self) -> Tracer:
        """Begins spans."""

    @property
    def contextManager(self) -> ContextManager:
        """Carries the current span from the caller to the worker."""


__all__ = [
    "Attributes",
    "ContextManager",
    "Counter",
    "Meter",
    "MetricOptions",
    "Recorder",
    "Span",
    "SpanOptions",
    "Telemetry",
    "Tracer",
]
