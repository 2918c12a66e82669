"""Options of a worker."""

from __future__ import annotations

from typing import Any, TypedDict

from jetbull.types.job_options import KeepJobs
from jetbull.types.queue_options import ConnectionOptions
from jetbull.types.results import RateLimit


class WorkerOptions(TypedDict, total=False):
    """Times in ms, except `drainDelay` (seconds)."""

    autorun: bool
    name: str
    concurrency: int
    prefix: str
    connection: ConnectionOptions | str
    lockDuration: int
    lockRenewTime: int
    stalledInterval: int
    maxStalledCount: int
    maxStartedAttempts: int
    drainDelay: float
    runRetryDelay: int
    limiter: RateLimit
    maximumRateLimitDelay: int
    removeOnComplete: bool | int | KeepJobs
    removeOnFail: bool | int | KeepJobs
    settings: dict[str, Any]
    metrics: dict[str, int]
    skipLockRenewal: bool
    skipStalledCheck: bool
    skipVersionCheck: bool
    skipWaitingForReady: bool
    telemetry: Any
    streams: dict[str, Any]


__all__ = ["WorkerOptions"]
