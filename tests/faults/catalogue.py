"""The faults by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.faults.stage import Stage

__all__ = ["FAULTS", "Fault", "fault"]

Inject = Callable[[Stage], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that breaks: `inject` breaks and heals it, and gives how often it did.

    `quick` ones belong to the short set. `within` is the promise for the time until all workers
    consume again. `promotes` says that delayed jobs run early because somebody wants it.
    """

    name: str
    inject: Inject
    quick: bool = False
    nodes: int = 1
    within: float = 10.0
    promotes: bool = False
    first: dict[str, Any] = field(default_factory=dict)
    sync: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


FAULTS: dict[str, Fault] = {}


def fault(name: str, **settings: Any) -> Callable[[Inject], Inject]:
    """Enters a function into the catalogue."""

    def enter(inject: Inject) -> Inject:
        assert name not in FAULTS, name
        FAULTS[name] = Fault(name, inject, **settings)
        return inject

    return enter
