"""Jobs that come while a worker is at work run where BullMQ would put them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard

BACKLOG = 30
QUICK = 60
"""Jobs after which a worker of quick ones fetches ahead."""
LONG = 0.3
"""Seconds of a job in which a worker gives back what it has in hand and cannot begin."""


async def order_with(
    make: Makers, queue: Any, backlog: dict[str, Any], newcomer: dict[str, Any]
) -> list[str]:
    """The names run when job `n10` of a backlog adds `new` while it runs."""
    ran: list[str] = []

    async def process(job: Any, token: str) -> None:
        ran.append(job.name)
        if job.name == "n10":
            await queue.add("new", {}, newcomer)
        await asyncio.sleep(0.01)

    await queue.addBulk([{"name": f"n{n}", "opts": backlog} for n in range(BACKLOG)])
    await Heard(make.worker(queue, process), "completed").times(BACKLOG + 1)
    return ran


@pytest.mark.parametrize(
    ("backlog", "newcomer"),
    [
        ({}, {"lifo": True}),
        ({"priority": 5}, {}),
        ({"priority": 5}, {"lifo": True}),
        ({"priority": 5}, {"priority": 1}),
    ],
)
async def test_a_job_that_goes_first_is_the_next_one(
    make: Makers, queue: Any, backlog: dict[str, Any], newcomer: dict[str, Any]
) -> None:
    ran = await order_with(make, queue, backlog, newcomer)
    assert ran.index("new") == 11


@pytest.mark.parametrize(
    ("backlog", "newcomer"), [({}, {}), ({}, {"priority": 1}), ({"priority": 5}, {"priority": 6})]
)
async def test_a_job_that_goes_last_is_the_last_one(
    make: Makers, queue: Any, backlog: dict[str, Any], newcomer: dict[str, Any]
) -> None:
    ran = await order_with(make, queue, backlog, newcomer)
    assert ran.index("new") == BACKLOG


@pytest.mark.parametrize("newcomer", [{}, {"priority": 1}])
async def test_jobs_that_go_first_are_the_next_ones_of_a_worker_with_others_in_hand(
    make: Makers, queue: Any, newcomer: dict[str, Any]
) -> None:
    count = 20
    ran: list[str] = []

    async def process(job: Any, token: str) -> None:
        ran.append(job.name)
        if job.name.isdigit():
            await queue.add(f"new {job.name}", {}, newcomer)
            await asyncio.sleep(0.03)

    await queue.addBulk([{"name": "quick"} for _ in range(QUICK)])
    await queue.addBulk([{"name": str(n), "opts": {"priority": 2}} for n in range(count)])
    await Heard(make.worker(queue, process), "completed").times(QUICK + 2 * count)
    assert ran[QUICK:] == [name for n in range(count) for name in (str(n), f"new {n}")]


async def test_no_job_begins_once_a_processor_has_paused_the_queue(
    make: Makers, queue: Any
) -> None:
    ran: list[str] = []

    async def process(job: Any, token: str) -> None:
        ran.append(job.name)
        if job.name == "1":
            await queue.pause()

    await queue.addBulk([{"name": "quick"} for _ in range(QUICK)])
    await queue.addBulk([{"name": str(n)} for n in range(4)])
    worker = make.worker(queue, process)
    await Heard(worker, "completed").times(QUICK + 2)
    await worker.close()
    assert ran[QUICK:] == ["0", "1"]


async def test_a_parent_is_the_next_one_after_its_last_child(make: Makers, queue: Any) -> None:
    ran: list[str] = []

    async def process(job: Any, token: str) -> None:
        ran.append(job.name)

    await queue.addBulk([{"name": "quick"} for _ in range(QUICK)])
    children = [{"name": f"child {n}", "queueName": queue.name} for n in range(2)]
    flow = {"name": "parent", "queueName": queue.name, "children": children}
    await make.flow_producer().add(flow)
    await queue.addBulk([{"name": str(n)} for n in range(4)])
    await Heard(make.worker(queue, process), "completed").times(QUICK + 7)
    assert ran[QUICK:] == ["child 0", "child 1", "parent", "0", "1", "2", "3"]


async def test_a_job_added_to_the_head_is_the_next_one_before_all_that_wait_there(
    make: Makers, queue: Any
) -> None:
    ran: list[str] = []

    async def process(job: Any, token: str) -> None:
        ran.append(job.name)
        if job.name in ("n25", "n12", "new n12"):
            await queue.add(f"new {job.name}", {}, {"lifo": True})

    await queue.addBulk([{"name": f"n{n}", "opts": {"lifo": True}} for n in range(BACKLOG)])
    await queue.add("tail", {})
    await Heard(make.worker(queue, process), "completed").times(BACKLOG + 4)
    expected = [f"n{n}" for n in reversed(range(BACKLOG))]
    for name in ("n25", "n12", "new n12"):
        expected.insert(expected.index(name) + 1, f"new {name}")
    assert ran == [*expected, "tail"]


async def test_a_lifo_job_that_is_tried_again_comes_before_all_that_wait_at_the_head(
    make: Makers, queue: Any
) -> None:
    ran: list[str] = []

    async def process(job: Any, token: str) -> None:
        ran.append(job.name)
        if job.name in ("n20", "n7") and job.attemptsMade == 0:
            raise ValueError("again")

    opts = {"lifo": True, "attempts": 2}
    await queue.addBulk([{"name": f"n{n}", "opts": opts} for n in range(BACKLOG)])
    await Heard(make.worker(queue, process), "completed").times(BACKLOG)
    expected = [f"n{n}" for n in reversed(range(BACKLOG))]
    for name in ("n20", "n7"):
        expected.insert(expected.index(name), name)
    assert ran == expected


async def test_a_parent_in_the_queue_of_its_children_comes_right_behind_the_last_of_them(
    make: Makers, queue: Any
) -> None:
    ran: list[str] = []

    async def process(job: Any, token: str) -> None:
        ran.append(job.name)

    await queue.addBulk([{"name": f"n{n}", "opts": {"lifo": True}} for n in range(BACKLOG)])
    child = {"name": "child", "queueName": queue.name, "opts": {"lifo": True}}
    parent = {"name": "parent", "queueName": queue.name, "children": [child]}
    await make.flow_producer().add(parent)
    await Heard(make.worker(queue, process), "completed").times(BACKLOG + 2)
    assert ran[:3] == ["child", "parent", f"n{BACKLOG - 1}"]


async def test_a_pause_from_a_processor_stops_after_that_job(make: Makers, queue: Any) -> None:
    ran: list[str] = []

    async def process(job: Any, token: str) -> None:
        ran.append(job.name)
        if job.name == "n5":
            await queue.pause()

    await queue.addBulk([{"name": f"n{n}"} for n in range(BACKLOG)])
    worker = make.worker(queue, process)
    await Heard(worker, "completed").times(6)
    await worker.close()
    assert ran == [f"n{n}" for n in range(6)]


async def test_a_delayed_job_with_a_new_priority_runs_when_it_is_due(
    make: Makers, queue: Any
) -> None:
    producer = make.queue(queue.name)
    await producer.add("job", {}, {"delay": 300, "priority": 7})
    await producer.close()
    completed = Heard(make.worker(queue, _done), "completed")
    job, _ = await completed.once()
    assert job.processedOn - job.timestamp >= 300


async def _done(job: Any, token: str) -> None:
    return None


async def test_jobs_of_a_better_priority_begin_before_all_others_however_many_run_at_once(
    make: Makers, queue: Any
) -> None:
    count, at_once = 40, 4
    begun: list[int] = []

    async def process(job: Any, token: str) -> None:
        begun.append(job.data)
        await asyncio.sleep(0.01)  # so that slots come free together

    for priority in (5, 1, 3):
        rows = [{"name": "n", "data": priority, "opts": {"priority": priority}}] * count
        await queue.addBulk(rows)
    worker = make.worker(queue, process, concurrency=at_once)
    await Heard(worker, "completed").times(3 * count)
    assert begun == sorted(begun)


async def test_jobs_added_while_all_slots_are_busy_begin_in_the_order_of_priority(
    make: Makers, queue: Any
) -> None:
    at_once, each, levels = 4, 6, (9, 5, 3, 2, 1)
    begun: list[int] = []
    held, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def process(job: Any, token: str) -> None:
        if job.name == "hold":
            held.release()
            await go_on.wait()
        begun.append(job.data)
        await asyncio.sleep(0.01)

    worker = make.worker(queue, process, concurrency=at_once)
    completed = Heard(worker, "completed")
    for priority in levels:  # the worker knows them from now on
        await queue.add("first", priority, {"priority": priority})
    await completed.times(len(levels))
    for _ in range(at_once):
        await queue.add("hold", 0)
        await held.acquire()
    begun.clear()
    for _ in range(each):
        for priority in levels:
            await queue.add("burst", priority, {"priority": priority})
    go_on.set()
    await completed.times(len(levels) + at_once + each * len(levels))
    assert begun == sorted(begun)


@pytest.mark.parametrize("newcomer", [{}, {"priority": 1}])
async def test_a_job_that_goes_first_is_the_next_one_after_long_jobs(
    make: Makers, queue: Any, newcomer: dict[str, Any]
) -> None:
    ran: list[str] = []

    async def process(job: Any, token: str) -> None:
        ran.append(job.name)
        if job.name == "long":
            await queue.addBulk([{"name": f"p{n}", "opts": {"priority": n}} for n in (2, 3)])
        if job.name.startswith("long"):
            await asyncio.sleep(LONG)
        if job.name == "long":
            await queue.addBulk([{"name": name} for name in ("more", "long2")])
        if job.name == "long2":
            await queue.add("new", {}, newcomer)
            await asyncio.sleep(LONG)

    completed = Heard(make.worker(queue, process), "completed")
    for count, priority in enumerate((1, 2, 3), 1):  # the worker is to know them
        await queue.add("known", {}, {"priority": priority})
        await completed.times(count)
    await queue.add("long", {})
    await completed.times(9)
    assert ran[3:] == ["long", "more", "long2", "new", "p2", "p3"]


@pytest.mark.parametrize("options", [{}, {"priority": 2}])
async def test_a_job_that_is_tried_again_at_once_comes_before_those_of_a_worse_priority(
    make: Makers, queue: Any, options: dict[str, Any]
) -> None:
    ran: list[tuple[str, int]] = []

    async def process(job: Any, token: str) -> None:
        ran.append((job.name, job.attemptsMade))
        if job.name.startswith("again") and job.attemptsMade == 0:
            raise ValueError("not yet")
        if job.name == "later" and job.data % 15 == 14:
            await queue.add(f"again{job.data}", {}, {"attempts": 2, **options})

    later = [{"name": "later", "data": n, "opts": {"priority": 5}} for n in range(QUICK + 30)]
    await queue.addBulk(later)
    await Heard(make.worker(queue, process), "completed").times(QUICK + 36)
    first_tries = [n for n, (name, made) in enumerate(ran) if name != "later" and made == 0]
    assert [ran[n + 1] for n in first_tries] == [(ran[n][0], 1) for n in first_tries]
    assert len(first_tries) == 6
