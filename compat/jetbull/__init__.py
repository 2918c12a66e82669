"""jetbull: BullMQ's interface on NATS JetStream.

`Queue`, `Worker`, `Job` and their companions have BullMQ's names, arguments and answers; jobs live
in one JetStream stream per prefix.
"""

from __future__ import annotations

from jetbull._version import __version__
from jetbull.abort_controller import AbortController, AbortError, AbortSignal
from jetbull.error_code import ErrorCode
from jetbull.errors import (
    AckTimeout,
    ConfigurationError,
    ConnectionClosedError,
    DelayedError,
    FlowError,
    JetbullError,
    JobError,
    RateLimitError,
    ServerUnavailable,
    UnrecoverableError,
    WaitingChildrenError,
    WaitingError,
)
from jetbull.flow_producer import FlowProducer
from jetbull.install import install_as_bullmq
from jetbull.job import Job
from jetbull.job_scheduler import JobScheduler
from jetbull.lock_manager import LockManager
from jetbull.metrics_time import MetricsTime
from jetbull.options import PRIORITY_LIMIT
from jetbull.queue import Queue
from jetbull.queue_events import QueueEvents
from jetbull.queue_events_producer import QueueEventsProducer
from jetbull.telemetry import MetricNames, SpanKind, TelemetryAttributes
from jetbull.worker import Worker

__all__ = [
    "PRIORITY_LIMIT",
    "AbortController",
    "AbortError",
    "AbortSignal",
    "AckTimeout",
    "ConfigurationError",
    "ConnectionClosedError",
    "DelayedError",
    "ErrorCode",
    "FlowError",
    "FlowProducer",
    "JetbullError",
    "Job",
    "JobError",
    "JobScheduler",
    "LockManager",
    "MetricNames",
    "MetricsTime",
    "Queue",
    "QueueEvents",
    "QueueEventsProducer",
    "RateLimitError",
    "ServerUnavailable",
    "SpanKind",
    "TelemetryAttributes",
    "UnrecoverableError",
    "WaitingChildrenError",
    "WaitingError",
    "Worker",
    "__version__",
    "install_as_bullmq",
]
