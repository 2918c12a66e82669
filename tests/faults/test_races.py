"""Steps that meet: many adds of one id, last children, promotions, removals, draining."""

from __future__ import annotations

import asyncio
from collections import Counter

from tests.faults.apart import apart, closed, until_no_job_is_left

from jetbull import FlowProducer, Job, Queue, Worker
from jetbull.errors import JetbullError


async def test_a_thousand_adds_of_one_id_make_one_job_that_runs_once(
    shared_url: str, name: str
) -> None:
    queues = [Queue(name, apart(shared_url, number)) for number in range(10)]
    runs: list[str] = []

    async def process(job: Job, token: str) -> None:
        runs.append(str(job.id))

    worker = Worker(name, process, {**apart(shared_url, 99), "concurrency": 10})
    adds = [queues[n % 10].add("job", {"n": n}, {"jobId": "same"}) for n in range(1000)]
    jobs = await asyncio.gather(*adds)
    assert {job.id for job in jobs} == {"same"}
    await until_no_job_is_left(queues[0], "waiting", "active")
    assert runs == ["same"]
    await closed(worker, *queues)


async def test_a_hundred_adds_of_one_deduplication_id_make_one_job(
    shared_url: str, name: str
) -> None:
    queues = [Queue(name, apart(shared_url, number)) for number in range(5)]
    opts = {"deduplication": {"id": "only"}, "delay": 60_000}
    jobs = await asyncio.gather(*(queues[n % 5].add("job", {}, opts) for n in range(100)))
    assert len({job.id for job in jobs}) == 1
    assert await queues[0].getDelayedCount() == 1
    await closed(*queues)


async def test_the_last_two_children_that_finish_together_let_their_parent_go_once(
    shared_url: str, name: str
) -> None:
    parents = 40
    runs: Counter[str] = Counter()

    async def process(job: Job, token: str) -> str:
        runs[job.name] += 1
        return job.name

    flow = FlowProducer(apart(shared_url, 0))
    for number in range(parents):
        children = [{"name": f"c{number}-{i}", "queueName": f"{name}-children"} for i in range(2)]
        await flow.add({"name": f"p{number}", "queueName": name, "children": children})
    queue = Queue(name, apart(shared_url, 1))
    workers = [
        *(
            Worker(f"{name}-children", process, {**apart(shared_url, n), "concurrency": 4})
            for n in (2, 3)
        ),
        *(Worker(name, process, {**apart(shared_url, n), "concurrency": 4}) for n in (4, 5)),
    ]
    await until_no_job_is_left(queue, "waiting", "active", "waiting-children", "prioritized")
    assert (await queue.getJobCounts("completed"))["completed"] == parents
    assert len(runs) == 3 * parents
    assert set(runs.values()) == {1}
    await closed(flow, queue, *workers)


async def test_promoting_against_the_schedule_runs_every_job_once(
    shared_url: str, name: str
) -> None:
    jobs = 150
    runs: Counter[str] = Counter()

    async def process(job: Job, token: str) -> None:
        runs[str(job.id)] += 1

    queue = Queue(name, apart(shared_url, 0))
    added = [await queue.add("job", {}, {"delay": 300 + n}) for n in range(jobs)]
    worker = Worker(name, process, {**apart(shared_url, 1), "concurrency": 8})

    async def promote(job: Job, after: float) -> None:
        await asyncio.sleep(after)
        try:
            await job.promote()
        except (JetbullError, TypeError):
            assert not await job.isDelayed()  # the schedule was first

    await asyncio.gather(*(promote(job, (n % 40) * 0.01) for n, job in enumerate(added)))
    await until_no_job_is_left(queue, "waiting", "active", "delayed")
    assert len(runs) == jobs
    assert set(runs.values()) == {1}
    await closed(worker, queue)


async def test_removing_and_adding_an_id_again_and_again_never_loses_the_last_add(
    shared_url: str, name: str
) -> None:
    adder, remover = Queue(name, apart(shared_url, 0)), Queue(name, apart(shared_url, 1))
    ids = [f"id-{n}" for n in range(10)]
    stop = asyncio.Event()

    async def remove() -> None:
        while not stop.is_set():
            for job_id in ids:
                await remover.remove(job_id)

    removing = asyncio.create_task(remove())
    for _ in range(30):
        await asyncio.gather(*(adder.add("job", {}, {"jobId": i}) for i in ids))
    stop.set()
    await removing
    await asyncio.gather(*(adder.add("job", {}, {"jobId": i}) for i in ids))
    assert sorted(str(job.id) for job in await adder.getWaiting() if job) == ids
    await closed(adder, remover)


