"""Locks: how long a taken job is held, and how a worker keeps holding it."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import Gate
from tests.contract.bullmq.signals import PATIENCE, Heard


def holding(event: asyncio.Event) -> Any:
    async def process(job: Any, token: str) -> str:
        await asyncio.wait_for(event.wait(), PATIENCE)
        return "done"

    return process


async def test_a_running_job_keeps_its_lock_beyond_the_lock_duration(
    make: Makers, queue: Any
) -> None:
    may_finish = asyncio.Event()
    job = await queue.add("job", {})
    worker = make.worker(queue, holding(may_finish), lockDuration=300, stalledInterval=100)
    stalled, completed = Heard(worker, "stalled"), Heard(worker, "completed")
    renewed = Heard(worker, "locksRenewed")
    await renewed.times(6)
    assert await job.getState() == "active"
    may_finish.set()
    finished, _ = await completed.once()
    assert (finished.stalledCounter, stalled.calls) == (0, [])


async def test_renewing_locks_is_told_with_their_jobs(make: Makers, queue: Any) -> None:
    may_finish = asyncio.Event()
    job = await queue.add("job", {})
    worker = make.worker(queue, holding(may_finish), lockDuration=200)
    assert await Heard(worker, "locksRenewed").once() == ({"count": 1, "jobIds": [job.id]},)
    may_finish.set()


async def test_the_locks_of_all_running_jobs_are_renewed(make: Makers, queue: Any) -> None:
    may_finish = asyncio.Event()
    jobs = await queue.addBulk([{"name": "job", "data": {}} for _ in range(3)])
    worker = make.worker(queue, holding(may_finish), lockDuration=200, concurrency=3)
    [told] = await Heard(worker, "locksRenewed").where(lambda told: told["count"] == 3)
    assert sorted(told["jobIds"]) == [job.id for job in jobs]
    may_finish.set()


async def test_a_lock_that_is_gone_is_told(make: Makers, queue: Any) -> None:
    may_finish = asyncio.Event()
    job = await queue.add("job", {})
    worker = make.worker(queue, holding(may_finish), lockDuration=200)
    await Heard(worker, "active").once()
    failed, error = Heard(worker, "lockRenewalFailed"), Heard(worker, "error")
    await queue.obliterate(force=True)
    assert await failed.once() == ([job.id],)
    [told] = await error.once()
    assert str(told) == f"could not renew lock for job {job.id}"
    may_finish.set()


async def test_the_lock_manager_knows_the_running_jobs(make: Makers, queue: Any) -> None:
    gate = Gate()
    job = await queue.add("job", {})
    worker = make.worker(queue, gate.process)
    await gate.holds(1)
    assert worker.lockManager.get_tracked_job_ids() == [job.id]
    assert worker.lockManager.get_active_job_count() == 1
    kept = worker.lockManager.tracked_jobs[job.id]
    assert isinstance(kept["token"], str)
    assert kept["ts"] >= job.timestamp
    assert worker.lockManager.is_running() is True
    gate.open()
    await worker.close()
    assert worker.lockManager.get_tracked_job_ids() == []
    assert worker.lockManager.tracked_jobs == {}


async def test_closing_a_lock_manager_twice_is_fine(make: Makers, queue: Any) -> None:
    manager = make.worker(queue).lockManager
    await manager.close()
    await manager.close()
    assert manager.is_running() is False


async def test_a_lock_manager_tracks_jobs_by_hand(make: Makers, queue: Any) -> None:
    manager = make.worker(queue).lockManager
    assert manager.track_job("7", "token", 0) is None
    controller = manager.track_job("8", "token", 0, should_create_controller=True)
    assert sorted(manager.get_tracked_job_ids()) == ["7", "8"]
    assert manager.tracked_jobs == {
        "7": {"token": "token", "ts": 0, "abort_controller": None},
        "8": {"token": "token", "ts": 0, "abort_controller": controller},
    }
    assert manager.cancel_job("7", "why") is False
    assert manager.cancel_job("8", "why") is True
    assert (controller.signal.aborted, controller.signal.reason) == (True, "why")
    assert manager.cancel_job("unknown") is False
    manager.untrack_job("7")
    manager.untrack_job("unknown")
    assert manager.get_tracked_job_ids() == ["8"]


async def test_a_lock_manager_cancels_all_its_jobs(make: Makers, queue: Any) -> None:
    manager = make.worker(queue).lockManager
    controllers = [
        manager.track_job(job_id, "token", 0, should_create_controller=True) for job_id in "abc"
    ]
    manager.cancel_all_jobs("shutdown")
    assert [controller.signal.reason for controller in controllers] == ["shutdown"] * 3


async def test_a_closed_lock_manager_tracks_nothing(make: Makers, queue: Any) -> None:
    manager = make.worker(queue).lockManager
    await manager.close()
    assert manager.track_job("7", "token", 0, should_create_controller=True) is None
    assert manager.get_active_job_count() == 0


async def test_a_lock_manager_without_a_renewal_time_does_not_run(make: Makers, queue: Any) -> None:
    manager = make.worker(queue, lockRenewTime=0).lockManager
    manager.start()
    assert manager.is_running() is False


async def test_a_job_taken_by_hand_keeps_its_lock_while_the_lock_manager_tracks_it(
    make: Makers, queue: Any
) -> None:
    await queue.add("job", {})
    worker = make.worker(queue, lockDuration=1000, lockRenewTime=400)
    others = make.worker(queue, holding(asyncio.Event()), stalledInterval=100)
    await others.pause()
    stalled = Heard(others, "stalled")
    job = await worker.getNextJob("token")
    worker.lockManager.track_job(job.id, "token", round(time.time() * 1000))
    worker.lockManager.start()
    renewed = await Heard(worker, "locksRenewed").times(8)
    assert renewed == [({"count": 1, "jobIds": [job.id]},)] * 8
    assert stalled.calls == []
    await job.moveToCompleted("done", "token")
    assert await job.getState() == "completed"


async def test_jobs_taken_after_the_lock_duration_was_set_in_the_options_are_held_so_long(
    make: Makers, queue: Any
) -> None:
    await queue.add("job", {})
    worker = make.worker(queue)
    worker.opts["lockDuration"] = 300
    job = await worker.getNextJob("token")
    over = asyncio.Event()
    over.set()  # where the lock ends before they are paused, they run the job
    others = make.worker(queue, holding(over), stalledInterval=100)
    stalled = Heard(others, "stalled")
    await others.pause()
    assert (await stalled.once())[0] == job.id


async def test_the_lock_of_a_job_that_another_token_holds_cannot_be_renewed(
    make: Makers, queue: Any
) -> None:
    await queue.add("job", {})
    worker = make.worker(queue, lockRenewTime=200)
    failed, error = Heard(worker, "lockRenewalFailed"), Heard(worker, "error")
    job = await worker.getNextJob("token")
    worker.lockManager.track_job(job.id, "of another", 0)
    worker.lockManager.start()
    assert await failed.once() == ([job.id],)
    [told] = await error.once()
    assert str(told) == f"could not renew lock for job {job.id}"


async def test_a_lock_manager_renews_through_the_backend_of_its_worker(make: Makers) -> None:
    asked: list[tuple[list[str], list[str], int]] = []
    told: list[tuple[Any, ...]] = []
    gone = asyncio.Event()

    def emit(*args: Any) -> None:
        told.append(args)
        if len(told) == 4:
            gone.set()

    async def extend(job_ids: list[str], tokens: list[str], duration: int) -> list[str]:
        asked.append((list(job_ids), list(tokens), duration))
        if len(asked) == 2:
            raise ConnectionError("gone")
        return ["b"]

    worker = SimpleNamespace(backend=SimpleNamespace(extendLocks=extend), emit=emit)
    manager = make.backend.LockManager(worker, 100, 30_000, "worker-1", "name")
    for job_id in "ab":
        manager.track_job(job_id, f"token-{job_id}", round(time.time() * 1000) - 1000)
    manager.start()
    await asyncio.wait_for(gone.wait(), PATIENCE)
    await manager.close()
    assert asked == [(["a", "b"], ["token-a", "token-b"], 30_000)] * 2
    assert told[0] == ("lockRenewalFailed", ["b"])
    assert (told[1][0], str(told[1][1])) == ("error", "could not renew lock for job b")
    assert told[2] == ("locksRenewed", {"count": 1, "jobIds": ["a"]})
    assert (told[3][0], str(told[3][1])) == ("error", "gone")
