"""One try at one job: what a task may tell the outside, and whether it is the last."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import UnrecoverableError
from .logs import JobLogger, job_logger

__all__ = ["Attempt"]


@dataclass(slots=True)
class Attempt:
    """Wraps the job object of a BullMQ-like worker, or None outside of any queue.

    Used of the job, where present: `id`, `attemptsMade`, `opts["attempts"]`,
    `updateProgress(value)` and `log(line)`, plain or awaitable.
    """

    name: str
    job: Any | None
    log: JobLogger
    _percent: int = field(default=-1)

    @classmethod
    def of(cls, name: str, job: Any | None, fields: Mapping[str, object]) -> Attempt:
        """The attempt, with a logger that carries the job's ids and `fields`."""
        number = _count(getattr(job, "attemptsMade", None), 0) + 1
        ids = {"jobId": getattr(job, "id", None), "jobName": name, "attempt": number}
        return cls(name, job, job_logger({**ids, **fields}))

    def is_last(self, error: Exception) -> bool:
        """Whether the job has failed for good with this error."""
        if isinstance(error, UnrecoverableError) or self.job is None:
            return True
        options = getattr(self.job, "opts", None)
        allowed = options.get("attempts") if isinstance(options, Mapping) else None
        made = _count(getattr(self.job, "attemptsMade", None), 0)
        return made + 1 >= _count(allowed, 1)

    async def progress(self, percent: float) -> None:
        """Report how much is done, 0 to 100; only whole steps go out."""
        if int(percent) != self._percent:
            self._percent = int(percent)
            await self._call("updateProgress", self._percent)

    async def note(self, line: str) -> None:
        """Add a line to the job's own log."""
        await self._call("log", line)

    async def _call(self, method: str, value: object) -> None:
        function = getattr(self.job, method, None)
        if function is not None:
            answer = function(value)
            if inspect.isawaitable(answer):
                await answer


def _count(value: object, default: int) -> int:
    return value if isinstance(value, int) and value >= 0 else default
