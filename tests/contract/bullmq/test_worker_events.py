"""What a worker tells its listeners, with exactly which arguments."""

from __future__ import annotations

from typing import Any

from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard, Story
from tests.contract.bullmq.situations import added


async def done(job: Any, token: str) -> dict[str, int]:
    return {"pages": 3}


async def fail(job: Any, token: str) -> None:
    raise ValueError("paper jam")


async def test_active_tells_the_job_and_where_it_came_from(make: Makers, queue: Any) -> None:
    job = await queue.add("job", {})
    args = await Heard(make.worker(queue, done), "active").once()
    assert len(args) == 2
    assert (args[0].id, args[1]) == (job.id, "waiting")


async def test_active_comes_before_the_processor(make: Makers, queue: Any) -> None:
    order: list[str] = []

    async def process(job: Any, token: str) -> None:
        order.append("processor")

    await queue.add("job", {})
    worker = make.worker(queue, process)
    worker.on("active", lambda job, prev: order.append("active"))
    worker.on("completed", lambda job, result: order.append("completed"))
    await Heard(worker, "completed").once()
    assert order == ["active", "processor", "completed"]


async def test_completed_tells_the_job_and_its_result(make: Makers, queue: Any) -> None:
    job = await queue.add("job", {})
    args = await Heard(make.worker(queue, done), "completed").once()
    assert len(args) == 2
    assert (args[0].id, args[1]) == (job.id, {"pages": 3})
    assert (args[0].returnvalue, args[0].attemptsMade) == ({"pages": 3}, 1)


async def test_the_state_is_stored_before_completed_is_told(make: Makers, queue: Any) -> None:
    await queue.add("job", {})
    job, _ = await Heard(make.worker(queue, done), "completed").once()
    assert await job.getState() == "completed"


async def test_failed_tells_the_job_and_its_error(make: Makers, queue: Any) -> None:
    job = await queue.add("job", {})
    args = await Heard(make.worker(queue, fail), "failed").once()
    assert len(args) == 2
    assert (args[0].id, str(args[1])) == (job.id, "paper jam")
    assert isinstance(args[1], ValueError)
    assert (args[0].failedReason, args[0].attemptsMade) == ("paper jam", 1)


async def test_the_state_is_stored_before_failed_is_told(make: Makers, queue: Any) -> None:
    await queue.add("job", {})
    job, _ = await Heard(make.worker(queue, fail), "failed").once()
    assert await job.getState() == "failed"


async def test_closed_tells_nothing_more(make: Makers, queue: Any) -> None:
    worker = make.worker(queue, done)
    closed = Heard(worker, "closed")
    await worker.close()
    assert closed.calls == [()]
    assert worker.closed is True


async def test_an_error_while_a_failure_is_stored_is_told_with_the_job(
    make: Makers, queue: Any
) -> None:
    async def process(job: Any, token: str) -> None:
        await queue.obliterate(force=True)
        raise ValueError("never stored")

    job = await queue.add("job", {})
    error, subject = await Heard(make.worker(queue, process), "error").once()
    assert str(error) == f"Missing lock for job {job.id}. moveToFinished" or str(error) == (
        f"Missing key for job {job.id}. moveToFinished"
    )
    assert subject.id == job.id


async def test_every_listener_of_an_event_is_called(make: Makers, queue: Any) -> None:
    await queue.add("job", {})
    worker = make.worker(queue, done)
    first, second = Heard(worker, "completed"), Heard(worker, "completed")
    await first.once()
    assert len(second.calls) == 1


async def test_a_worker_tells_its_own_emit_everything_though_nobody_listens(
    make: Makers, queue: Any
) -> None:
    told: list[tuple[str, str, int]] = []

    class Telling(make.backend.Worker):  # type: ignore[name-defined, misc]
        def emit(self, event: str, *args: Any, **more: Any) -> None:
            if event in ("active", "completed", "failed"):
                told.append((event, args[0].id, len(args)))
            super().emit(event, *args, **more)

    async def process(job: Any, token: str) -> None:
        if job.id == "2":
            raise ValueError("paper jam")

    story = Story(make.events(queue))
    await added(queue, 2)
    worker = Telling(queue.name, process, make.options({**make.backend.worker_defaults}))
    make.backend.prepare_worker(worker)
    try:
        await story.until("failed", jobId="2")
    finally:
        await worker.close()
    assert told == [
        ("active", "1", 2),
        ("completed", "1", 2),
        ("active", "2", 2),
        ("failed", "2", 2),
    ]


async def test_a_listener_that_was_taken_off_is_not_called(make: Makers, queue: Any) -> None:
    calls: list[str] = []

    def listener(job: Any, result: Any) -> None:
        calls.append(job.id)

    worker = make.worker(queue, done)
    worker.on("completed", listener)
    worker.off("completed", listener)
    completed = Heard(worker, "completed")
    await queue.add("job", {})
    await completed.once()
    assert calls == []


async def test_each_worker_tells_only_its_own_jobs(make: Makers, queue: Any) -> None:
    busy = make.worker(queue, done)
    idle = make.worker(make.queue(), done)
    heard, silent = Heard(busy, "completed"), Heard(idle, "completed")
    await queue.add("job", {})
    await heard.once()
    assert silent.calls == []