async def test_draining_and_obliterating_under_load_leaves_a_queue_that_works(
    shared_url: str, name: str
) -> None:
    queue = Queue(name, apart(shared_url, 0))
    seen: set[int] = set()

    async def process(job: Job, token: str) -> None:
        seen.add(job.data["n"])

    workers = [Worker(name, process, {**apart(shared_url, n), "concurrency": 4}) for n in (1, 2)]
    stop = asyncio.Event()

    async def add() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            opts = {"priority": 2} if number % 3 == 0 else {"delay": 100} if number % 3 else {}
            await queue.add("job", {"n": -number}, opts)

    adding = asyncio.create_task(add())
    for _ in range(5):
        await asyncio.sleep(0.2)
        await queue.drain(True)
        await queue.pause()
        await queue.obliterate({"force": True})
        await queue.resume()
    stop.set()
    await adding
    for number in range(1, 21):
        await queue.add("job", {"n": number}, {"priority": number % 3})
    async with asyncio.timeout(30):
        while not set(range(1, 21)) <= seen:
            await asyncio.sleep(0.05)
    await closed(*workers, queue)


async def test_failing_jobs_do_not_hold_up_the_good_ones_behind_them(
    shared_url: str, name: str
) -> None:
    queue = Queue(name, apart(shared_url, 0))
    good: asyncio.Queue[int] = asyncio.Queue()

    async def process(job: Job, token: str) -> None:
        if job.name == "poison":
            raise ValueError("poison")
        good.put_nowait(job.data)

    retry = {"attempts": 3, "backoff": {"type": "fixed", "delay": 60_000}}
    poison = [{"name": "poison", "data": {}, "opts": retry} for _ in range(2000)]
    await queue.addBulk(poison)
    await queue.addBulk([{"name": "good", "data": n} for n in range(20)])
    worker = Worker(name, process, {**apart(shared_url, 1), "concurrency": 10})
    async with asyncio.timeout(60):
        assert sorted([await good.get() for _ in range(20)]) == list(range(20))
    async with asyncio.timeout(10):  # the counts of many jobs follow by some milliseconds
        while sum((await queue.getJobCounts("delayed", "waiting", "active")).values()) != 2000:
            await asyncio.sleep(0.01)
    assert await queue.getFailedCount() == 0
    await closed(worker, queue)


async def test_what_is_added_after_a_pause_does_not_start_before_the_queue_goes_on(
    shared_url: str, name: str
) -> None:
    started: list[str] = []
    all_started = asyncio.Event()

    async def process(job: Job, token: str) -> None:
        started.append(job.name)
        if len(started) % 3 == 0:
            all_started.set()

    queue = Queue(name, apart(shared_url, 0))
    worker = Worker(name, process, {**apart(shared_url, 1), "concurrency": 5})
    await worker.waitUntilReady()
    for turn in range(10):
        await queue.pause()
        for n in range(3):
            await queue.add(f"{turn}.{n}", {})
        for _ in range(5):
            assert (await queue.getJobCounts("waiting"))["waiting"] == 3
        assert len(started) == 3 * turn
        all_started.clear()
        await queue.resume()
        await asyncio.wait_for(all_started.wait(), 10)
    await closed(worker, queue)


async def test_a_parent_starts_as_soon_as_its_last_child_is_done_however_few_jobs_may_run(
    shared_url: str, name: str
) -> None:
    ends: dict[str, float] = {}
    done = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def process(job: Job, token: str) -> None:
        ends[job.name] = loop.time()
        if job.name == "p9":
            done.set()

    queue, flow = Queue(name, apart(shared_url, 0)), FlowProducer(apart(shared_url, 2))
    await queue.setGlobalConcurrency(1)
    worker = Worker(name, process, apart(shared_url, 1))
    for n in range(10):
        children = [{"name": f"c{n}", "queueName": name} for _ in range(3)]
        await flow.add({"name": f"p{n}", "queueName": name, "children": children})
    await asyncio.wait_for(done.wait(), 30)
    order = sorted(ends, key=lambda job: ends[job])
    for n in range(10):
        assert order.index(f"p{n}") == order.index(f"c{n}") + 1
    await closed(worker, queue, flow)


async def test_a_job_that_a_worker_takes_while_it_is_removed_is_the_ones_or_the_others(
    shared_url: str, name: str
) -> None:
    queue = Queue(name, apart(shared_url, 0))
    runs: list[str] = []
    told: list[Exception] = []
    gone: list[str] = []

    async def process(job: Job, token: str) -> None:
        runs.append(str(job.id))
        await asyncio.sleep(0.01)

    async def remove(job_id: str) -> None:
        if await queue.remove(job_id):
            gone.append(job_id)

    jobs = await queue.addBulk([{"name": "job", "data": {}} for _ in range(400)])
    worker = Worker(name, process, {**apart(shared_url, 1), "concurrency": 10})
    worker.on("error", lambda error, *_: told.append(error))
    for start in range(0, 400, 20):
        await asyncio.gather(*(remove(str(job.id)) for job in jobs[start : start + 20]))
    await until_no_job_is_left(queue, "waiting", "active")
    await closed(worker, queue)
    assert told == []
    assert sorted({*runs, *gone}) == sorted(str(job.id) for job in jobs)
