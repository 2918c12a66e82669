"""Plain synchronous listeners, as BullMQ for Python has them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from jetbull.errors import JetbullError
from jetbull.spelling import look_at_event

log = logging.getLogger("jetbull.events")

Listener = Callable[..., Any]


class EventEmitter:
    """`on`, `once`, `off`, `emit`; listeners get exactly the arguments emitted."""

    name = ""

    def __init__(self) -> None:
        self._events: dict[str, list[Listener]] = {}
        self._logged = ""  # the last error that nobody listened for

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def on(self, event_name: str, function: Listener) -> Listener:
        """Adds a listener and returns it."""
        look_at_event(event_name)
        self._events.setdefault(event_name, []).append(function)
        return function

    def once(self, event_name: str, function: Listener) -> Listener:
        """Adds a listener that is removed before its first call; returns what `off` takes."""

        def only_once(*args: Any) -> Any:
            self.off(event_name, only_once)
            return function(*args)

        return self.on(event_name, only_once)

    def off(self, event_name: str, function: Listener) -> None:
        """Removes a listener; ValueError if it is not there."""
        listeners = self._events.get(event_name, [])
        listeners.remove(function)
        if not listeners:
            del self._events[event_name]

    def emit(self, event_name: str, *args: Any, **kwargs: Any) -> None:
        """Calls every listener in the order they were added."""
        listeners = self._events.get(event_name)
        if listeners:
            for listener in list(listeners):
                listener(*args, **kwargs)

    def emit_safely(self, event: str, *args: Any) -> None:
        """As `emit`; what a listener raises is emitted as `error` instead of raised."""
        try:
            self.emit(event, *args)
        except Exception as error:
            self.complain(error)

    def complain(self, error: Exception, *args: Any) -> None:
        """Emits `error`; where nobody listens it is logged, jetbull's own as a line, once in a row.

        What a listener raises is logged, since the caller has to go on.
        """
        if not self.has_listeners("error"):
            self._log(error)
        try:
            self.emit("error", error, *args)
        except Exception:
            log.exception("a listener of 'error' failed")

    def _log(self, error: Exception) -> None:
        who = f"{type(self).__name__} of {self.name}"
        if not isinstance(error, JetbullError):
            log.error("%s", who, exc_info=error)
        elif str(error) != self._logged:
            self._logged = str(error)
            log.warning("%s: %s", who, error)

    def has_listeners(self, event: str) -> bool:
        """Whether anybody listens."""
        return bool(self._events.get(event))


__all__ = ["EventEmitter", "Listener"]
