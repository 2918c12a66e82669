"""Finding an engine by the model name a book gives."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from audibook.errors import SpeechSetupError

from .engine import SpeechEngine

__all__ = ["Speech", "SpeechRegistry"]


class Speech(Protocol):
    """Where the jobs get their engines from."""

    def engine(self, model: str) -> SpeechEngine:
        """The engine of this model name; raises SpeechSetupError for an unknown one."""


class SpeechRegistry:
    """Engines by model name, each made at first use and then kept."""

    def __init__(self, factories: Mapping[str, Callable[[], SpeechEngine]]) -> None:
        self._factories = dict(factories)
        self._engines: dict[str, SpeechEngine] = {}
        self._lock = threading.Lock()

    def models(self) -> list[str]:
        """The model names, sorted."""
        return sorted(self._factories)

    def engine(self, model: str) -> SpeechEngine:
        """See Speech."""
        with self._lock:
            if model not in self._engines:
                factory = self._factories.get(model)
                if factory is None:
                    raise SpeechSetupError(
                        f"There is no speech model {model!r}: set the book's ttsModel to one of "
                        f"{', '.join(self.models())}."
                    )
                self._engines[model] = factory()
            return self._engines[model]
