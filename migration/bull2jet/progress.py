"""Telling the operator how far a command is: bars on a terminal, lines or JSON lines elsewhere."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from bull2jet.report.formats import lasting, shown, size

_INTERVAL = 2.0  # seconds between lines


class Progress(Protocol):
    """Hears what a command does."""

    def begin(self, queue: str, state: str, total: int) -> None:
        """Work on a state starts; `total` jobs are expected."""

    def advance(self, jobs: int, payload: int) -> None:
        """So many more jobs and bytes are done."""

    def say(self, sentence: str) -> None:
        """Something worth a line of its own."""

    def close(self) -> None:
        """Nothing more comes."""


class Silent:
    """Tells nothing."""

    def begin(self, queue: str, state: str, total: int) -> None:
        return

    def advance(self, jobs: int, payload: int) -> None:
        return

    def say(self, sentence: str) -> None:
        return

    def close(self) -> None:
        return


@dataclass(slots=True)
class _Part:
    queue: str = ""
    state: str = ""
    total: int = 0
    jobs: int = 0
    payload: int = 0
    started: float = field(default_factory=time.monotonic)
    told: float = field(default_factory=time.monotonic)

    @property
    def rate(self) -> float:
        return self.jobs / max(0.001, time.monotonic() - self.started)

    @property
    def left(self) -> float:
        return max(0, self.total - self.jobs) / self.rate if self.rate else 0.0


class Lines:
    """One line every two seconds, and one at the end of each state."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._part = _Part()

    def begin(self, queue: str, state: str, total: int) -> None:
        self._finish()
        self._part = _Part(queue, state, total)

    def advance(self, jobs: int, payload: int) -> None:
        part = self._part
        part.jobs += jobs
        part.payload += payload
        if time.monotonic() - part.told >= _INTERVAL:
            part.told = time.monotonic()
            self._tell(part)

    def say(self, sentence: str) -> None:
        self._write(f"bull2jet: {shown(sentence)}")

    def close(self) -> None:
        self._finish()

    def _finish(self) -> None:
        if self._part.jobs:
            self._tell(self._part)
        self._part = _Part()

    def _tell(self, part: _Part) -> None:
        self._write(
            f"{shown(part.queue)} {part.state}: {part.jobs:,} of {part.total:,}, "
            f"{part.rate:,.0f}/s, {size(part.payload)}, {lasting(part.left)} left"
        )

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


class _JsonLines(Lines):
    """The same as JSON, one object a line."""

    def say(self, sentence: str) -> None:
        self._write(json.dumps({"message": sentence}))

    def _tell(self, part: _Part) -> None:
        row = {
            "queue": part.queue,
            "state": part.state,
            "done": part.jobs,
            "total": part.total,
            "perSecond": round(part.rate, 1),
            "bytes": part.payload,
            "secondsLeft": round(part.left, 1),
        }
        self._write(json.dumps(row))


KINDS: dict[str, Callable[[], Progress]] = {"plain": Lines, "json": _JsonLines, "none": Silent}

__all__ = ["KINDS", "Lines", "Progress", "Silent"]
