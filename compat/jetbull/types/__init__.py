"""The shapes of options, as BullMQ for Python names them (`bullmq.types`).

job_options, queue_options, worker_options, flow_options    what callers pass
results       what they get
generics      what a job carries and gives, as type parameters
"""

from __future__ import annotations

from jetbull.job_node import JobNode
from jetbull.types.flow_options import FlowJob, FlowOptions, FlowPlace
from jetbull.types.generics import Data, Result
from jetbull.types.job_options import (
    BackoffOptions,
    DeduplicationOptions,
    JobOptions,
    JobSchedulerJson,
    JobSchedulerTemplateJson,
    KeepJobs,
    ParentOptions,
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
from jetbull.types.results import (
    Dependencies,
    DependencyCounts,
    JobLogs,
    Metrics,
    MetricsMeta,
    RateLimit,
    WorkerInfo,
)
from jetbull.types.worker_options import WorkerOptions

__all__ = [
    "BackoffOptions",
    "ConnectionOptions",
    "Data",
    "DeduplicationOptions",
    "Dependencies",
    "DependencyCounts",
    "FlowJob",
    "FlowOptions",
    "FlowPlace",
    "JobLogs",
    "JobNode",
    "JobOptions",
    "JobSchedulerJson",
    "JobSchedulerTemplateJson",
    "KeepJobs",
    "Metrics",
    "MetricsMeta",
    "ParentOptions",
    "PromoteJobsOptions",
    "QueueBaseOptions",
    "QueueEventsOptions",
    "QueueEventsProducerOptions",
    "RateLimit",
    "RepeatOptions",
    "Result",
    "RetryJobsOptions",
    "WorkerInfo",
    "WorkerOptions",
]
