"""Progress bars for a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

from bull2jet.report.formats import shown, size


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed or 0.0
        return Text(f"{speed:,.0f}/s {size(int(task.fields.get('payload', 0)))}")


class Bars:
    """One bar per queue and state, with rate, bytes and the time left."""

    def __init__(self) -> None:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
        )
        self._bars = RichProgress(*columns, console=Console(stderr=True), transient=False)
        self._task: TaskID | None = None
        self._payload = 0

    def begin(self, queue: str, state: str, total: int) -> None:
        if not self._bars.live.is_started:
            self._bars.start()
        self._payload = 0
        name = f"{shown(queue)} {state}"
        self._task = self._bars.add_task(name, total=total, payload=0)

    def advance(self, jobs: int, payload: int) -> None:
        self._payload += payload
        if self._task is not None:
            self._bars.update(self._task, advance=jobs, payload=self._payload)

    def say(self, sentence: str) -> None:
        self._bars.console.print(f"bull2jet: {shown(sentence)}", markup=False, highlight=False)

    def close(self) -> None:
        if self._bars.live.is_started:
            self._bars.stop()


__all__ = ["Bars"]
