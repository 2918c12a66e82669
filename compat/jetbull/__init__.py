"""jetbull: BullMQ's interface on NATS JetStream.

`Queue`, `Worker`, `Job` and their companions have BullMQ's names, arguments and answers; jobs live
in one JetStream stream per prefix. The classes, and what each is made of:

    queue, queues/              adding, finding, counting, pausing and cleaning jobs
    worker, workers/            running them; lock_manager, backoffs, abort_controller, timer
    job, job_body, job_family, job_states
                                one job: its attributes, its relatives, its state
    job_record, job_hash        a job out of the ledger, and out of a hash of Redis
    job_home, minimal_queue     what a job needs of the queue or worker it came from
    flow_producer, flow_tree, flow_reader, job_node
                                trees of jobs, on their way in and out
    job_scheduler, scheduler_view, schedulers/, repeating, cron
                                jobs that come again, and when
    queue_events, queue_events_producer
                                listening, and events of callers
    telemetry/, metrics_time    spans and metrics

What callers pass, and what they are told:

    options, types/, checks, spelling
                                options: their defaults, shapes, bad values, near misses
    environment, settings       variables, and what is set by them
    connection, link, ready     the server that is meant, found when it is needed, waited for
    errors, error_code, custom_errors/, warn, event_emitter
                                errors, warnings, listeners
    tasks, beginning, shielding tasks of our own, and waits that are not cut short

What old callers find where they left it:

    install, startup/           `import bullmq` gives jetbull
    backend, key_view, client_list, redis_names, queue_keys, legacy, utils
                                the seam to the datastore, names of keys, old words

And around them:

    commands/                   the steps between the classes and the ledger
    ledger/                     the jobs in JetStream
    http/, cli/, extras         the old service's interface, the command `jetbull`
    server/, health/, diagnosis/, permissions, testing/
                                a server of one's own, proofs, `jetbull doctor`, logins, fixtures
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
