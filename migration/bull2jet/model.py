"""What a queue holds, whatever library wrote it: the form between Redis and the target.

Field names are BullMQ's. Times are epoch milliseconds. JSON that the caller wrote (`data`,
`returnvalue`, `progress`) stays the text found in Redis; only options are decoded, because every
library re-encodes them anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Where a job is. The collection that holds its id decides, never a field of the job."""

    #: listed in `wait` or, in a paused queue up to BullMQ 5, in `paused`
    WAITING = "waiting"
    ACTIVE = "active"
    DELAYED = "delayed"
    PRIORITIZED = "prioritized"
    COMPLETED = "completed"
    FAILED = "failed"
    WAITING_CHILDREN = "waiting-children"


FINISHED = frozenset({State.COMPLETED, State.FAILED})


@dataclass(frozen=True, slots=True, order=True)
class QueueRef:
    """A queue by prefix and name; in Redis Cluster the prefix or name holds the braces."""

    prefix: str
    name: str

    @property
    def key(self) -> str:
        """BullMQ's qualified name, `<prefix>:<queue>`."""
        return f"{self.prefix}:{self.name}"

    def __str__(self) -> str:
        return self.key


@dataclass(frozen=True, slots=True)
class Family:
    """A parent's children, by their full key `<prefix>:<queue>:<id>`."""

    #: children that have not finished
    pending: tuple[str, ...] = ()
    #: finished children and the JSON text of what they returned
    processed: Mapping[str, str] = field(default_factory=dict)
    #: children that failed without failing the parent, and why
    failed: Mapping[str, str] = field(default_factory=dict)
    #: children whose failure fails the parent, and when (ms)
    unsuccessful: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.pending or self.processed or self.failed or self.unsuccessful)


@dataclass(frozen=True, slots=True)
class Job:
    """One job, complete."""

    id: str
    state: State
    #: rank among the jobs of its state, in the order the library would take or list them
    position: int
    name: str
    #: JSON text exactly as in Redis
    data: str
    #: options with long names (`failParentOnFailure`, never `fpof`)
    opts: Mapping[str, Any]
    timestamp: int
    delay: int = 0
    priority: int = 0
    #: tries that have ended
    attemptsMade: int = 0
    #: tries that have begun
    attemptsStarted: int = 0
    stalledCounter: int = 0
    #: JSON text, or None when never reported
    progress: str | None = None
    #: JSON text, or None
    returnvalue: str | None = None
    failedReason: str | None = None
    #: newest last
    stacktrace: tuple[str, ...] = ()
    processedOn: int | None = None
    finishedOn: int | None = None
    parent: Mapping[str, Any] | None = None
    parentKey: str | None = None
    repeatJobKey: str | None = None
    deduplicationId: str | None = None
    deferredFailure: str | None = None
    processedBy: str | None = None
    #: when a delayed job becomes ready
    due: int | None = None
    #: the target would let a delayed job go at another time than `due`
    mistimed: bool = False
    #: the raw score in its sorted set, None for lists
    score: float | None = None
    #: an active job whose worker still holds the lock
    locked: bool = False
    #: a parent that has been let go and may finish whatever its children do (late BullMQ 5)
    detached: bool = False
    #: log rows, oldest first
    logs: tuple[str, ...] = ()
    family: Family = field(default_factory=Family)
    #: hash fields that no known version writes
    extra: Mapping[str, str] = field(default_factory=dict)
    #: why what the target holds of it cannot be read, empty if it can
    unreadable: str = ""
    #: where the target's record has the newest that was stored of it, and its newest log row
    stored: int = 0
    logged: int = 0

    @property
    def size(self) -> int:
        """Bytes of what the caller stored, as UTF-8 (an estimate of the record's size)."""
        parts = (self.name, self.data, self.returnvalue, self.failedReason, *self.stacktrace)
        return sum(len(part.encode("utf-8", "surrogatepass")) for part in parts if part)

    @property
    def weight(self) -> int:
        """Bytes of all that belongs to it, also what workers and children have told of it."""
        told = (self.progress or "", *self.logs, *self.family.processed.values())
        return self.size + sum(map(len, told)) + 200 * self.entries

    @property
    def entries(self) -> int:
        """How many log rows and children stand beside it."""
        family = self.family
        told = len(family.processed) + len(family.failed) + len(family.unsuccessful)
        return len(self.logs) + len(family.pending) + told


@dataclass(frozen=True, slots=True)
class Scheduler:
    """A job scheduler of BullMQ 5 or 6, or a repeatable job of an older version."""

    #: the id it gets; its jobs are `repeat:<id>:<ms>`
    id: str
    name: str
    #: the next slot, from the `repeat` set
    next: int
    iterationCount: int = 0
    every: int | None = None
    pattern: str | None = None
    tz: str | None = None
    limit: int | None = None
    startDate: int | None = None
    endDate: int | None = None
    offset: int | None = None
    #: JSON text of the template's data, None when it has none
    data: str | None = None
    #: options of the jobs it makes
    opts: Mapping[str, Any] = field(default_factory=dict)
    #: the job that waits for the next slot, None when there is none
    pendingId: str | None = None
    #: the member of `repeat` when it is an older version's repeatable job
    legacyKey: str | None = None


@dataclass(frozen=True, slots=True)
class Deduplication:
    """A deduplication id and the job that owns it."""

    id: str
    jobId: str
    #: milliseconds left, None when held until the job finishes
    ttl: int | None = None
    #: the job that `keepLastIfActive` remembers until the owner has finished
    next: Job | None = None
    #: freed before that: the owner stands for the id no longer, but `next` still waits for its end
    freed: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """What is set for a whole queue."""

    paused: bool = False
    #: global concurrency
    concurrency: int | None = None
    #: global rate limit: at most `max` jobs in `duration` ms
    max: int | None = None
    duration: int | None = None
    #: last generated job id
    counter: int = 0
    #: ms until the current rate window ends, None when there is none
    limiterTtl: int | None = None
    #: jobs started in it
    limiterCount: int = 0
    #: fields of `meta` that no known version writes
    extra: Mapping[str, str] = field(default_factory=dict)
    #: whether any are stored; on the target a run always stores some
    stored: bool = True


__all__ = [
    "FINISHED",
    "Deduplication",
    "Family",
    "Job",
    "QueueRef",
    "Scheduler",
    "Settings",
    "State",
]
