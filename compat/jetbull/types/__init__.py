"""The shapes of options, as BullMQ for Python names them (`bullmq.types`)."""

from __future__ import annotations

from jetbull.types.job_options import (
    BackoffOptions,
    DeduplicationOptions,
    JobOptions,
    JobSchedulerJson,
    JobSchedulerTemplateJson,
    KeepJobs,
    RepeatOptions,
)
from jetbull.types.queue_options import (
    ConnectionOptions,
    PromoteJobsOptions,
    QueueBaseOptions,
    QueueEventsOptions,
    QueueEventsProducerOptions,
    RetryJobsOptions,
)
from jetbull.types.worker_options import WorkerOptions

__all__ = [
    "BackoffOptions",
    "ConnectionOptions",
    "DeduplicationOptions",
    "JobOptions",
    "JobSchedulerJson",
    "JobSchedulerTemplateJson",
    "KeepJobs",
    "PromoteJobsOptions",
    "QueueBaseOptions",
    "QueueEventsOptions",
    "QueueEventsProducerOptions",
    "RepeatOptions",
    "RetryJobsOptions",
    "WorkerOptions",
]
