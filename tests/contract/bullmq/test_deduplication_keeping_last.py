"""The last duplicate that comes while the owner runs is kept and follows it."""

from __future__ import annotations

from typing import Any

from tests.contract.bullmq.duplicates import add
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done
from tests.contract.bullmq.signals import Heard
from tests.contract.bullmq.situations import names

KEEP_LAST = {"keepLastIfActive": True}


async def test_the_last_add_during_the_owners_run_becomes_one_job(make: Makers, queue: Any) -> None:
    await add(queue, "first", KEEP_LAST)
    worker = make.worker(queue)
    first = await worker.getNextJob("t1")
    for name in ("second", "third", "last"):
        assert (await add(queue, name, KEEP_LAST)).id == first.id
    assert await queue.getWaitingCount() == 0
    await first.moveToCompleted("done", "t1")
    [job] = await queue.getWaiting()
    assert (job.name, job.data) == ("last", {"of": "last"})
    assert job.id != first.id
    assert await queue.getDeduplicationJobId("d") == job.id


async def test_the_last_add_is_kept_when_the_owner_fails(make: Makers, queue: Any) -> None:
    await add(queue, "first", KEEP_LAST)
    first = await make.worker(queue).getNextJob("t1")
    await add(queue, "last", KEEP_LAST)
    await first.moveToFailed(ValueError("no"), "t1")
    assert names(await queue.getWaiting()) == ["last"]


async def test_an_add_while_the_owner_waits_is_a_plain_duplicate(make: Makers, queue: Any) -> None:
    first = await add(queue, "first", KEEP_LAST)
    assert (await add(queue, "second", KEEP_LAST)).id == first.id
    await Heard(make.worker(queue, done), "completed").once()
    assert await queue.getWaitingCount() == 0
    assert await queue.getDeduplicationJobId("d") is None


async def test_without_an_add_during_the_run_nothing_follows(make: Makers, queue: Any) -> None:
    await add(queue, "first", KEEP_LAST)
    await Heard(make.worker(queue, done), "completed").once()
    assert await queue.getJobCounts("waiting", "completed") == {"waiting": 0, "completed": 1}


async def test_the_kept_add_has_its_own_options(make: Makers, queue: Any) -> None:
    await add(queue, "first", KEEP_LAST)
    first = await make.worker(queue).getNextJob("t1")
    await add(queue, "last", KEEP_LAST, delay=60_000, attempts=4)
    await first.moveToCompleted("done", "t1")
    [job] = await queue.getDelayed()
    assert (job.name, job.opts["attempts"]) == ("last", 4)


async def test_the_kept_add_goes_to_the_head_if_it_is_lifo(make: Makers, queue: Any) -> None:
    await add(queue, "first", KEEP_LAST)
    worker = make.worker(queue)
    first = await worker.getNextJob("t1")
    await queue.add("waiting", {})
    await add(queue, "last", KEEP_LAST, lifo=True)
    await first.moveToCompleted("done", "t1", False)
    assert (await worker.getNextJob("t2")).name == "last"


async def test_kept_adds_follow_each_other_as_long_as_they_come(make: Makers, queue: Any) -> None:
    runs: list[str] = []

    async def process(job: Any, token: str) -> None:
        runs.append(job.name)
        if len(runs) < 3:
            await add(queue, f"after {len(runs)}", KEEP_LAST)

    await add(queue, "first", KEEP_LAST)
    await Heard(make.worker(queue, process), "completed").times(3)
    assert runs == ["first", "after 1", "after 2"]
