"""Job.stacktrace: one entry per failed try, as many as stackTraceLimit allows."""

from __future__ import annotations

from typing import Any

from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard


async def fail_by_number(job: Any, token: str) -> None:
    raise ValueError(f"failure {job.attemptsStarted}")


async def traces(make: Makers, queue: Any, tries: int, **options: Any) -> list[str]:
    job = await queue.add("job", {}, {"attempts": tries, **options})
    await Heard(make.worker(queue, fail_by_number), "failed").times(tries)
    stored: list[str] = (await queue.getJob(job.id)).stacktrace
    return stored


async def test_a_failed_job_holds_its_traceback(make: Makers, queue: Any) -> None:
    [trace] = await traces(make, queue, 1)
    assert trace.startswith("Traceback (most recent call last)")
    assert "fail_by_number" in trace
    assert trace.rstrip().endswith("ValueError: failure 1")


async def test_every_failed_try_adds_a_trace(make: Makers, queue: Any) -> None:
    stored = await traces(make, queue, 3)
    assert [trace.rstrip().rpartition("failure ")[2] for trace in stored] == ["1", "2", "3"]


async def test_a_limit_keeps_the_newest_traces(make: Makers, queue: Any) -> None:
    stored = await traces(make, queue, 4, stackTraceLimit=2)
    assert [trace.rstrip().rpartition("failure ")[2] for trace in stored] == ["3", "4"]


async def test_a_limit_of_0_keeps_none(make: Makers, queue: Any) -> None:
    assert await traces(make, queue, 2, stackTraceLimit=0) == []


async def test_a_limit_of_1_keeps_the_last(make: Makers, queue: Any) -> None:
    [trace] = await traces(make, queue, 3, stackTraceLimit=1)
    assert "failure 3" in trace


async def test_traces_are_stored_between_tries(make: Makers, queue: Any) -> None:
    job = await queue.add("job", {}, {"attempts": 2, "backoff": 60_000})
    await Heard(make.worker(queue, fail_by_number), "failed").once()
    assert len((await queue.getJob(job.id)).stacktrace) == 1


async def test_a_job_that_succeeds_later_keeps_the_traces_of_its_failures(
    make: Makers, queue: Any
) -> None:
    async def process(job: Any, token: str) -> None:
        if job.attemptsMade == 0:
            raise ValueError("first")

    job = await queue.add("job", {}, {"attempts": 2})
    await Heard(make.worker(queue, process), "completed").once()
    [trace] = (await queue.getJob(job.id)).stacktrace
    assert "ValueError: first" in trace
