"""What type checkers and editors know: `./run lint` checks every assert_type of this file.

A `type: ignore` here stands where a mistake must be found: mypy complains about unused ones.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, TypedDict, assert_type

import pytest

import jetbull
from jetbull import AbortSignal, ConfigurationError, FlowProducer, Job, JobError, Queue, Worker
from jetbull.types import (
    ConnectionOptions,
    FlowJob,
    JobLogs,
    JobNode,
    JobOptions,
    JobSchedulerJson,
    Metrics,
    QueueBaseOptions,
    QueueEventsOptions,
    QueueEventsProducerOptions,
    RateLimit,
    WorkerInfo,
    WorkerOptions,
)


class Paint(TypedDict):
    color: str


class Painted(TypedDict):
    layers: int


async def paint(job: Job[Paint, Painted], token: str) -> Painted:
    assert_type(job.data, Paint)
    return {"layers": len(job.data["color"])}


def paint_in_a_thread(job: Job[Paint, Painted], token: str, signal: AbortSignal) -> Painted:
    return {"layers": len(job.data["color"])}


async def test_a_queue_knows_what_its_jobs_carry_and_give() -> None:
    async with Queue[Paint, Painted]("paint") as queue:
        job = await queue.add("car", {"color": "red"}, {"attempts": 3})
        assert_type(job, Job[Paint, Painted])
        assert_type(job.data["color"], str)
        stored = await queue.getJob(job.id)
        assert_type(stored, Job[Paint, Painted] | None)
        assert_type(await queue.getWaiting(), list[Job[Paint, Painted]])
        assert stored is not None
        assert_type(stored.returnvalue, Painted | None)
        assert stored.data == {"color": "red"}


async def test_a_queue_without_parameters_takes_anything() -> None:
    async with Queue("paint") as queue:
        assert_type(queue, Queue[Any, Any])
        job = await queue.add("car", 7)
        assert_type(job.data, Any)
        assert job.data == 7


async def test_a_worker_takes_its_types_from_its_processor() -> None:
    done: asyncio.Queue[Job[Paint, Painted]] = asyncio.Queue()
    options: WorkerOptions = {"concurrency": 2, "limiter": {"max": 10, "duration": 1000}}
    async with Queue[Paint, Painted]("paint") as queue, Worker("paint", paint, options) as worker:
        assert_type(worker, Worker[Paint, Painted])
        worker.on("completed", lambda job, _: done.put_nowait(job))
        await queue.add("car", {"color": "red"})
        job = await asyncio.wait_for(done.get(), 10)
        assert job.returnvalue == {"layers": 3}


async def test_a_plain_processor_gives_the_same_types() -> None:
    async with Worker("paint", paint_in_a_thread, {"autorun": False}) as worker:
        assert_type(worker, Worker[Paint, Painted])
        assert worker.isRunning() is False


async def test_answers_have_shapes() -> None:
    async with Queue("paint") as queue:
        assert_type(await queue.getJobCounts(), dict[str, int])
        assert_type(await queue.getJobLogs("1"), JobLogs)
        assert_type(await queue.getMetrics("completed"), Metrics)
        assert_type(await queue.getGlobalRateLimit(), RateLimit | None)
        assert_type(await queue.getWorkers(), list[WorkerInfo])
        assert await queue.count() == 0


async def test_options_may_be_kept_in_a_typed_variable() -> None:
    options: JobOptions = {"delay": 60_000, "backoff": {"type": "fixed", "delay": 10}}
    async with Queue("paint") as queue:
        job = await queue.add("car", {}, options)
        assert await job.getState() == "delayed"


async def test_every_option_of_a_connection_has_a_type() -> None:
    where: ConnectionOptions = {"url": "nats://localhost:4222", "name": "painter"}
    options: QueueBaseOptions = {"connection": {**where, "connect_timeout": 0.5, "tls_ca": "ca"}}
    assert options["connection"]
    with pytest.raises(ConfigurationError) as refused:
        Queue("paint", {"connection": {"url": "nats://localhost:4222", "pasword": "…"}})
    known = str(refused.value).partition("known are ")[2]
    assert set(re.findall(r"\w+", known)) - {"and"} == ConnectionOptions.__optional_keys__ - {"url"}


def test_options_that_mean_something_to_redis_alone_have_types_as_well() -> None:
    base: QueueBaseOptions = {"skipVersionCheck": True, "skipWaitingForReady": True}
    worker: WorkerOptions = {"skipVersionCheck": True, "skipWaitingForReady": True}
    events: QueueEventsOptions = {"skipVersionCheck": True}
    producer: QueueEventsProducerOptions = {"skipVersionCheck": True}
    assert base.keys() <= QueueBaseOptions.__optional_keys__
    assert worker.keys() <= WorkerOptions.__optional_keys__
    assert events.keys() <= QueueEventsOptions.__optional_keys__
    assert producer.keys() <= QueueEventsProducerOptions.__optional_keys__


async def test_wrong_data_is_found_by_the_type_checker() -> None:
    async with Queue[Paint, Painted]("paint") as queue:
        await queue.add("car", {"colour": "red"})  # type: ignore[typeddict-item]
        await queue.getMetrics("running")  # type: ignore[arg-type]


async def test_a_flow_comes_back_as_a_tree_of_jobs() -> None:
    producer = FlowProducer()
    child: FlowJob = {"name": "coat", "queueName": "paint", "opts": {"attempts": 2}}
    tree = await producer.add({"name": "car", "queueName": "paint", "children": [child]})
    assert_type(tree, JobNode)
    await producer.close()
    assert_type(tree["job"], Job[Any, Any])
    assert [node["job"].name for node in tree["children"]] == ["coat"]


async def test_errors_that_the_documentation_names_stand_beside_the_classes() -> None:
    async with Queue("paint") as queue:
        with pytest.raises(JobError) as refused:
            await queue.add("coat", {}, {"parent": {"id": "gone", "queue": queue.qualifiedName}})
        assert_type(refused.value.code, int)
        assert refused.value.code == -5
    named = {"AckTimeout", "ConfigurationError", "FlowError", "JobError", "ServerUnavailable"}
    assert named <= set(jetbull.__all__) <= set(dir(jetbull))


async def test_a_scheduler_is_shown_with_its_fields() -> None:
    async with Queue("paint") as queue:
        job = await queue.upsertJobScheduler("daily", {"every": 86_400_000})
        assert job is not None
        assert_type(job.timestamp, int)
        shown = await queue.getJobScheduler("daily")
        assert_type(shown, JobSchedulerJson | None)
        assert shown is not None
        assert_type(shown["next"], int)
        assert shown["every"] == 86_400_000
