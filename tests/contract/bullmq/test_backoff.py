"""The pause between two tries."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import fail
from tests.contract.bullmq.signals import Heard, Story


async def test_without_backoff_a_job_is_retried_at_once(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    await queue.add("job", {}, {"attempts": 3})
    make.worker(queue, fail)
    await story.until("failed")
    assert story.told("delayed") == []


async def test_a_job_that_backs_off_is_delayed(make: Makers, queue: Any) -> None:
    job = await queue.add("job", {}, {"attempts": 2, "backoff": 60_000})
    failed, _ = await Heard(make.worker(queue, fail), "failed").once()
    assert await job.getState() == "delayed"
    assert failed.delay == 60_000
    assert (await queue.getJob(job.id)).delay == 60_000


async def test_a_number_is_a_fixed_pause(make: Makers, queue: Any) -> None:
    job = await queue.add("job", {}, {"attempts": 3, "backoff": 60})
    worker = make.worker(queue, fail)
    begins: list[int] = []
    worker.on("active", lambda job, prev: begins.append(job.processedOn))
    await Heard(worker, "failed").times(3)
    assert all(later - earlier >= 60 for earlier, later in itertools.pairwise(begins))
    assert begins[-1] - begins[0] < 1_500
    assert await job.getState() == "failed"


async def test_a_fixed_backoff_may_be_spelt_out(make: Makers, queue: Any) -> None:
    await queue.add("job", {}, {"attempts": 3, "backoff": {"type": "fixed", "delay": 60_000}})
    failed, _ = await Heard(make.worker(queue, fail), "failed").once()
    assert failed.delay == 60_000


async def test_an_exponential_pause_doubles_with_every_try(make: Makers, queue: Any) -> None:
    backoff = {"type": "exponential", "delay": 20}
    await queue.add("job", {}, {"attempts": 4, "backoff": backoff})
    calls = await Heard(make.worker(queue, fail), "failed").times(4)
    delays = [job.delay for job, _ in calls[:3]]
    assert delays == [20, 40, 80]


async def test_a_backed_off_job_is_told_as_delayed_until_its_due_time(
    make: Makers, queue: Any
) -> None:
    story = Story(make.events(queue))
    job = await queue.add("job", {}, {"attempts": 2, "backoff": 50})
    worker = make.worker(queue, fail)
    failed, _ = await Heard(worker, "failed").once()
    told = await story.until("delayed")
    assert set(told) == {"jobId", "delay"}
    assert int(told["delay"]) >= failed.processedOn + 50
    await story.until("retries-exhausted")
    assert story.names(job.id) == [
        *("added", "waiting", "active"),
        *("delayed", "waiting", "active"),
        *("failed", "retries-exhausted"),
    ]
    assert story.told("waiting")[1] == {"jobId": job.id, "prev": "delayed"}


async def test_a_custom_strategy_gets_the_try_the_type_the_error_and_the_job(
    make: Makers, queue: Any
) -> None:
    asked: list[tuple[int, str, str, str]] = []

    def strategy(attempts_made: int, kind: str, error: Exception, job: Any) -> int:
        asked.append((attempts_made, kind, str(error), job.id))
        return 10

    job = await queue.add("job", {}, {"attempts": 3, "backoff": {"type": "mine", "delay": 1}})
    worker = make.worker(queue, fail, settings={"backoffStrategy": strategy})
    await Heard(worker, "failed").times(3)
    assert asked == [(1, "mine", "no", job.id), (2, "mine", "no", job.id)]


async def test_the_answer_of_a_custom_strategy_is_the_pause_in_ms(make: Makers, queue: Any) -> None:
    def strategy(attempts_made: int, kind: str, error: Exception, job: Any) -> int:
        return attempts_made * 30_000

    await queue.add("job", {}, {"attempts": 3, "backoff": {"type": "mine"}})
    worker = make.worker(queue, fail, settings={"backoffStrategy": strategy})
    failed, _ = await Heard(worker, "failed").once()
    assert failed.delay == 30_000


@pytest.mark.parametrize("answer", [0, None])
async def test_a_custom_strategy_that_answers_0_or_nothing_retries_at_once(
    make: Makers, queue: Any, answer: int | None
) -> None:
    def strategy(attempts_made: int, kind: str, error: Exception, job: Any) -> int | None:
        return answer

    story = Story(make.events(queue))
    await queue.add("job", {}, {"attempts": 3, "backoff": {"type": "mine"}})
    make.worker(queue, fail, settings={"backoffStrategy": strategy})
    assert (await story.until("retries-exhausted"))["attemptsMade"] == "3"
    assert story.told("delayed") == []


async def test_a_custom_strategy_that_answers_minus_1_gives_up(make: Makers, queue: Any) -> None:
    def strategy(attempts_made: int, kind: str, error: Exception, job: Any) -> int:
        return -1

    job = await queue.add("job", {}, {"attempts": 10, "backoff": {"type": "mine"}})
    worker = make.worker(queue, fail, settings={"backoffStrategy": strategy})
    await Heard(worker, "failed").once()
    assert await job.getState() == "failed"
    assert (await queue.getJob(job.id)).attemptsMade == 1


async def test_a_custom_strategy_does_not_replace_the_built_in_ones(
    make: Makers, queue: Any
) -> None:
    def strategy(attempts_made: int, kind: str, error: Exception, job: Any) -> int:
        return -1

    await queue.add("job", {}, {"attempts": 2, "backoff": {"type": "fixed", "delay": 60_000}})
    worker = make.worker(queue, fail, settings={"backoffStrategy": strategy})
    failed, _ = await Heard(worker, "failed").once()
    assert failed.delay == 60_000


async def test_an_unknown_strategy_is_an_error_of_the_worker(make: Makers, queue: Any) -> None:
    await queue.add("job", {}, {"attempts": 2, "backoff": {"type": "mine"}})
    error, job = await Heard(make.worker(queue, fail), "error").once()
    assert str(error) == (
        "Unknown backoff strategy mine. "
        "If a custom backoff strategy is used, specify it when the queue is created."
    )
    assert job.opts["backoff"] == {"type": "mine"}


async def test_a_backoff_of_0_ms_retries_at_once(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    await queue.add("job", {}, {"attempts": 2, "backoff": {"type": "fixed", "delay": 0}})
    make.worker(queue, fail)
    await story.until("retries-exhausted")
    assert story.told("delayed") == []
