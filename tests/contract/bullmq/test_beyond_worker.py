"""Methods and events of a Worker that only BullMQ for Node has."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import Gate, done
from tests.contract.bullmq.signals import Heard
from tests.contract.bullmq.situations import added


async def test_a_plain_function_that_does_without_a_loop_runs_in_a_thread_though_it_asks_for_one(
    make: Makers, queue: Any
) -> None:
    def with_a_loop_of_its_own(job: Any, token: str) -> int:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(loop.create_task(asyncio.sleep(0)))
        loop.close()
        return threading.get_ident()

    def looks_first(job: Any, token: str) -> int:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return threading.get_ident()
        return 0

    for process in (with_a_loop_of_its_own, looks_first):
        await queue.add("job", {})
        worker = make.worker(queue, process)
        _, ident = await Heard(worker, "completed").once()
        assert ident not in (0, threading.get_ident())
        await worker.close()


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
    gate = Gate()
    await added(queue, 1)
    worker = make.worker(queue, gate.process)
    await gate.holds(1)
    await worker.pause(True)
    assert (worker.isRunning(), worker.isPaused()) == (True, True)
    gate.open()


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
