"""Showing how far the jobs are: bars on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

__all__ = ["Bars", "Board", "Lines", "Row", "print_table"]

_LINE_EVERY = 2.0


@dataclass(frozen=True, slots=True)
class Row:
    """What became of the jobs of one name."""

    name: str
    jobs: int
    completed: int
    failed: int
    repeated: int


class Board(Protocol):
    """Shows stages by name, each with how many of its jobs are done."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def say(self, text: str) -> None:
        """Show a line."""

    def show(self, stage: str, done: int, total: int) -> None:
        """Show how far a stage is."""


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if not speed else f"{speed:.1f}/s", style="dim")


class Bars:
    """A bar for each stage, with jobs per second and the time left."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<20}"),
            BarColumn(bar_width=32),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            _Rate(),
            TimeRemainingColumn(compact=True),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """Above the bars."""
        self._progress.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def show(self, stage: str, done: int, total: int) -> None:
        """As a bar, added when the stage is new."""
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total)
        self._progress.update(self._tasks[stage], completed=done, total=total)


class Lines:
    """A line whenever something happened, at most every two seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stages: dict[str, tuple[int, int]] = {}
        self._began = time.monotonic()
        self._shown_at = 0.0
        self._first: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to undo."""

    def say(self, text: str) -> None:
        """As a line."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def show(self, stage: str, done: int, total: int) -> None:
        """As part of the next line."""
        self._stages[stage] = (done, total)
        done_now, all_jobs = map(sum, zip(*self._stages.values(), strict=True))
        if self._first is None:
            self._first, self._began = done_now, time.monotonic()
        if done_now == self._first or time.monotonic() - self._shown_at < _LINE_EVERY:
            return
        self._shown_at = time.monotonic()
        rate = (done_now - self._first) / max(self._shown_at - self._began, 0.001)
        left = (all_jobs - done_now) / rate
        stages = ", ".join(f"{name} {n}/{total}" for name, (n, total) in self._stages.items())
        self.say(f"{stages}; {rate:.1f} jobs/s, about {left:.0f} s left")


def print_table(console: Console, rows: Sequence[Row]) -> None:
    """The job counts."""
    table = Table("job", box=None, pad_edge=False)
    for title in ("jobs", "completed", "failed", "run again"):
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(row.name, *map(str, (row.jobs, row.completed, row.failed, row.repeated)))
    console.print(table)
