"""Spans around operations, for objects that were given a telemetry.

Methods are wrapped on the object itself, so that one without telemetry has nothing in its way.
A telemetry that raises is logged; what it watches goes on.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from jetbull.telemetry.attributes import SpanKind, TelemetryAttributes
from jetbull.telemetry.interfaces import Attributes, ContextManager, Span, Telemetry

T = TypeVar("T")
log = logging.getLogger("jetbull.telemetry")


class Traced:
    """An operation under way: its span, and the context it runs in. Nothing here raises."""

    __slots__ = ("_manager", "_span", "context")

    def __init__(
        self, span: Span | None, context: Any, manager: ContextManager | None = None
    ) -> None:
        self._span = span
        self.context = context
        self._manager = manager

    @property
    def has_span(self) -> bool:
        """False if the telemetry failed to make one."""
        return self._span is not None

    def set(self, attributes: Attributes) -> None:
        """Sets those attributes that are known."""
        known = {str(k): v for k, v in attributes.items() if v is not None}
        if self._span is not None and known:
            _harmless(self._span.setAttributes, known)

    def event(self, name: str, attributes: Attributes) -> None:
        """Something happened now."""
        if self._span is not None:
            _harmless(self._span.addEvent, name, {str(k): v for k, v in attributes.items()})

    def failed(self, error: BaseException) -> None:
        """The operation raised."""
        if self._span is not None:
            _harmless(self._span.recordException, error)

    def end(self) -> None:
        """The operation is over."""
        if self._span is not None:
            _harmless(self._span.end)

    def metadata(self) -> str | None:
        """The context as a text for a job's options."""
        return _harmless(self._manager.getMetadata, self.context) if self._manager else None


def _harmless(call: Callable[..., T], *args: Any) -> T | None:
    try:
        return call(*args)
    except Exception:
        log.exception("the telemetry failed")
        return None


def telemetry_of(opts: Mapping[str, Any]) -> Telemetry | None:
    """The option `telemetry`, if it can trace (one may have a meter alone)."""
    given = opts.get("telemetry")
    return given if getattr(given, "tracer", None) is not None else None


def begin(
    telemetry: Telemetry,
    kind: SpanKind,
    queue: str,
    operation: str,
    destination: str,
    metadata: str | None = None,
    context: Any = None,
) -> Traced:
    """Starts a span below that of `metadata`, of `context` or the active one."""
    manager = telemetry.contextManager
    try:
        active = manager.active() if context is None else context
        # Whatever is in a job's options, the job must run.
        parent = _harmless(manager.fromMetadata, active, metadata) if metadata else None
        name = f"{operation} {destination}" if destination else operation
        above = context if parent is None else parent
        span = telemetry.tracer.startSpan(name, {"kind": kind}, above)
        follows = kind == SpanKind.CONSUMER and parent is not None
        traced = Traced(span, span.setSpanOnContext(parent if follows else active), manager)
    except Exception:
        log.exception("the telemetry failed to begin '%s'", operation)
        return Traced(None, None)
    names = TelemetryAttributes
    traced.set({names.QueueName: queue, names.QueueOperation: operation})
    return traced


async def trace(
    telemetry: Telemetry,
    kind: SpanKind,
    queue: str,
    operation: str,
    destination: str,
    body: Callable[[Traced], Awaitable[T]],
    metadata: str | None = None,
    context: Any = None,
) -> T:
    """Awaits `body` within a span, which is the current one meanwhile."""
    traced = begin(telemetry, kind, queue, operation, destination, metadata, context)
    try:
        if not traced.has_span:
            return await body(traced)
        return await telemetry.contextManager.with_(traced.context, lambda: body(traced))
    except Exception as error:
        traced.failed(error)
        raise
    finally:
        traced.end()


def carrying(opts: Mapping[str, Any] | None, traced: Traced) -> Mapping[str, Any]:
    """A job's options with the trace in them, unless they have one or want none."""
    given = opts or {}
    own = given.get("telemetry") or {}
    metadata = None if own.get("metadata") or own.get("omitContext") else traced.metadata()
    return {**given, "telemetry": {**own, "metadata": metadata}} if metadata else given


def metadata_of(opts: Mapping[str, Any]) -> str | None:
    """The trace a job's options carry."""
    carried = opts.get("telemetry")
    return carried.get("metadata") or None if isinstance(carried, Mapping) else None


@dataclass(frozen=True, slots=True)
class Operation:
    """How a method is traced: `given` its arguments by name, and what it `gave`."""

    kind: SpanKind = SpanKind.INTERNAL
    given: Callable[[dict[str, Any]], Attributes] = lambda _: {}
    gave: Callable[[Any], Attributes] = lambda _: {}


def wrap(owner: Any, telemetry: Telemetry, operations: Mapping[str, Operation]) -> None:
    """Puts spans around these methods of one object."""
    for name, operation in operations.items():
        setattr(owner, name, _around(owner.name, telemetry, name, operation, getattr(owner, name)))


def _around(
    queue: str,
    telemetry: Telemetry,
    name: str,
    operation: Operation,
    method: Callable[..., Awaitable[Any]],
) -> Callable[..., Awaitable[Any]]:
    signature = inspect.signature(method)

    @functools.wraps(method)
    async def around(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()

        async def body(traced: Traced) -> Any:
            traced.set(operation.given(bound.arguments))
            result = await method(*args, **kwargs)
            traced.set(operation.gave(result))
            return result

        return await trace(telemetry, operation.kind, queue, name, queue, body)

    return around


__all__ = [
    "Operation",
    "Traced",
    "begin",
    "carrying",
    "metadata_of",
    "telemetry_of",
    "trace",
    "wrap",
]
