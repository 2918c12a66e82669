"""How many jobs run at the same time: per worker and over all workers."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import Gate
from tests.contract.bullmq.signals import Heard
from tests.contract.bullmq.situations import added


async def test_a_worker_takes_one_job_at_a_time_by_default(make: Makers, queue: Any) -> None:
    gate = Gate()
    await added(queue, 3)
    completed = Heard(make.worker(queue, gate.process), "completed")
    await gate.holds(1)
    assert await queue.getJobCounts("active", "waiting") == {"active": 1, "waiting": 2}
    gate.open()
    await completed.times(3)
    assert gate.most == 1


async def test_a_worker_takes_as_many_jobs_as_its_concurrency(make: Makers, queue: Any) -> None:
    gate = Gate()
    await added(queue, 5)
    completed = Heard(make.worker(queue, gate.process, concurrency=3), "completed")
    await gate.holds(3)
    assert await queue.getJobCounts("active", "waiting") == {"active": 3, "waiting": 2}
    gate.open()
    await completed.times(5)
    assert gate.most <= 3


async def test_jobs_begin_in_order_whatever_the_concurrency(make: Makers, queue: Any) -> None:
    begun: list[int] = []

    async def process(job: Any, token: str) -> None:
        begun.append(job.data)

    await added(queue, 20)
    await Heard(make.worker(queue, process, concurrency=4), "completed").times(20)
    assert sorted(begun) == list(range(20))
    assert all(abs(place - n) <= 4 for place, n in enumerate(begun))


async def test_a_slow_job_does_not_hold_up_the_others(make: Makers, queue: Any) -> None:
    gate = Gate()

    async def process(job: Any, token: str) -> None:
        if job.name == "w0":
            await gate.process(job, token)

    await added(queue, 5)
    completed = Heard(make.worker(queue, process, concurrency=2), "completed")
    fast = [job.name for job, _ in await completed.times(4)]
    assert fast == ["w1", "w2", "w3", "w4"]
    gate.open()
    await completed.times(5)


async def test_a_concurrency_set_in_the_options_of_a_running_worker_counts(
    make: Makers, queue: Any
) -> None:
    first, second, third = Gate(), Gate(), Gate()
    gates = {"f": first, "s": second, "t": third}

    async def process(job: Any, token: str) -> str:
        return await gates[job.name[0]].process(job, token)

    worker = make.worker(queue, process)
    completed = Heard(worker, "completed")
    first.open()
    await added(queue, 1, "f")
    await completed.once()
    worker.opts["concurrency"] = 3
    await added(queue, 4, "s")
    await second.holds(3)
    assert await queue.getJobCounts("active", "waiting") == {"active": 3, "waiting": 1}
    worker.opts.update({"concurrency": 1})
    second.open()
    await completed.times(5)
    await added(queue, 3, "t")
    await third.holds(1)
    third.open()
    await completed.times(8)
    assert (second.most, third.most) == (3, 1)


async def test_global_concurrency_is_not_set_at_first(queue: Any) -> None:
    assert await queue.getGlobalConcurrency() is None


async def test_global_concurrency_can_be_set_read_and_removed(make: Makers, queue: Any) -> None:
    await queue.setGlobalConcurrency(4)
    assert await queue.getGlobalConcurrency() == 4
    assert await make.queue(queue.name).getGlobalConcurrency() == 4
    assert await queue.removeGlobalConcurrency() == 1
    assert await queue.getGlobalConcurrency() is None
    assert await queue.removeGlobalConcurrency() == 0


@pytest.mark.parametrize("workers", [1, 3])
async def test_global_concurrency_holds_over_all_workers(
    make: Makers, queue: Any, workers: int
) -> None:
    gate = Gate()
    await queue.setGlobalConcurrency(2)
    await added(queue, 6)
    crew = [make.worker(queue, gate.process, concurrency=4) for _ in range(workers)]
    completed = Heard(crew[0], "completed", *crew[1:])
    await gate.holds(2)
    assert await queue.getJobCounts("active", "waiting") == {"active": 2, "waiting": 4}
    gate.open()
    await completed.times(6)
    assert gate.most == 2


async def test_a_full_queue_gives_no_further_job_by_hand(make: Makers, queue: Any) -> None:
    await queue.setGlobalConcurrency(1)
    await added(queue, 2)
    worker = make.worker(queue)
    first = await worker.getNextJob("t1")
    assert await make.worker(queue).getNextJob("t2") is None
    await first.moveToCompleted("done", "t1")
    second = await make.worker(queue).getNextJob("t3")
    assert (first.name, second.name) == ("w0", "w1")


async def test_a_prioritized_job_counts_for_global_concurrency(make: Makers, queue: Any) -> None:
    await queue.setGlobalConcurrency(1)
    await added(queue, 2, priority=1)
    assert await make.worker(queue).getNextJob("t1") is not None
    assert await make.worker(queue).getNextJob("t2") is None


async def test_removing_global_concurrency_lets_more_jobs_begin(make: Makers, queue: Any) -> None:
    await queue.setGlobalConcurrency(1)
    await added(queue, 2)
    assert await make.worker(queue).getNextJob("t1") is not None
    await queue.removeGlobalConcurrency()
    assert await make.worker(queue).getNextJob("t2") is not None


@pytest.mark.parametrize("workers", [1, 3])
async def test_jobs_begin_in_order_however_few_may_run(
    make: Makers, queue: Any, workers: int
) -> None:
    begun: list[str] = []

    async def process(job: Any, token: str) -> None:
        begun.append(job.name)

    await queue.setGlobalConcurrency(1)
    names = [job.name for job in await added(queue, 12)]
    crew = [make.worker(queue, process, concurrency=4) for _ in range(workers)]
    await Heard(crew[0], "completed", *crew[1:]).times(12)
    assert begun == names


async def test_retries_do_not_hold_up_a_queue_in_which_few_may_run(
    make: Makers, queue: Any
) -> None:
    begun: list[str] = []

    async def process(job: Any, token: str) -> None:
        begun.append(job.name)
        if job.attemptsStarted == 1:
            raise ValueError("not yet")

    await queue.setGlobalConcurrency(1)
    names = [job.name for job in await added(queue, 7, attempts=2)]
    worker = make.worker(queue, process, concurrency=4)
    await Heard(worker, "completed").times(7)
    assert begun == names * 2


async def test_what_comes_before_the_others_is_next_although_only_one_may_run(
    make: Makers, queue: Any
) -> None:
    gate = Gate()
    begun: list[str] = []

    async def process(job: Any, token: str) -> None:
        begun.append(job.name)
        if job.name == "w0":
            await gate.process(job, token)

    await queue.setGlobalConcurrency(1)
    await added(queue, 3)
    completed = Heard(make.worker(queue, process, concurrency=3), "completed")
    await gate.holds(1)
    for priority in (3, 1, 2):
        await queue.add(f"p{priority}", {}, {"priority": priority})
    await queue.add("lifo", {}, {"lifo": True})
    gate.open()
    await completed.times(7)
    assert begun == ["w0", "lifo", "w1", "w2", "p1", "p2", "p3"]
