"""Options, methods and events of a Worker that only BullMQ for Node has."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import PATIENCE, Heard
from tests.contract.bullmq.situations import added


async def done(job: Any, token: str) -> str:
    return "done"


async def test_a_processor_may_be_a_plain_function_and_runs_in_a_thread(
    make: Makers, queue: Any
) -> None:
    def process(job: Any, token: str) -> bool:
        return threading.current_thread() is threading.main_thread()

    await added(queue, 1)
    _, in_main_thread = await Heard(make.worker(queue, process), "completed").once()
    assert in_main_thread is False


async def test_a_plain_function_may_fail(make: Makers, queue: Any) -> None:
    def process(job: Any, token: str) -> None:
        raise ValueError("paper jam")

    await added(queue, 1)
    _, error = await Heard(make.worker(queue, process), "failed").once()
    assert str(error) == "paper jam"


async def test_more_concurrency_gives_plain_functions_more_threads(
    make: Makers, queue: Any
) -> None:
    both = threading.Barrier(2, timeout=PATIENCE)

    def process(job: Any, token: str) -> None:
        both.wait()

    worker = make.worker(queue, process)
    worker.concurrency = 2
    await added(queue, 2)
    await Heard(worker, "completed").times(2)


@pytest.mark.parametrize("limit", [150, "150"])
async def test_a_rate_limited_job_goes_back_and_runs_later(
    make: Makers, queue: Any, limit: Any
) -> None:
    tries: list[tuple[int, int]] = []

    async def process(job: Any, token: str) -> None:
        tries.append((job.attemptsMade, job.attemptsStarted))
        if len(tries) == 1:
            await worker.rateLimit(limit)
            raise worker.RateLimitError()

    await added(queue, 1)
    worker = make.worker(queue, process, limiter={"max": 100, "duration": 1_000})
    failed = Heard(worker, "failed")
    began = time.monotonic()
    await Heard(worker, "completed").once()
    assert time.monotonic() - began >= 0.14
    assert (tries, failed.calls) == ([(0, 1), (0, 2)], [])


async def test_a_rate_limited_job_goes_before_its_equals_and_behind_what_is_more_urgent(
    make: Makers, queue: Any
) -> None:
    begun: list[str] = []

    async def process(job: Any, token: str) -> None:
        begun.append(job.name)
        if job.attemptsStarted == 1:
            if job.name == "w0":
                await queue.add("urgent", {}, {"priority": 1})
            await worker.rateLimit(50)
            raise worker.RateLimitError()

    await added(queue, 3, priority=2)
    worker = make.worker(queue, process, limiter={"max": 1, "duration": 10})
    await Heard(worker, "completed").times(4)
    assert begun == ["w0", "urgent", "urgent", "w0", "w1", "w1", "w2", "w2"]


async def test_a_job_that_went_back_to_wait_is_no_failure(make: Makers, queue: Any) -> None:
    module = __import__(make.backend.package)

    async def process(job: Any, token: str) -> str:
        if job.attemptsStarted == 1:
            await job.moveToWait(token)
            raise module.WaitingError
        return "second time"

    await added(queue, 1)
    worker = make.worker(queue, process)
    failed = Heard(worker, "failed")
    job, result = await Heard(worker, "completed").once()
    assert (result, job.attemptsMade, failed.calls) == ("second time", 1, [])


async def test_a_paused_worker_gives_no_job_to_who_does_not_wait(make: Makers, queue: Any) -> None:
    await added(queue, 1)
    worker = make.worker(queue)
    await worker.pause()
    assert await worker.getNextJob("token", {"block": False}) is None
    worker.resume()
    assert (await worker.getNextJob("token", {"block": False})).name == "w0"


async def test_a_worker_tells_whether_it_runs_or_is_paused(make: Makers, queue: Any) -> None:
    await added(queue, 1)
    worker = make.worker(queue, done)
    await Heard(worker, "completed").once()
    assert (worker.isRunning(), worker.isPaused()) == (True, False)
    seen: list[bool] = []
    worker.on("paused", lambda: seen.append(worker.isRunning()))
    await worker.pause()
    assert (worker.isRunning(), worker.isPaused(), seen) == (False, True, [False])
    worker.resume()
    assert (worker.isRunning(), worker.isPaused()) == (True, False)


async def test_a_worker_paused_without_waiting_for_its_jobs_runs_on(
    make: Makers, queue: Any
) -> None:
    begun, may_finish = asyncio.Event(), asyncio.Event()

    async def process(job: Any, token: str) -> None:
        begun.set()
        await asyncio.wait_for(may_finish.wait(), PATIENCE)

    await added(queue, 1)
    worker = make.worker(queue, process)
    await asyncio.wait_for(begun.wait(), PATIENCE)
    await worker.pause(True)
    assert (worker.isRunning(), worker.isPaused()) == (True, True)
    may_finish.set()


async def test_the_concurrency_of_a_running_worker_can_be_changed(make: Makers, queue: Any) -> None:
    inside, may_finish = asyncio.Semaphore(0), asyncio.Event()

    async def process(job: Any, token: str) -> None:
        inside.release()
        await asyncio.wait_for(may_finish.wait(), PATIENCE)

    await added(queue, 3)
    worker = make.worker(queue, process)
    await asyncio.wait_for(inside.acquire(), PATIENCE)
    worker.concurrency = 3
    assert worker.concurrency == 3
    for _ in range(2):
        await asyncio.wait_for(inside.acquire(), PATIENCE)
    may_finish.set()
    await Heard(worker, "completed").times(3)


@pytest.mark.parametrize("first", range(4))
async def test_whichever_jobs_end_first_no_other_begins_above_a_lowered_concurrency(
    make: Makers, queue: Any, first: int
) -> None:
    inside = asyncio.Semaphore(0)
    may_finish = [asyncio.Event() for _ in range(4)]
    running, met = set[str](), list[int]()

    async def process(job: Any, token: str) -> None:
        running.add(job.id)
        met.append(len(running))
        inside.release()
        if "number" in job.data:
            await asyncio.wait_for(may_finish[job.data["number"]].wait(), PATIENCE)
        running.remove(job.id)

    worker = make.worker(queue, process, concurrency=4)
    completed = Heard(worker, "completed")
    await queue.addBulk([{"name": "job", "data": {"number": number}} for number in range(4)])
    for _ in range(4):
        await asyncio.wait_for(inside.acquire(), PATIENCE)
    await queue.addBulk([{"name": "job", "data": {}} for _ in range(4)])
    worker.concurrency = 2
    for number in (first, *(other for other in range(4) if other != first)):
        may_finish[number].set()
        await completed.where(lambda job, _, number=number: job.data.get("number") == number)
    await completed.times(8)
    assert max(met[4:]) <= 2


@pytest.mark.parametrize("last", range(4))
async def test_concurrency_that_was_taken_back_and_given_again_is_all_there(
    make: Makers, queue: Any, last: int
) -> None:
    inside = asyncio.Semaphore(0)
    may_finish = [asyncio.Event() for _ in range(4)]
    together = asyncio.Barrier(3)

    async def process(job: Any, token: str) -> None:
        inside.release()
        if "number" in job.data:
            await asyncio.wait_for(may_finish[job.data["number"]].wait(), PATIENCE)
        else:
            await asyncio.wait_for(together.wait(), PATIENCE)

    worker = make.worker(queue, process, concurrency=4)
    completed = Heard(worker, "completed")
    await queue.addBulk([{"name": "job", "data": {"number": number}} for number in range(4)])
    for _ in range(4):
        await asyncio.wait_for(inside.acquire(), PATIENCE)
    worker.concurrency = 2
    for number in range(4):  # two of them end their slots, whichever they run in
        if number != last:
            may_finish[number].set()
            await completed.where(lambda job, _, number=number: job.data["number"] == number)
    worker.concurrency = 3
    may_finish[last].set()
    await completed.times(4)
    await queue.addBulk([{"name": "job", "data": {}} for _ in range(3)])
    await completed.times(7)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"maxStalledCount": -1}, "maxStalledCount must be greater or equal than 0"),
        ({"maxStartedAttempts": -1}, "maxStartedAttempts must be greater or equal than 0"),
        ({"stalledInterval": 0}, "stalledInterval must be greater than 0"),
        ({"drainDelay": 0}, "drainDelay must be greater than 0"),
        ({"concurrency": 0}, "concurrency must be a finite number greater than 0"),
        ({"concurrency": 0.5}, "concurrency must be a finite number greater than 0"),
        ({"concurrency": float("inf")}, "concurrency must be a finite number greater than 0"),
        ({"concurrency": "10"}, "concurrency must be a finite number greater than 0, not '10'"),
        ({"name": b"mailer"}, "name is a text, not b'mailer'"),
        ({"lockDuration": float("inf")}, "lockDuration must be a finite number greater than 0"),
        ({"lockDuration": "30000"}, "lockDuration must be a number, not '30000'"),
        ({"drainDelay": float("nan")}, "drainDelay must be a number, not nan"),
        ({"stalledInterval": "x"}, "stalledInterval must be a number, not 'x'"),
        ({"lockRenewTime": "1"}, "lockRenewTime must be a number, not '1'"),
        ({"limiter": {"max": "few"}}, "limiter must be {max, duration} in numbers, not "),
        ({"limiter": {"max": 5}}, "limiter needs a max of 1 or more and a duration in "),
        ({"limiter": {"duration": 1000}}, "limiter needs a max of 1 or more and a duration in "),
        ({"limiter": {"max": 0, "duration": 1000}}, "limiter needs a max of 1 or more and a "),
        ({"limiter": {"max": 5, "duration": -1}}, "limiter needs a max of 1 or more and a "),
        ({"settings": 5}, "settings is a dictionary, not 5"),
        (
            {"settings": {"backoffStrategy": "exponential"}},
            "settings.backoffStrategy is a function that gives milliseconds, not 'exponential'",
        ),
        ({"metrics": 5}, "metrics must be {maxDataPoints} in numbers, not 5"),
        ({"removeOnFail": "no"}, "removeOnComplete and removeOnFail take true, a number or"),
    ],
)
async def test_impossible_options_are_refused(
    make: Makers, queue: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        make.backend.Worker(queue.name, done, make.options(options))
    assert await queue.get_workers_count() == 0


async def test_an_option_that_is_none_is_one_that_was_not_given(make: Makers, queue: Any) -> None:
    names = ["lockDuration", "lockRenewTime", "drainDelay", "stalledInterval", "maxStalledCount"]
    nothing = dict.fromkeys([*names, "maxStartedAttempts"])
    worker = make.worker(queue, done, **nothing)
    assert worker.opts["drainDelay"] == 5
    await added(queue, 1)
    await Heard(worker, "completed").once()


async def test_a_limiter_without_a_maximum_limits_nothing(make: Makers, queue: Any) -> None:
    await added(queue, 3)
    worker = make.worker(queue, done, limiter={"max": None, "duration": 600_000})
    await Heard(worker, "completed").times(3)


async def test_a_miswritten_setting_of_a_worker_is_told(make: Makers, queue: Any) -> None:
    options = make.options({"settings": {"backoffStrategies": {"own": done}}, "autorun": False})
    with pytest.warns(UserWarning, match="did you mean 'backoffStrategy'"):
        worker = make.backend.Worker(queue.name, done, options)
    await worker.close()


async def test_a_file_name_is_no_processor(make: Makers, queue: Any) -> None:
    with pytest.raises(ValueError, match=r"^processor is '/tmp/processor\.js': give a function"):
        make.backend.Worker(queue.name, "/tmp/processor.js", make.options({}))


async def test_a_job_that_began_too_often_fails(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> None:
        await job.moveToDelayed(round(time.time() * 1000) + 10, token)
        raise make.backend.DelayedError

    await added(queue, 1)
    worker = make.worker(queue, process, maxStartedAttempts=2)
    _, error = await Heard(worker, "failed").once()
    assert str(error) == "job started more than allowable limit"
    assert await queue.getJobState("1") == "failed"


async def test_a_job_that_began_as_often_as_it_may_fails_with_its_own_error(
    make: Makers, queue: Any
) -> None:
    async def process(job: Any, token: str) -> None:
        raise ValueError(f"start {job.attemptsStarted}")

    [job] = await added(queue, 1, attempts=5)
    worker = make.worker(queue, process, maxStartedAttempts=2)
    await Heard(worker, "failed").times(2)
    stored = await queue.getJob(job.id)
    assert (await stored.getState(), stored.failedReason) == ("failed", "start 2")
    assert (stored.attemptsMade, stored.attemptsStarted) == (2, 2)


async def test_a_fetch_by_hand_need_not_wait(make: Makers, queue: Any) -> None:
    worker = make.worker(queue)
    assert await worker.getNextJob("t1", {"block": False}) is None
    began = time.monotonic()
    assert await worker.getNextJob("t2", {"block": False}) is None
    assert time.monotonic() - began < 2


async def test_a_processor_that_cancels_the_task_it_runs_in_does_not_end_its_worker(
    make: Makers, queue: Any
) -> None:
    async def process(job: Any, token: str) -> str:
        task = asyncio.current_task()
        if job.name == "w0" and task is not None:
            task.cancel()
            await asyncio.Event().wait()
        return "done"

    await added(queue, 2)
    job, _ = await Heard(make.worker(queue, process), "completed").once()
    assert job.name == "w1"


async def test_a_worker_tells_when_it_is_ready_and_when_it_closes(make: Makers, queue: Any) -> None:
    worker = make.worker(queue, done)
    ready, closing = Heard(worker, "ready"), Heard(worker, "closing")
    assert await ready.once() == ()
    await worker.close()
    assert len(closing.calls) == 1


async def test_a_worker_tells_when_nothing_is_left_to_do(make: Makers, queue: Any) -> None:
    await added(queue, 2)
    assert await Heard(make.worker(queue, done), "drained").once() == ()
    assert await queue.getCompletedCount() == 2


async def test_a_worker_tells_the_progress_of_its_jobs(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> None:
        await job.updateProgress({"page": 3})

    await added(queue, 1)
    job, progress = await Heard(make.worker(queue, process), "progress").once()
    assert (job.id, progress) == ("1", {"page": 3})


@pytest.mark.parametrize("keep", [float("inf"), {"age": float("inf")}, {"count": float("inf")}])
async def test_an_endless_number_or_age_keeps_all(make: Makers, queue: Any, keep: Any) -> None:
    completed = Heard(make.worker(queue, done, removeOnComplete=keep), "completed")
    await queue.add("job", {})
    await completed.times(1)
    assert await queue.getCompletedCount() == 1


async def test_a_fetch_by_hand_that_is_cancelled_holds_no_job(make: Makers, queue: Any) -> None:
    async def produce() -> None:
        for number in range(150):
            await queue.add("job", number)
            await asyncio.sleep(0.004)

    worker = make.worker(queue)
    assert await worker.getNextJob("token") is None
    given, patience = [], itertools.cycle((0.004, 0.007, 0.011, 0.02))
    producing = asyncio.ensure_future(produce())
    while not producing.done() or await queue.getWaitingCount():
        try:
            job = await asyncio.wait_for(worker.getNextJob("token"), next(patience))
        except TimeoutError:
            continue
        if job is not None:
            given.append(job.id)
    await worker.close()  # what is given back is so by now
    other = make.worker(queue)
    while job := await other.getNextJob("token", {"block": False}):
        given.append(job.id)
    assert sorted(given) == sorted([job.id for job in await queue.getActive()])
    assert len(given) == 150


async def test_closing_waits_for_a_job_run_by_hand_unless_it_is_by_force(
    make: Makers, queue: Any
) -> None:
    go, running = asyncio.Event(), asyncio.Event()

    async def process(job: Any, token: str) -> None:
        running.set()
        await go.wait()

    for force, state in ((False, "completed"), (True, "active")):
        go.clear()
        running.clear()
        worker = make.worker(queue, process, autorun=False)
        await added(queue, 1)
        job = await worker.getNextJob("mine")
        processing = asyncio.ensure_future(worker.processJob(job, "mine"))
        await running.wait()
        closing = asyncio.ensure_future(worker.close(force))
        if force:
            await asyncio.wait_for(closing, PATIENCE)
        else:
            await asyncio.wait([closing], timeout=0.1)
            assert not closing.done()
            go.set()
            await asyncio.wait_for(processing, PATIENCE)
            await asyncio.wait_for(closing, PATIENCE)
        assert await queue.getJobState(job.id) == state
        processing.cancel()


async def test_a_worker_is_listed_from_connecting_to_closing_whether_it_runs_or_not(
    make: Makers, queue: Any
) -> None:
    idle = make.worker(queue, done, autorun=False)
    assert await queue.get_workers_count() == 0
    await idle.waitUntilReady()
    assert await queue.get_workers_count() == 1
    running = asyncio.ensure_future(idle.run())
    await added(queue, 1)
    await Heard(idle, "completed").once()
    assert await queue.get_workers_count() == 1
    await idle.close()
    await running
    assert await queue.get_workers_count() == 0
