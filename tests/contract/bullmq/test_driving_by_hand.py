"""The steps of a worker's loop, for callers that take them one by one."""

from __future__ import annotations

import asyncio
import errno
import time
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import PATIENCE, Heard


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("refused"),
        ConnectionResetError("reset"),
        TimeoutError(),
        OSError(errno.EPIPE, "gone"),
        OSError("Multiple exceptions: [Errno 111] Connect call failed"),
        OSError("Network is unreachable"),
    ],
    ids=repr,
)
async def test_an_absent_server_is_a_connection_error(
    make: Makers, queue: Any, error: Exception
) -> None:
    assert make.worker(queue).isConnectionError(error)


@pytest.mark.parametrize("error", [ValueError("bug"), OSError("No space left on device")], ids=repr)
async def test_other_errors_are_none(make: Makers, queue: Any, error: Exception) -> None:
    assert not make.worker(queue).isConnectionError(error)


async def test_a_step_is_repeated_until_the_server_is_back(make: Makers, queue: Any) -> None:
    calls = 0

    async def step() -> str:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise ConnectionResetError("away")
        return "done"

    worker = make.worker(queue)
    assert await worker.retryIfFailed(step, {"delay_in_ms": 1}) == "done"


async def test_a_step_is_not_repeated_for_ever_if_told_so(make: Makers, queue: Any) -> None:
    async def step() -> None:
        raise ConnectionResetError("away")

    with pytest.raises(ConnectionResetError):
        await make.worker(queue).retryIfFailed(step, {"delay_in_ms": 1, "max_retries": 2})


async def test_another_error_is_told_and_raised(make: Makers, queue: Any) -> None:
    async def step() -> None:
        raise ValueError("bug")

    worker = make.worker(queue)
    errors = Heard(worker, "error")
    with pytest.raises(ValueError, match="bug"):
        await worker.retryIfFailed(step)
    assert str((await errors.once())[0]) == "bug"


async def test_another_error_may_only_be_told(make: Makers, queue: Any) -> None:
    async def step() -> None:
        raise ValueError("bug")

    worker = make.worker(queue)
    errors = Heard(worker, "error")
    assert await worker.retryIfFailed(step, {"only_emit_error": True}) is None
    assert len(errors.calls) == 1


async def test_waiting_for_a_job_ends_when_one_comes(make: Makers, queue: Any) -> None:
    worker = make.worker(queue, drainDelay=10)
    await queue.waitUntilReady() if hasattr(queue, "waitUntilReady") else None
    waiting = asyncio.ensure_future(worker.waitForJob())
    await asyncio.sleep(0.2)  # until it waits
    await queue.add("job", {})
    async with asyncio.timeout(5):
        assert await waiting == 0


async def test_waiting_for_a_job_ends_after_the_drain_delay(make: Makers, queue: Any) -> None:
    began = time.monotonic()
    assert await make.worker(queue, drainDelay=1).waitForJob() == 0
    assert time.monotonic() - began >= 0.9


async def test_waiting_does_not_swallow_errors_of_the_backend(make: Makers, queue: Any) -> None:
    worker = make.worker(queue)

    async def broken(_: float) -> None:
        raise ValueError("bug")

    worker.backend.waitForJob = broken
    with pytest.raises(ValueError, match="bug"):
        await worker.waitForJob()


async def test_cancelling_the_wait_of_an_idle_worker_ends_its_run(make: Makers, queue: Any) -> None:
    worker = make.worker(queue, _nothing, autorun=False)
    running = asyncio.ensure_future(worker.run())
    async with asyncio.timeout(PATIENCE):
        while worker.waiting is None:
            await asyncio.sleep(0.01)
        worker.waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert (worker.running, worker.closed) == (False, False)


async def test_a_worker_with_a_running_job_does_not_wait_for_one(make: Makers, queue: Any) -> None:
    seen: list[Any] = []

    async def process(job: Any, token: str) -> None:
        seen.append(worker.waiting)

    worker = make.worker(queue, process)
    completed = Heard(worker, "completed")
    await queue.add("job", {})
    await completed.once()
    assert seen == [None]


async def test_the_backend_extends_the_locks_of_jobs_held_by_their_tokens(
    make: Makers, queue: Any
) -> None:
    worker = make.worker(queue)
    jobs = [await queue.add("job", {}) for _ in range(3)]
    for job in jobs[:2]:
        assert (await worker.getNextJob("mine")).id == job.id
    held, taken, waiting = (job.id for job in jobs)
    ids = [taken, held, waiting, "unknown"]
    tokens = ["of another", "mine", "mine", "mine"]
    assert await worker.backend.extendLocks(ids, tokens, 30_000) == [taken, waiting, "unknown"]


async def test_a_worker_renews_the_locks_of_the_jobs_it_was_given_to_hold(
    make: Makers, queue: Any
) -> None:
    await queue.add("job", {})
    worker = make.worker(queue, lockDuration=7000)
    extend, asked = worker.backend.extendLocks, []

    async def extending(*args: Any) -> Any:
        asked.append((*args, await extend(*args)))
        return asked[-1][-1]

    worker.backend.extendLocks = extending
    job = await worker.getNextJob("mine")
    worker.jobs.add((job, "mine"))
    await worker.extendLocks()
    assert asked == [([job.id], ["mine"], 7000, [])]
    await job.moveToCompleted("done", "mine")
    assert await job.getState() == "completed"


@pytest.mark.parametrize(
    ("options", "expected"), [({"drainDelay": 5}, 5), ({"drainDelay": 0.00001}, 0.001)]
)
async def test_without_a_known_time_a_worker_waits_for_its_drain_delay(
    make: Makers, queue: Any, options: dict[str, Any], expected: float
) -> None:
    assert make.worker(queue, **options).getBlockTimeout(0) == expected


async def test_a_worker_waits_until_a_known_time_and_ten_seconds_at_the_most(
    make: Makers, queue: Any
) -> None:
    worker = make.worker(queue)
    now = int(time.time() * 1000)
    assert worker.getBlockTimeout(now - 1000) == worker.minimumBlockTimeout == 0.001
    assert 4 < worker.getBlockTimeout(now + 5000) <= 5
    assert worker.getBlockTimeout(now + 60_000) == worker.maximumBlockTimeout == 10


async def test_a_lock_extended_through_the_backend_is_still_its_holders(
    make: Makers, queue: Any
) -> None:
    await queue.add("job", {})
    job = await make.worker(queue).getNextJob("mine")
    assert await queue.backend.extendLocks([job.id], ["mine"], 30_000) == []
    await job.moveToCompleted("done", "mine")
    assert await job.getState() == "completed"


async def test_a_step_of_a_loop_takes_a_job_without_a_word(make: Makers, queue: Any) -> None:
    worker = make.worker(queue)
    heard = Heard(worker, "active")
    assert await worker.moveToActive("token") is None
    added = await queue.add("job", {"n": 1})
    job = await worker.moveToActive("token")
    assert (job.id, job.data, job.token, job.attemptsStarted) == (added.id, {"n": 1}, "token", 1)
    assert await job.isActive()
    assert heard.calls == []
    await job.moveToCompleted("done", "token")
    assert await job.isCompleted()


async def _nothing(job: Any, token: str) -> None:
    """A processor that does nothing."""
