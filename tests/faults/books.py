"""What was acknowledged and what ran, written outside NATS, one line each, never buffered."""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_now = time.time  # the right time, also where a fault shifts the clock

__all__ = ["Book", "Run", "read_runs", "runs_by_job"]


class Book:
    """A file of JSON lines that survives SIGKILL of whoever writes it."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, **row: Any) -> None:
        """Adds a line; it is the kernel's when this returns."""
        os.write(self._fd, (json.dumps({"at": _now(), **row}) + "\n").encode())

    def close(self) -> None:
        os.close(self._fd)


@dataclass(slots=True)
class Run:
    """One run of a processor: by whom, and when it began and ended (0: it did not)."""

    job: str
    worker: str
    token: str
    begun: float
    ended: float = 0.0


@dataclass(slots=True)
class _Open:
    runs: dict[tuple[str, str], Run] = field(default_factory=dict)


def read_runs(folder: Path) -> list[Run]:
    """All runs of all workers, in the order they began."""
    runs: list[Run] = []
    for path in folder.glob("ran-*.jsonl"):
        opened = _Open()
        for line in path.read_text().splitlines():
            row = json.loads(line)
            key = (row["job"], row["token"])
            if row["what"] == "begin":
                run = Run(row["job"], row["worker"], row["token"], row["at"])
                opened.runs[key] = run
                runs.append(run)
            elif key in opened.runs:
                opened.runs[key].ended = row["at"]
    return sorted(runs, key=lambda run: run.begun)


def runs_by_job(runs: list[Run]) -> dict[str, list[Run]]:
    """Runs grouped by job id."""
    grouped: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        grouped[run.job].append(run)
    return grouped
