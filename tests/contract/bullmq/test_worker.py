"""The Worker itself: its attributes, options, run() and the forms of a processor."""

from __future__ import annotations

import asyncio
import copy
from contextvars import ContextVar
from functools import partial, wraps
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done
from tests.contract.bullmq.signals import PATIENCE, Heard


async def test_the_defaults_of_a_workers_options(make: Makers, queue: Any) -> None:
    worker = make.backend.Worker(queue.name, None, make.options({}))
    expected = {
        "drainDelay": 5,
        "concurrency": 1,
        "lockDuration": 30_000,
        "lockRenewTime": 15_000,
        "maxStalledCount": 1,
        "stalledInterval": 30_000,
        "runRetryDelay": 15_000,
    }
    assert worker.opts == {**expected, **make.options({})}
    await worker.close()


async def test_a_copy_of_a_workers_options_is_a_dictionary_of_its_own(
    make: Makers, queue: Any
) -> None:
    worker = make.worker(queue, concurrency=2)
    for copied in (copy.copy(worker.opts), copy.deepcopy(worker.opts), {**worker.opts}):
        assert copied == worker.opts
        copied["concurrency"] = 7
    assert worker.opts["concurrency"] == 2


async def test_locks_are_renewed_at_half_their_duration(make: Makers, queue: Any) -> None:
    worker = make.worker(queue, lockDuration=5_001)
    assert worker.opts["lockRenewTime"] == 2_500


async def test_the_attributes_of_a_worker_that_has_not_begun(make: Makers, queue: Any) -> None:
    worker = make.worker(queue, name="w1")
    assert (worker.name, worker.prefix) == (queue.name, make.prefix)
    assert worker.qualifiedName == queue.qualifiedName
    assert worker.workerName == "w1"
    assert (worker.running, worker.paused) == (False, False)
    assert (worker.closing, worker.closed) == (False, False)
    assert (worker.jobs, worker.processing) == (set(), set())


async def test_every_worker_has_an_id_of_its_own(make: Makers, queue: Any) -> None:
    first, second = make.worker(queue), make.worker(queue)
    assert first.id != second.id
    assert first.id and isinstance(first.id, str)


async def test_the_client_name_tells_queue_and_worker(make: Makers, queue: Any) -> None:
    named, unnamed = make.worker(queue, name="w1"), make.worker(queue)
    assert named.clientName == f"{queue.qualifiedName}:w:w1"
    assert unnamed.clientName == queue.qualifiedName


async def test_a_worker_runs_by_itself(make: Makers, queue: Any) -> None:
    job = await queue.add("job", {})
    finished, result = await Heard(worker := make.worker(queue, done), "completed").once()
    assert (finished.id, result) == (job.id, "done")
    assert worker.running is True


async def test_a_plain_function_may_return_an_awaitable(make: Makers, queue: Any) -> None:
    def a_coroutine(job: Any, token: str) -> Any:
        return done(job, token)

    def a_future(job: Any, token: str) -> Any:
        return asyncio.get_event_loop().run_in_executor(None, lambda: "done")

    def a_task_of_the_loop(job: Any, token: str) -> Any:
        return asyncio.get_running_loop().create_task(done(job, token))

    for process in (a_coroutine, a_future, a_task_of_the_loop):
        worker = make.worker(queue, process)
        for _ in range(2):
            await queue.add("job", {})
        outcomes = await Heard(worker, "completed").times(2)
        assert [result for _, result in outcomes] == ["done", "done"]
        await worker.close()


async def test_a_plain_function_that_returns_a_future_of_the_loop_runs_once_for_each_job(
    make: Makers, queue: Any
) -> None:
    begun: list[str] = []

    def ensured(job: Any, token: str) -> Any:
        begun.append(job.id)
        return asyncio.ensure_future(done(job, token))

    def created(job: Any, token: str) -> Any:
        begun.append(job.id)
        return asyncio.create_task(done(job, token))

    def of_its_own(job: Any, token: str) -> Any:
        begun.append(job.id)
        future = asyncio.get_running_loop().create_future()
        future.set_result("done")
        return future

    def several(worker: Any, job: Any, token: str) -> Any:
        begun.append(job.id)
        return asyncio.gather(done(job, token))

    @wraps(ensured)
    def wrapped(*args: Any) -> Any:
        return ensured(*args)

    for process in (ensured, created, of_its_own, partial(several, None), wrapped):
        begun.clear()
        worker = make.worker(queue, process)
        jobs = [await queue.add("job", {}) for _ in range(2)]
        await Heard(worker, "completed").times(2)
        assert begun == [job.id for job in jobs]
        await worker.close()


async def test_a_job_does_not_find_what_another_one_left_in_a_context_variable(
    make: Makers, queue: Any
) -> None:
    user: ContextVar[str] = ContextVar("user", default="nobody")

    async def process(job: Any, token: str) -> str:
        found = user.get()
        user.set(f"user {job.id}")
        return found

    await queue.addBulk([{"name": "job", "data": {}}] * 30)
    completed = Heard(make.worker(queue, process), "completed")
    assert {found for _, found in await completed.times(30)} == {"nobody"}


async def test_a_processor_finds_what_its_decorator_set_in_a_context_variable(
    make: Makers, queue: Any
) -> None:
    user: ContextVar[str] = ContextVar("user", default="nobody")

    async def process() -> str:
        return user.get()

    def decorated(job: Any, token: str) -> Any:
        user.set(f"user {job.id}")
        return process()

    await queue.addBulk([{"name": "job", "data": {}}] * 3)
    completed = Heard(make.worker(queue, decorated), "completed")
    assert [(job.id, found) for job, found in await completed.times(3)] == [
        ("1", "user 1"),
        ("2", "user 2"),
        ("3", "user 3"),
    ]


