"""Plain synchronous listeners, as BullMQ for Python has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Listener = Callable[..., Any]


class EventEmitter:
    """`on`, `once`, `off`, `emit`; listeners get exactly the arguments emitted."""

    def __init__(self) -> None:
        self._events: dict[str, list[Listener]] = {}

    def on(self, event: str, listener: Listener) -> Listener:
        """Adds a listener and returns it."""
        self._events.setdefault(event, []).append(listener)
        return listener

    def once(self, event: str, listener: Listener) -> Listener:
        """Adds a listener that is removed before its first call; returns what `off` takes."""

        def only_once(*args: Any) -> Any:
            self.off(event, only_once)
            return listener(*args)

        return self.on(event, only_once)

    def off(self, event: str, listener: Listener) -> None:
        """Removes a listener; ValueError if it is not there."""
        self._events.get(event, []).remove(listener)

    def emit(self, event: str, *args: Any, **kwargs: Any) -> None:
        """Calls every listener in the order they were added."""
        listeners = self._events.get(event)
        if listeners:
            for listener in list(listeners):
                listener(*args, **kwargs)

    def emit_safely(self, event: str, *args: Any) -> None:
        """As `emit`; what a listener raises is emitted as `error` instead of raised."""
        try:
            self.emit(event, *args)
        except Exception as error:
            self.emit("error", error)

    def has_listeners(self, event: str) -> bool:
        """Whether anybody listens."""
        return bool(self._events.get(event))


__all__ = ["EventEmitter"]
