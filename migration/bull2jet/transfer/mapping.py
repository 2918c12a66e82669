"""How a job of the source is to stand on the target: pure functions, the same for every command.

`verify` compares the target with what these functions make of the source, so whatever is changed on
the way is changed here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bull2jet.findings import Finding, Severity
from bull2jet.model import Job, QueueRef, Scheduler, State

#: options of Bull that BullMQ, and so the target, does not know
_BULL_ONLY = ("timeout", "preventParsingData")
#: options as BullMQ for Elixir spells them, which Node's workers do not know either
_ELIXIR_ONLY = (
    "remove_on_complete", "remove_on_fail", "fail_parent_on_failure", "ignore_dependency",
    "remove_dependency",
)  # fmt: skip


@dataclass(slots=True)
class Mapper:
    """Maps the jobs and schedulers of one queue."""

    queue: QueueRef
    #: zone for patterns that name none, None leaves the target's default (UTC)
    timezone: str | None = None
    #: older repeatable jobs: member of `repeat` -> id of the scheduler it became
    ids: dict[str, str] = field(default_factory=dict)
    #: jobs for their next slots -> id of that scheduler; the first BullMQs do not tell by the job
    _pending: dict[str, str] = field(default_factory=dict)
    _noted: set[str] = field(default_factory=set)
    _members: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._members = {new: member for member, new in reversed(self.ids.items())}

    def schedulers(self, schedulers: Iterable[Scheduler]) -> list[Scheduler]:
        """The schedulers as the target keeps them; remembers which ids older ones got."""
        mapped = []
        for scheduler in schedulers:
            if scheduler.legacyKey is not None:
                self.ids[scheduler.legacyKey] = scheduler.id
                self._members.setdefault(scheduler.id, scheduler.legacyKey)
                if scheduler.pendingId is not None:
                    self._pending[scheduler.pendingId] = scheduler.id
            if self.timezone and scheduler.pattern and not scheduler.tz:
                scheduler = replace(scheduler, tz=self.timezone)
            mapped.append(scheduler)
        return mapped

    def legacy_key(self, scheduler_id: str) -> str | None:
        """The `repeat` member that an older repeatable job had, None for a scheduler."""
        return self._members.get(scheduler_id)

    def job(self, job: Job) -> Job:
        """The job as the target keeps it.

        An active job whose worker is gone waits again, as BullMQ's stalled check would have it. A
        parent that no longer minds its unfinished children has none on the target.
        """
        changes: dict[str, Any] = {}
        if job.state is State.ACTIVE:
            changes["state"] = State.WAITING
            changes["stalledCounter"] = job.stalledCounter + 1
        if job.detached and job.state is not State.WAITING_CHILDREN and job.family.pending:
            changes["family"] = replace(job.family, pending=())
        if job.repeatJobKey is None and job.id in self._pending:
            changes["repeatJobKey"] = self._pending[job.id]
        elif job.repeatJobKey is not None and job.repeatJobKey in self.ids:
            changes["repeatJobKey"] = self.ids[job.repeatJobKey]
        return replace(job, **changes) if changes else job

    def back(self, job: Job) -> Job:
        """A job of the target as the source's library names things."""
        legacy = None if job.repeatJobKey is None else self.legacy_key(job.repeatJobKey)
        return job if legacy is None else replace(job, repeatJobKey=legacy)

    def notes(self, jobs: Sequence[Job]) -> list[Finding]:
        """Options that lose their meaning; each is told once per queue."""
        found = []
        for job in jobs:
            for option in (*_BULL_ONLY, *_ELIXIR_ONLY):
                if option in job.opts and option not in self._noted:
                    self._noted.add(option)
                    found.append(self._without_meaning(option, job))
        return found

    def _without_meaning(self, option: str, job: Job) -> Finding:
        whose = "Bull's" if option in _BULL_ONLY else "BullMQ's for Elixir"
        return Finding(
            Severity.CHANGED,
            "option-without-meaning",
            f"the option {option!r} is {whose} alone: it is carried, but workers ignore it.",
            self.queue.key,
            job.id,
        )


def arrived(job: Job, now: int) -> Job:
    """The job as it enters the target at `now`.

    A delayed job that is due already enters waiting, behind those that wait, so that many overdue
    jobs keep the order of their due times.
    """
    if job.state is State.DELAYED and job.due is not None and job.due <= now:
        return replace(job, state=State.PRIORITIZED if job.priority > 0 else State.WAITING)
    return job


__all__ = ["Mapper", "arrived"]
