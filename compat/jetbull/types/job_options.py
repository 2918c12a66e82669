"""Options of a job and of a scheduler."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class BackoffOptions(TypedDict, total=False):
    """`type` fixed, exponential or custom; `delay` in ms; `jitter` 0 to 1."""

    type: str
    delay: int
    jitter: float


class KeepJobs(TypedDict, total=False):
    """`age` in seconds, `count` jobs, at most `limit` removals at a time."""

    age: int
    count: int
    limit: int


class DeduplicationOptions(TypedDict, total=False):
    """`ttl` in ms."""

    id: str
    ttl: int
    extend: bool
    replace: bool
    reschedule: bool
    keepLastIfActive: bool


class RepeatOptions(TypedDict, total=False):
    """`every` in ms or a cron `pattern`; dates are epoch ms or ISO 8601."""

    pattern: str
    every: int
    tz: str
    limit: int
    count: int
    offset: int
    startDate: Any
    endDate: Any
    immediately: bool
    prevMillis: int
    jobId: str
    key: str


class ParentOptions(TypedDict):
    """A parent's id and the qualified name of its queue, `<prefix>:<queue>`."""

    id: str
    queue: str


class JobOptions(TypedDict, total=False):
    """Options of `Queue.add`; times in ms."""

    jobId: str
    timestamp: int
    delay: int
    priority: int
    lifo: bool
    attempts: int
    backoff: int | BackoffOptions
    removeOnComplete: bool | int | KeepJobs
    removeOnFail: bool | int | KeepJobs
    keepLogs: int
    stackTraceLimit: int
    sizeLimit: int
    deduplication: DeduplicationOptions
    parent: ParentOptions
    repeat: RepeatOptions
    failParentOnFailure: bool
    continueParentOnFailure: bool
    ignoreDependencyOnFailure: bool
    removeDependencyOnFailure: bool
    telemetry: Any


class JobSchedulerTemplateJson(TypedDict, total=False):
    """What each job of a scheduler is made from."""

    data: Any
    opts: dict[str, Any]


class JobSchedulerJson(TypedDict):
    """A scheduler as `getJobScheduler` shows it; `next` and dates in ms."""

    key: str
    name: str
    next: int
    iterationCount: int
    id: NotRequired[str]
    limit: NotRequired[int]
    startDate: NotRequired[int]
    endDate: NotRequired[int]
    tz: NotRequired[str]
    pattern: NotRequired[str]
    every: NotRequired[int]
    offset: NotRequired[int]
    template: NotRequired[JobSchedulerTemplateJson]


__all__ = [
    "BackoffOptions",
    "DeduplicationOptions",
    "JobOptions",
    "JobSchedulerJson",
    "JobSchedulerTemplateJson",
    "KeepJobs",
    "ParentOptions",
    "RepeatOptions",
]
