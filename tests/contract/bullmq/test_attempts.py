"""Tries: how many, what counts them, and when a job has failed for good."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.backends.backend import Backend
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard, Story


async def always_fail(job: Any, token: str) -> None:
    raise ValueError(f"try {job.attemptsStarted}")


async def test_a_job_without_attempts_is_tried_once(make: Makers, queue: Any) -> None:
    job = await queue.add("job", {})
    failed = Heard(make.worker(queue, always_fail), "failed")
    await failed.once()
    assert await job.getState() == "failed"
    assert (await queue.getJob(job.id)).attemptsMade == 1
    assert len(failed.calls) == 1


async def test_attempts_is_the_total_number_of_tries(make: Makers, queue: Any) -> None:
    job = await queue.add("job", {}, {"attempts": 3})
    failed = Heard(make.worker(queue, always_fail), "failed")
    await failed.times(3)
    assert await job.getState() == "failed"
    stored = await queue.getJob(job.id)
    assert (stored.attemptsMade, stored.attemptsStarted) == (3, 3)


async def test_a_job_may_succeed_on_a_later_try(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> str:
        if job.attemptsMade < 2:
            raise ValueError("not yet")
        return "done"

    await queue.add("job", {}, {"attempts": 5})
    job, result = await Heard(make.worker(queue, process), "completed").once()
    assert (result, job.attemptsMade) == ("done", 3)
    stored = await queue.getJob(job.id)
    assert (stored.returnvalue, stored.attemptsMade, stored.attemptsStarted) == ("done", 3, 3)


async def test_inside_the_first_try_nothing_is_made_and_one_is_started(
    make: Makers, queue: Any
) -> None:
    seen: list[tuple[int, int]] = []

    async def process(job: Any, token: str) -> None:
        seen.append((job.attemptsMade, job.attemptsStarted))
        raise ValueError("no")

    await queue.add("job", {}, {"attempts": 3})
    await Heard(make.worker(queue, process), "failed").times(3)
    assert seen == [(0, 1), (1, 2), (2, 3)]


async def test_the_failed_event_of_a_worker_comes_after_every_try(make: Makers, queue: Any) -> None:
    await queue.add("job", {}, {"attempts": 2})
    calls = await Heard(make.worker(queue, always_fail), "failed").times(2)
    assert [str(error) for _, error in calls] == ["try 1", "try 2"]
    assert [type(error) for _, error in calls] == [ValueError, ValueError]


async def test_the_failed_event_of_a_queue_comes_only_at_the_end(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    job = await queue.add("job", {}, {"attempts": 2})
    make.worker(queue, always_fail)
    payload = await story.until("failed")
    assert payload == {"jobId": job.id, "failedReason": "try 2", "prev": "active"}
    await story.until("retries-exhausted")
    assert len(story.told("failed")) == 1


async def test_exhausted_retries_are_told_with_their_number(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    job = await queue.add("job", {}, {"attempts": 2})
    make.worker(queue, always_fail)
    payload = await story.until("retries-exhausted")
    assert payload == {"jobId": job.id, "attemptsMade": "2"}


async def test_an_immediate_retry_is_told_as_waiting_from_active(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    job = await queue.add("job", {}, {"attempts": 2})
    make.worker(queue, always_fail)
    await story.until("retries-exhausted")
    assert story.names(job.id) == [
        *("added", "waiting", "active"),
        *("waiting", "active"),
        *("failed", "retries-exhausted"),
    ]
    assert story.told("waiting")[1] == {"jobId": job.id, "prev": "active"}


async def test_an_unrecoverable_error_ends_all_tries(make: Makers, queue: Any) -> None:
    unrecoverable = make.backend.UnrecoverableError

    async def process(job: Any, token: str) -> None:
        raise unrecoverable("hopeless")

    job = await queue.add("job", {}, {"attempts": 10})
    _, error = await Heard(make.worker(queue, process), "failed").once()
    assert isinstance(error, unrecoverable)
    assert await job.getState() == "failed"
    stored = await queue.getJob(job.id)
    assert (stored.failedReason, stored.attemptsMade) == ("hopeless", 1)


async def test_an_unrecoverable_error_does_not_exhaust_the_retries(
    make: Makers, queue: Any
) -> None:
    async def process(job: Any, token: str) -> None:
        raise make.backend.UnrecoverableError("hopeless")

    story = Story(make.events(queue))
    await queue.add("job", {}, {"attempts": 10})
    make.worker(queue, process)
    await story.until("drained")
    assert len(story.told("failed")) == 1
    assert story.told("retries-exhausted") == []


async def test_a_subclass_of_the_unrecoverable_error_counts_as_one(
    make: Makers, backend: Backend, queue: Any
) -> None:
    class Hopeless(backend.UnrecoverableError):  # type: ignore[misc, name-defined]
        pass

    async def process(job: Any, token: str) -> None:
        raise Hopeless("gone")

    job = await queue.add("job", {}, {"attempts": 10})
    await Heard(make.worker(queue, process), "failed").once()
    assert await job.getState() == "failed"


async def test_a_result_that_is_not_json_fails_the_job(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> object:
        return object()

    job = await queue.add("job", {})
    await Heard(make.worker(queue, process), "failed").once()
    stored = await queue.getJob(job.id)
    assert stored.failedReason == "Object of type object is not JSON serializable"
    assert await job.getState() == "failed"


@pytest.mark.parametrize("result", [None, 0, "", False, [1, {"a": None}], "text", 2**60, 1.5])
async def test_any_json_result_comes_back(make: Makers, queue: Any, result: Any) -> None:
    async def process(job: Any, token: str) -> Any:
        return result

    job = await queue.add("job", {})
    _, heard = await Heard(make.worker(queue, process), "completed").once()
    assert heard == result
    assert (await queue.getJob(job.id)).returnvalue == result


async def test_the_reason_of_a_failed_try_is_stored_while_the_job_waits_again(
    make: Makers, queue: Any
) -> None:
    job = await queue.add("job", {}, {"attempts": 2, "backoff": 60_000})
    await Heard(make.worker(queue, always_fail), "failed").once()
    stored = await queue.getJob(job.id)
    assert (stored.failedReason, stored.attemptsMade) == ("try 1", 1)


async def test_an_exception_without_text_gives_an_empty_reason(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> None:
        raise RuntimeError

    job = await queue.add("job", {})
    job_heard, error = await Heard(make.worker(queue, process), "failed").once()
    assert (job_heard.id, str(error)) == (job.id, "")
    assert not (await queue.getJob(job.id)).failedReason


async def test_a_processor_sees_the_reason_of_its_last_try(make: Makers, queue: Any) -> None:
    reasons: list[str | None] = []

    async def process(job: Any, token: str) -> None:
        reasons.append(job.failedReason)
        if len(reasons) < 3:
            raise ValueError(f"reason {len(reasons)}")

    await queue.add("job", {}, {"attempts": 3})
    await Heard(make.worker(queue, process), "completed").once()
    assert reasons == [None, "reason 1", "reason 2"]
