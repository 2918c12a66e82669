"""Options of queues and listeners."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Any, TypedDict

from jetbull.types.job_options import JobOptions


class ConnectionOptions(TypedDict, total=False):
    """Where NATS is, and who we are to it; see docs/connecting.md. Files are named by paths."""

    servers: str | Sequence[str]
    url: str | Sequence[str]
    user: str
    password: str
    token: str
    user_credentials: str
    nkeys_seed: str
    nkeys_seed_str: str
    tls: ssl.SSLContext
    tls_ca: str
    tls_cert: str
    tls_key: str
    tls_hostname: str
    replicas: int
    name: str
    inbox_prefix: str
    connect_timeout: float


class QueueBaseOptions(TypedDict, total=False):
    """Options every class takes; those that begin with `skip` are for Redis, and change nothing."""

    prefix: str
    connection: ConnectionOptions | str
    defaultJobOptions: JobOptions
    settings: dict[str, Any]
    skipVersionCheck: bool
    skipWaitingForReady: bool
    telemetry: Any
    streams: dict[str, Any]


class QueueEventsOptions(TypedDict, total=False):
    """Options of QueueEvents; `blockingTimeout` in ms."""

    prefix: str
    connection: ConnectionOptions | str
    autorun: bool
    lastEventId: str
    blockingTimeout: int
    skipVersionCheck: bool


class QueueEventsProducerOptions(TypedDict, total=False):
    """Options of QueueEventsProducer."""

    prefix: str
    connection: ConnectionOptions | str
    skipVersionCheck: bool


class RetryJobsOptions(TypedDict, total=False):
    """Options of Queue.retryJobs; `timestamp` in ms."""

    state: str
    count: int
    timestamp: int


class PromoteJobsOptions(TypedDict, total=False):
    """Options of Queue.promoteJobs."""

    count: int


__all__ = [
    "ConnectionOptions",
    "PromoteJobsOptions",
    "QueueBaseOptions",
    "QueueEventsOptions",
    "QueueEventsProducerOptions",
    "RetryJobsOptions",
]
