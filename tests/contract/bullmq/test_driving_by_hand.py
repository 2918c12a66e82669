"""The steps of the worker's loop and the backend, for callers that reach for them."""

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


async def test_the_client_is_also_that_of_the_backends_connection(queue: Any) -> None:
    await queue.add("job", {})
    assert await queue.backend.connection.conn.exists(queue.toKey("1")) == 1


async def test_the_client_of_a_queue_and_of_a_worker_says_that_the_server_is_there(
    make: Makers, queue: Any
) -> None:
    for made in (queue, make.worker(queue)):
        assert await made.client.ping() is True
        assert await made.redisConnection.conn.ping() is True


async def test_a_worker_may_be_given_the_client_of_its_queue_as_connection(
    make: Makers, queue: Any
) -> None:
    job = await queue.add("job", {})
    for client in (queue.client, queue.redisConnection.conn):
        worker = make.worker(queue, connection=client)
        assert await worker.client.exists(queue.toKey(job.id)) == 1


async def test_the_backend_gives_a_job_as_its_stored_texts(queue: Any) -> None:
    job = await queue.add("job", {"a": 1}, {"attempts": 2})
    stored = await queue.backend.getJobData(job.id)
    assert (stored["name"], stored["data"]) == ("job", '{"a":1}')


@pytest.mark.parametrize("size", [1, 300_000])
async def test_the_stored_texts_of_a_finished_job_make_the_same_job_again(
    make: Makers, queue: Any, size: int
) -> None:
    large = "x" * size
    job = await queue.add("job", large)
    taken = await make.worker(queue).getNextJob("mine")
    await taken.updateProgress({"p": large})
    await taken.moveToCompleted([large], "mine")
    stored = await queue.backend.getJobData(job.id)
    again = make.backend.Job.fromJSON(queue, stored, job.id)
    assert (again.data, again.progress, again.returnvalue) == (large, {"p": large}, [large])
    assert again.finishedOn == (await queue.getJob(job.id)).finishedOn > 0


async def test_a_job_of_a_scheduler_taken_over_makes_the_next_one(make: Makers, queue: Any) -> None:
    first = await queue.upsertJobScheduler("every", {"every": 60_000})
    worker = make.worker(queue)
    stored = await worker.backend.getJobData(first.id)
    job = await worker.nextJobFromJobData(stored, first.id, token="token")
    assert (job.id, job.token) == (first.id, "token")
    assert (await queue.getJobScheduler("every"))["iterationCount"] == 2


async def test_no_job_data_is_no_job(make: Makers, queue: Any) -> None:
    assert await make.worker(queue).nextJobFromJobData(None) is None


async def test_a_worker_has_the_schedulers_of_its_queue(make: Makers, queue: Any) -> None:
    worker = make.worker(queue)
    assert worker.jobScheduler is worker.jobScheduler
    assert worker.jobScheduler.queue is worker
    assert worker.jobScheduler.backend is worker.backend


async def test_the_client_counts_events(queue: Any) -> None:
    for _ in range(4):
        await queue.add("job", {})
    stream = queue.toKey("events")
    assert await queue.client.xlen(stream) == 8
    await queue.trimEvents(0)
    assert await queue.client.xlen(stream) == 0


async def test_the_client_names_the_keys_of_a_queue(queue: Any) -> None:
    await queue.add("plain", {})
    await queue.add("later", {}, {"delay": 60_000})
    names = await queue.client.keys(queue.toKey("*"))
    wanted = ("1", "2", "wait", "delayed", "id", "meta", "marker", "events")
    assert sorted(names) == sorted(queue.toKey(name) for name in wanted)


async def test_a_drained_queue_keeps_its_furniture(queue: Any) -> None:
    await queue.add("job", {}, {"priority": 3})
    await queue.drain()
    names = await queue.client.keys(queue.toKey("*"))
    wanted = ("id", "meta", "marker", "events", "pc")
    assert sorted(names) == sorted(queue.toKey(name) for name in wanted)


async def test_of_an_obliterated_queue_the_keys_of_waiting_parents_stay(
    make: Makers, queue: Any
) -> None:
    child = {"name": "child", "queueName": f"{queue.name}-children"}
    tree = {"name": "parent", "queueName": queue.name, "children": [child]}
    parent = (await make.flow_producer().add(tree))["job"]
    kept = (parent.id, f"{parent.id}:dependencies", "waiting-children")
    names = await queue.client.keys(queue.toKey("*"))
    wanted = (*kept, "id", "meta", "events")
    assert sorted(names) == sorted(queue.toKey(name) for name in wanted)
    await queue.obliterate()
    names = await queue.client.keys(queue.toKey("*"))
    assert sorted(names) == sorted(queue.toKey(name) for name in kept)


async def test_an_obliterated_queue_has_no_keys(queue: Any) -> None:
    await queue.add("job", {})
    await queue.obliterate()
    assert await queue.client.keys(queue.toKey("*")) == []


async def test_a_job_whose_key_is_deleted_is_passed_over(queue: Any) -> None:
    jobs = [await queue.add("job", n) for n in range(1, 6)]
    assert await queue.client.delete(queue.toKey(jobs[1].id), queue.toKey("unknown")) == 1
    found = await queue.getJobs(["waiting"], 0, 2, True)
    assert [job.data for job in found] == [1, 3, 4]
    assert await queue.getJob(jobs[1].id) is None


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


async def test_a_job_can_be_asked_by_the_name_of_a_set(queue: Any) -> None:
    waiting = await queue.add("job", {})
    later = await queue.add("job", {}, {"delay": 60_000})
    assert await waiting.isInList("wait")
    assert not await waiting.isInList("active")
    assert await later.isInZSet("delayed")
    assert not await later.isInZSet("failed")


async def _nothing(job: Any, token: str) -> None:
    """A processor that does nothing."""
