"""EventEmitter: plain listeners, called at once with what was emitted."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from tests.contract.bullmq.backends.backend import Backend


@pytest.fixture
def emitter(backend: Backend) -> Any:
    """A bare EventEmitter of the implementation."""
    return importlib.import_module(f"{backend.package}.event_emitter").EventEmitter()


def test_a_listener_gets_exactly_what_is_emitted(emitter: Any) -> None:
    calls: list[tuple[Any, ...]] = []
    emitter.on("event", lambda *args: calls.append(args))
    emitter.emit("event", 1, "two", None)
    emitter.emit("event")
    assert calls == [(1, "two", None), ()]


def test_on_returns_the_listener(emitter: Any) -> None:
    def listener() -> None:
        return None

    assert emitter.on("event", listener) is listener


def test_listeners_are_called_in_the_order_they_came(emitter: Any) -> None:
    calls: list[int] = []
    for n in range(3):
        emitter.on("event", lambda n=n: calls.append(n))
    emitter.emit("event")
    assert calls == [0, 1, 2]


def test_a_listener_registered_twice_is_called_twice(emitter: Any) -> None:
    calls: list[int] = []

    def listener() -> None:
        calls.append(1)

    emitter.on("event", listener)
    emitter.on("event", listener)
    emitter.emit("event")
    assert calls == [1, 1]


def test_off_takes_one_registration_away(emitter: Any) -> None:
    calls: list[int] = []

    def listener() -> None:
        calls.append(1)

    emitter.on("event", listener)
    emitter.on("event", listener)
    emitter.off("event", listener)
    emitter.emit("event")
    assert calls == [1]


def test_taking_off_an_unknown_listener_is_an_error(emitter: Any) -> None:
    with pytest.raises(ValueError, match="not in list"):
        emitter.off("event", print)


def test_an_event_nobody_listens_to_is_fine(emitter: Any) -> None:
    assert emitter.emit("silence", 1) is None


def test_events_do_not_mix(emitter: Any) -> None:
    calls: list[str] = []
    emitter.on("a", lambda: calls.append("a"))
    emitter.on("b", lambda: calls.append("b"))
    emitter.emit("b")
    assert calls == ["b"]


def test_an_exception_of_a_listener_reaches_the_emitter(emitter: Any) -> None:
    def listener() -> None:
        raise ValueError("listener")

    emitter.on("event", listener)
    with pytest.raises(ValueError, match="listener"):
        emitter.emit("event")


def test_a_listener_of_the_wrong_arity_is_an_error(emitter: Any) -> None:
    emitter.on("event", lambda one: one)
    with pytest.raises(TypeError):
        emitter.emit("event", 1, 2)


def test_keywords_are_passed_on(emitter: Any) -> None:
    calls: list[dict[str, Any]] = []
    emitter.on("event", lambda **named: calls.append(named))
    emitter.emit("event", a=1)
    assert calls == [{"a": 1}]


def test_listeners_may_be_called_by_the_names_of_arguments(emitter: Any) -> None:
    heard: list[str] = []
    emitter.on("done", lambda *, how: heard.append(how))
    emitter.emit(event_name="done", how="well")
    assert heard == ["well"]
