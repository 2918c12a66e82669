"""Options of queues and listeners."""

from __future__ import annotations

from typing import Any, TypedDict

from jetbull.types.job_options import JobOptions


class ConnectionOptions(TypedDict, total=False):
    """Where NATS is; see docs/connecting.md."""

    servers: str | list[str]
    user: str
    password: str
    token: str
    user_credentials: str
    nkeys_seed: str
    tls: Any
    replicas: int


class QueueBaseOptions(TypedDict, total=False):
    """Options every class takes."""

    prefix: str
    connection: ConnectionOptions | str
    defaultJobOptions: JobOptions
    settings: dict[str, Any]
    skipVersionCheck: bool
    telemetry: Any
    streams: dict[str, Any]


class QueueEventsOptions(TypedDict, total=False):
    """Options of QueueEvents; `blockingTimeout` in ms."""

    prefix: str
    connection: ConnectionOptions | str
    autorun: bool
    lastEventId: str
    blockingTimeout: int


class QueueEventsProducerOptions(TypedDict, total=False):
    """Options of QueueEventsProducer."""

    prefix: str
    connection: ConnectionOptions | str


class RetryJobsOptions(TypedDict, total=False):
    """Options of Queue.retryJobs; `timestamp` in ms."""

    state: str
    count: int
    timestamp: int


class PromoteJobsOptions(TypedDict, total=False):
    """Options of Queue.promoteJobs."""

    count: int