async def test_without_autorun_a_worker_waits_to_be_run(make: Makers, queue: Any) -> None:
    job = await queue.add("job", {})
    worker = make.worker(queue, done, autorun=False)
    completed = Heard(worker, "completed")
    assert worker.running is False
    running = asyncio.ensure_future(worker.run())
    assert (await completed.once())[0].id == job.id
    await worker.close()
    await asyncio.wait_for(running, PATIENCE)
    assert worker.running is False


async def test_a_worker_runs_once(make: Makers, queue: Any) -> None:
    await queue.add("job", {})
    worker = make.worker(queue, done)
    await Heard(worker, "completed").once()
    with pytest.raises(Exception, match=r"^Worker is already running$"):
        await worker.run()


async def test_a_processor_gets_the_job_and_the_token_that_holds_it(
    make: Makers, queue: Any
) -> None:
    seen: list[tuple[Any, str]] = []

    async def process(job: Any, token: str) -> None:
        seen.append((job, token))

    await queue.add("paint", {"n": 1})
    worker = make.worker(queue, process)
    await Heard(worker, "completed").once()
    [(job, token)] = seen
    assert (job.name, job.data) == ("paint", {"n": 1})
    assert job.token == token
    assert token.startswith(f"{worker.id}:")


async def test_every_job_is_held_with_a_token_of_its_own(make: Makers, queue: Any) -> None:
    tokens: list[str] = []

    async def process(job: Any, token: str) -> None:
        tokens.append(token)

    for _ in range(3):
        await queue.add("job", {})
    await Heard(make.worker(queue, process), "completed").times(3)
    assert len(set(tokens)) == 3


async def test_a_processor_may_be_a_method(make: Makers, queue: Any) -> None:
    class Painter:
        async def paint(self, job: Any, token: str) -> str:
            return "painted"

    await queue.add("job", {})
    _, result = await Heard(make.worker(queue, Painter().paint), "completed").once()
    assert result == "painted"


async def test_a_processor_may_be_replaced_while_its_worker_runs(make: Makers, queue: Any) -> None:
    async def other(job: Any, token: str) -> str:
        return "done otherwise"

    worker = make.worker(queue, done)
    completed = Heard(worker, "completed")
    await queue.add("job", {})
    await completed.once()
    worker.processor = other
    await queue.add("job", {})
    assert [result for _, result in await completed.times(2)] == ["done", "done otherwise"]
    assert worker.processor is other


async def test_a_processor_may_read_and_change_its_own_job(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> str:
        await job.updateProgress(50)
        await job.log("half way")
        return str(await job.getState())

    job = await queue.add("job", {})
    _, result = await Heard(make.worker(queue, process), "completed").once()
    assert result == "active"
    assert (await queue.getJob(job.id)).progress == 50


async def test_a_processor_may_add_jobs_to_its_own_queue(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> int:
        if job.data > 0:
            await queue.add("job", job.data - 1)
        return int(job.data)

    await queue.add("job", 3)
    calls = await Heard(make.worker(queue, process), "completed").times(4)
    assert [result for _, result in calls] == [3, 2, 1, 0]


async def test_a_workers_job_knows_the_worker_as_its_queue(make: Makers, queue: Any) -> None:
    await queue.add("job", {})
    job, _ = await Heard(worker := make.worker(queue, done), "completed").once()
    assert job.queue is worker
    assert job.queueQualifiedName == queue.qualifiedName


async def test_workers_share_the_jobs_of_their_queue(make: Makers, queue: Any) -> None:
    done_by: list[str] = []

    def processor(name: str) -> Any:
        async def process(job: Any, token: str) -> None:
            done_by.append(name)
            await asyncio.sleep(0.005)

        return process

    jobs = await queue.addBulk([{"name": "job", "data": {}} for _ in range(20)])
    first, second = (make.worker(queue, processor(name)) for name in ("a", "b"))
    calls = await Heard(first, "completed", second).times(20)
    assert set(done_by) == {"a", "b"}
    assert sorted(job.id for job, _ in calls) == sorted(job.id for job in jobs)


async def test_workers_on_a_queue_are_listed(make: Makers, queue: Any) -> None:
    await queue.add("job", {})
    named = make.worker(queue, done, name="w1")
    await Heard(named, "completed").once()
    workers = await queue.get_workers()
    assert workers
    assert {worker["name"] for worker in workers} == {queue.name}
    assert {worker["rawname"] for worker in workers} == {f"{queue.qualifiedName}:w:w1"}
    assert await queue.get_workers_count() == len(workers)


async def test_a_worker_that_is_driven_by_hand_is_listed_as_well(make: Makers, queue: Any) -> None:
    await queue.add("job", {})
    assert await make.worker(queue, name="w1").getNextJob("token")
    workers = await queue.get_workers()
    assert {worker["rawname"] for worker in workers} == {f"{queue.qualifiedName}:w:w1"}


async def test_a_queue_without_workers_lists_none(make: Makers, queue: Any) -> None:
    await queue.add("job", {})
    assert await queue.get_workers() == []
    assert await queue.get_workers_count() == 0


async def test_the_workers_of_other_queues_are_not_listed(make: Makers, queue: Any) -> None:
    other = make.queue(f"{queue.name}-longer")
    await other.add("job", {})
    await Heard(make.worker(other, done), "completed").once()
    assert await queue.get_workers() == []
