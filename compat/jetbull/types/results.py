"""Shapes of what queues answer."""

from __future__ import annotations

from typing import Any, TypedDict


class JobLogs(TypedDict):
    """Rows of a log, and how many there are in all."""

    logs: list[str]
    count: int


class MetricsMeta(TypedDict):
    """Jobs counted; `prevTS` (ms) and `prevCount` say when the running minute began."""

    count: int
    prevTS: int
    prevCount: int


class Metrics(TypedDict):
    """`data` holds jobs per minute, newest first; `count` is the number of points."""

    meta: MetricsMeta
    data: list[int]
    count: int


class RateLimit(TypedDict):
    """At most `max` starts in `duration` ms."""

    max: int
    duration: int


class WorkerInfo(TypedDict, total=False):
    """What a worker says of itself; `name` is the queue's, `rawname` ends with the worker's."""

    name: str
    rawname: str
    id: str
    workerName: str | None
    concurrency: int
    active: int


class DependencyCounts(TypedDict, total=False):
    """Children of a parent by what became of them."""

    processed: int
    unprocessed: int
    failed: int
    ignored: int


class Dependencies(TypedDict, total=False):
    """Children of a parent by what became of them: keys, and values or reasons.

    The cursors are there when pages were asked for; 0 says that a page was the last one.
    """

    processed: dict[str, Any]
    unprocessed: list[str]
    failed: list[str]
    ignored: dict[str, str]
    nextProcessedCursor: int
    nextUnprocessedCursor: int
    nextFailedCursor: int
    nextIgnoredCursor: int


__all__ = [
    "Dependencies",
    "DependencyCounts",
    "JobLogs",
    "Metrics",
    "MetricsMeta",
    "RateLimit",
    "WorkerInfo",
]
