"""Worker.cancelJob and cancelAllJobs, and the signal a processor may ask for."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import Gate
from tests.contract.bullmq.signals import PATIENCE, Heard


async def until_cancelled(job: Any, token: str, signal: Any) -> None:
    await asyncio.wait_for(signal.wait(), PATIENCE)
    signal.throw_if_aborted()


async def running(make: Makers, queue: Any, process: Any, count: int = 1, **options: Any) -> Any:
    """A worker in whose processor `count` jobs have begun."""
    begun = asyncio.Semaphore(0)

    async def noticed(job: Any, token: str, signal: Any) -> Any:
        begun.release()
        return await process(job, token, signal)

    await queue.addBulk([{"name": "job", "data": {}} for _ in range(count)])
    worker = make.worker(queue, noticed, concurrency=count, **options)
    for _ in range(count):
        await asyncio.wait_for(begun.acquire(), PATIENCE)
    return worker


async def test_a_cancelled_job_sees_its_signal_and_the_reason(make: Makers, queue: Any) -> None:
    seen: list[tuple[bool, str | None]] = []

    async def process(job: Any, token: str, signal: Any) -> str:
        await asyncio.wait_for(signal.wait(), PATIENCE)
        seen.append((signal.aborted, signal.reason))
        return "stopped in time"

    worker = await running(make, queue, process)
    assert worker.cancelJob("1", "not needed any more") is True
    _, result = await Heard(worker, "completed").once()
    assert (seen, result) == ([(True, "not needed any more")], "stopped in time")


async def test_a_job_that_raises_its_signal_fails_with_the_reason(make: Makers, queue: Any) -> None:
    worker = await running(make, queue, until_cancelled)
    worker.cancelJob("1", "too slow")
    job, error = await Heard(worker, "failed").once()
    assert isinstance(error, make.backend.AbortError)
    assert (str(error), error.reason) == ("too slow", "too slow")
    assert (await queue.getJob(job.id)).failedReason == "too slow"


async def test_without_a_reason_the_error_has_a_text_of_its_own(make: Makers, queue: Any) -> None:
    worker = await running(make, queue, until_cancelled)
    worker.cancelJob("1")
    _, error = await Heard(worker, "failed").once()
    assert (str(error), error.reason) == ("The operation was aborted", None)


async def test_a_cancelled_job_with_tries_left_is_retried(make: Makers, queue: Any) -> None:
    begun = asyncio.Event()

    async def process(job: Any, token: str, signal: Any) -> str:
        if job.attemptsStarted == 1:
            begun.set()
            await until_cancelled(job, token, signal)
        return "done"

    await queue.add("job", {}, {"attempts": 2})
    worker = make.worker(queue, process)
    await asyncio.wait_for(begun.wait(), PATIENCE)
    assert worker.cancelJob("1", "again") is True
    job, result = await Heard(worker, "completed").once()
    assert (result, job.attemptsMade) == ("done", 2)


async def test_an_unknown_job_cannot_be_cancelled(make: Makers, queue: Any) -> None:
    assert make.worker(queue).cancelJob("unknown") is False


async def test_a_processor_without_a_signal_cannot_be_cancelled(make: Makers, queue: Any) -> None:
    gate = Gate()
    await queue.add("job", {})
    worker = make.worker(queue, gate.process)
    completed = Heard(worker, "completed")
    await gate.holds(1)
    assert worker.cancelJob("1") is False
    gate.open()
    await completed.once()


async def test_a_finished_job_cannot_be_cancelled(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str, signal: Any) -> None:
        return None

    await queue.add("job", {})
    worker = make.worker(queue, process)
    await Heard(worker, "completed").once()
    await worker.pause()
    assert worker.cancelJob("1") is False


async def test_only_the_named_job_is_cancelled(make: Makers, queue: Any) -> None:
    worker = await running(make, queue, until_cancelled, 2)
    failed = Heard(worker, "failed")
    assert worker.cancelJob("2", "this one") is True
    job, _ = await failed.once()
    assert job.id == "2"
    assert await queue.getJobState("1") == "active"
    worker.cancelJob("1")
    await failed.times(2)


async def test_all_jobs_can_be_cancelled_at_once(make: Makers, queue: Any) -> None:
    worker = await running(make, queue, until_cancelled, 3)
    worker.cancelAllJobs("shutdown")
    calls = await Heard(worker, "failed").times(3)
    assert [str(error) for _, error in calls] == ["shutdown"] * 3


async def test_cancelling_twice_keeps_the_first_reason(make: Makers, queue: Any) -> None:
    worker = await running(make, queue, until_cancelled)
    worker.cancelJob("1", "first")
    worker.cancelJob("1", "second")
    _, error = await Heard(worker, "failed").once()
    assert str(error) == "first"


async def test_a_processor_with_any_number_of_arguments_gets_the_signal(
    make: Makers, queue: Any
) -> None:
    async def process(*args: Any) -> int:
        return len(args)

    await queue.add("job", {})
    _, result = await Heard(make.worker(queue, process), "completed").once()
    assert result == 3


async def test_a_processor_with_keywords_only_gets_no_signal(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str, **more: Any) -> int:
        return len(more)

    await queue.add("job", {})
    _, result = await Heard(make.worker(queue, process), "completed").once()
    assert result == 0


async def test_a_method_that_takes_a_signal_gets_it(make: Makers, queue: Any) -> None:
    class Painter:
        async def paint(self, job: Any, token: str, signal: Any) -> bool:
            return bool(signal.aborted)

    await queue.add("job", {})
    _, result = await Heard(make.worker(queue, Painter().paint), "completed").once()
    assert result is False
