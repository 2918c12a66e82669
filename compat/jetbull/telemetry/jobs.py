"""The spans and metrics of a job's steps: how a try ended, and the next job of a scheduler.

A worker without telemetry pays one look into its options per step.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

from jetbull.job_body import JobBody
from jetbull.job_home import JobHome
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.record import dumps
from jetbull.telemetry.attributes import MetricNames, SpanKind
from jetbull.telemetry.attributes import TelemetryAttributes as Names
from jetbull.telemetry.interfaces import Telemetry
from jetbull.telemetry.tracing import Traced, carrying, log, telemetry_of, trace

P = ParamSpec("P")
R = TypeVar("R")
AJob = TypeVar("AJob", bound=JobBody)
Owner = TypeVar("Owner", bound=JobHome)
Step = Callable[Concatenate[JobBody, P], Coroutine[Any, Any, R]]

_COUNTERS = {
    "completed": MetricNames.JobsCompleted,
    "failed": MetricNames.JobsFailed,
    "delayed": MetricNames.JobsDelayed,
    "retried": MetricNames.JobsRetried,
    "waiting": MetricNames.JobsWaiting,
    "waiting-children": MetricNames.JobsWaitingChildren,
}
_OPERATIONS = {"completed": "complete", "failed": "fail", "delayed": "delay", "retried": "retry"}

processing: dict[JobBody, Traced] = {}
"""The spans of jobs that run in this process, for workers with telemetry."""


def completing(step: Step[[Any, str], R]) -> Step[[Any, str], R]:
    """For a step `(job, value, token)` that stores a job's return value."""

    @functools.wraps(step)
    def around(job: JobBody, value: Any, token: str) -> Coroutine[Any, Any, R]:
        if job.queue.opts.get("telemetry") is None:
            return step(job, value, token)

        def told(span: Traced) -> None:
            span.event("job completed", {Names.JobResult: dumps(value)})

        return _ending(job, "completed", lambda: step(job, value, token), told)

    return around


def failing(step: Step[Concatenate[str, P], R]) -> Step[Concatenate[str, P], R]:
    """For a step `(job, end, …)` that ends a try as `failed`, `delayed` or `retried`."""

    @functools.wraps(step)
    def around(
        job: JobBody, end: str, /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, R]:
        if job.queue.opts.get("telemetry") is None:
            return step(job, end, *args, **kwargs)

        def told(span: Traced) -> None:
            span.event("job failed", {Names.JobFailedReason: job.failedReason})

        return _ending(job, end, lambda: step(job, end, *args, **kwargs), told)

    return around


def counting(state: str) -> Callable[[Step[P, R]], Step[P, R]]:
    """For a step that gives a job back (unless it says False): no span, only the metric."""

    def decorate(step: Step[P, R]) -> Step[P, R]:
        @functools.wraps(step)
        def around(job: JobBody, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
            if job.queue.opts.get("telemetry") is None:
                return step(job, *args, **kwargs)
            return _counted(job, state, step(job, *args, **kwargs))

        return around

    return decorate


async def _counted(job: JobBody, state: str, step: Awaitable[R]) -> R:
    result = await step
    if result is not False:
        _count(job, state)
    return result


async def _ending(
    job: JobBody, end: str, step: Callable[[], Awaitable[R]], told: Callable[[Traced], None]
) -> R:
    async def body(traced: Traced) -> R:
        traced.set({Names.JobName: job.name, Names.JobId: job.id})
        result = await step()
        _count(job, end)
        return result

    telemetry = telemetry_of(job.queue.opts)
    if telemetry is None:
        return await body(Traced(None, None))
    name = job.queue.name
    result = await trace(telemetry, SpanKind.INTERNAL, name, _OPERATIONS[end], name, body)
    span = processing.get(job)
    if span is not None:
        told(span)
        span.set({Names.JobAttemptsMade: job.attemptsMade})
    return result


def _count(job: JobBody, state: str) -> None:
    """One job more in this state, and how long it ran. Errors of a meter harm no job."""
    meter = getattr(job.queue.opts.get("telemetry"), "meter", None)
    if meter is None:
        return
    attributes = {
        str(Names.QueueName): job.queue.name,
        str(Names.JobName): job.name,
        str(Names.JobState): state,
    }
    try:
        options = {"description": f"Number of jobs {state}", "unit": "1"}
        meter.createCounter(str(_COUNTERS[state]), options).add(1, attributes)
        if job.processedOn:
            options = {"description": "Job processing duration", "unit": "ms"}
            histogram = meter.createHistogram(str(MetricNames.JobDuration), options)
            histogram.record(now_ms() - job.processedOn, attributes)
    except Exception:
        log.exception("the meter failed")


Register = Callable[..., Coroutine[Any, Any, AJob]]
Advance = Callable[[Owner, AJob], Coroutine[Any, Any, AJob | None]]


def registering(step: Register[AJob]) -> Register[AJob]:
    """For `(owner, scheduler id, body, job options, after)`, which stores a scheduler's job."""

    @functools.wraps(step)
    def around(
        owner: JobHome, scheduler_id: str, body: dict[str, Any], opts: dict[str, Any], after: Any
    ) -> Coroutine[Any, Any, AJob]:
        telemetry = telemetry_of(owner.opts)
        if telemetry is None:
            return step(owner, scheduler_id, body, opts, after)

        async def make(traced: Traced) -> AJob:
            return await step(owner, scheduler_id, body, dict(carrying(opts, traced)), after)

        return _scheduled(telemetry, owner, scheduler_id, str(body["name"]), make)

    return around


def advancing(step: Advance[Owner, AJob]) -> Advance[Owner, AJob]:
    """For `(owner, job)`, which stores the job that comes after this one of a scheduler."""

    @functools.wraps(step)
    def around(owner: Owner, job: AJob) -> Coroutine[Any, Any, AJob | None]:
        telemetry = telemetry_of(owner.opts)
        if telemetry is None:
            return step(owner, job)

        async def make(traced: Traced) -> AJob | None:
            model = copy.copy(job)
            model.opts = dict(carrying(job.opts, traced))
            return await step(owner, model)

        return _scheduled(telemetry, owner, str(job.repeatJobKey), job.name, make)

    return around


async def _scheduled(
    telemetry: Telemetry,
    owner: JobHome,
    scheduler_id: str,
    job_name: str,
    make: Callable[[Traced], Awaitable[R]],
) -> R:
    async def body(traced: Traced) -> R:
        job = await make(traced)
        if job is not None:
            job_id = getattr(job, "id", None)
            traced.set({Names.JobSchedulerId: scheduler_id, Names.JobId: job_id})
        return job

    place = f"{owner.name}.{job_name}"
    return await trace(telemetry, SpanKind.PRODUCER, owner.name, "add", place, body)


__all__ = ["advancing", "completing", "counting", "failing", "processing", "registering"]
