"""A scheduler's record and its pending job, whose process dies between the two."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from jetbull import Queue, Worker
from jetbull.commands.inserting import finish_abandoned
from jetbull.ledger.adding import notes
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire.pace import Pace

from .noted import Halting, left_notes, note_and_key, write_first

YEARLY = {"pattern": "0 0 1 1 *"}


@pytest.fixture(autouse=True)
def noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is stored in a batch, however long notes take on a busy machine, and what has a note
    is left by its process.
    """
    monkeypatch.setattr(Pace, "takes_first", lambda *_: True)
    monkeypatch.setattr("jetbull.ledger.adding.note._LEFT_MS", 0)


async def upsert_broken_off(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, data: Any, jobs: int = 0
) -> QueueStore:
    """An upsert whose process died when note, record and so many jobs were stored."""
    with monkeypatch.context() as patch:
        Halting(patch, jobs)
        with pytest.raises(InterruptedError):
            await queue.upsertJobScheduler("mine", YEARLY, job_data=data)
    return await queue.ledger()


@pytest.mark.parametrize("jobs", [0, 1])
@pytest.mark.parametrize("before", [False, True], ids=["new", "again"])
async def test_the_job_of_a_scheduler_whose_process_died_is_stored_once_by_a_worker(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, before: bool, jobs: int
) -> None:
    if before:
        await queue.upsertJobScheduler("mine", YEARLY, job_data="old")
    store = await upsert_broken_off(queue, monkeypatch, "new", jobs)
    await finish_abandoned(store, 0)
    assert [job.data for job in await queue.getDelayed()] == ["new"]
    assert await left_notes(store) == []


@pytest.mark.parametrize("pattern", [YEARLY, {"pattern": "0 0 2 1 *"}], ids=["same", "other"])
async def test_who_upserts_a_scheduler_whose_job_is_on_its_way_replaces_that_one(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, pattern: dict[str, str]
) -> None:
    store = await upsert_broken_off(queue, monkeypatch, "first")
    await queue.upsertJobScheduler("mine", pattern, job_data="second")
    await finish_abandoned(store, 0)
    assert [job.data for job in await queue.getDelayed()] == ["second"]
    assert await left_notes(store) == []


@pytest.mark.parametrize("before", [False, True], ids=["new", "again"])
async def test_a_removed_scheduler_takes_a_job_along_that_is_on_its_way(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    if before:
        await queue.upsertJobScheduler("mine", YEARLY, job_data="old")
    store = await upsert_broken_off(queue, monkeypatch, "new")
    assert await queue.removeJobScheduler("mine") == 0
    await finish_abandoned(store, 0)
    assert await queue.getDelayedCount() == 0
    assert await left_notes(store) == []


async def test_an_upsert_that_came_too_late_leaves_nothing(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = {"url": queue.opts["connection"], "name": "another process"}

    async def overtaken(*args: Any) -> Any:
        monkeypatch.setattr(notes, "write_first", write_first)
        async with Queue(queue.name, {"connection": link}) as other:
            await other.upsertJobScheduler("mine", YEARLY, job_data="first")
        return await write_first(*args)

    monkeypatch.setattr(notes, "write_first", overtaken)
    await queue.upsertJobScheduler("mine", YEARLY, job_data="last")
    assert [job.data for job in await queue.getDelayed()] == ["last"]
    await finish_abandoned(await queue.ledger(), 0)
    assert [job.data for job in await queue.getDelayed()] == ["last"]
    assert await left_notes(await queue.ledger()) == []


@pytest.mark.parametrize("guess", [None, "another", "gone", "pending"])
@pytest.mark.parametrize("repeat", [YEARLY, {"every": 3_600_000}], ids=["pattern", "interval"])
async def test_an_upsert_replaces_the_pending_job_whichever_it_takes_for_that(
    queue: Queue, repeat: dict[str, Any], guess: str | None
) -> None:
    given = {**repeat, "startDate": int(time.time() * 1000) + 86_400_000}
    first = await queue.upsertJobScheduler("mine", given, job_data="old")
    other = await queue.upsertJobScheduler("other", given, job_data="other")
    assert first is not None and other is not None
    upcoming = (await queue.ledger()).upcoming
    assert upcoming == {"mine": first.id, "other": other.id}
    if guess is None:
        upcoming.clear()
    elif guess != "pending":
        upcoming["mine"] = str(other.id) if guess == "another" else "repeat:mine:1"
    second = await queue.upsertJobScheduler("mine", given, job_data="new")
    assert second is not None and second.id == first.id
    assert sorted(job.data for job in await queue.getDelayed()) == ["new", "other"]


@pytest.mark.parametrize("guess", [None, "pending"])
async def test_an_upsert_whose_pending_job_runs_has_a_job_after_that(
    queue: Queue, guess: str | None
) -> None:
    first = await queue.upsertJobScheduler("mine", {"every": 3_600_000}, job_data="old")
    worker = Worker(queue.name, None, {"connection": queue.opts["connection"]})
    assert await worker.getNextJob("token") is not None
    if guess is None:
        (await queue.ledger()).upcoming.clear()
    second = await queue.upsertJobScheduler("mine", {"every": 3_600_000}, job_data="new")
    await worker.close()
    (running,) = await queue.getActive()
    (pending,) = await queue.getDelayed()
    assert first is not None and second is not None
    assert (running.id, pending.id, pending.data) == (first.id, second.id, "new")


async def test_upserts_of_one_scheduler_at_once_are_stored_one_after_the_other(
    queue: Queue,
) -> None:
    await asyncio.gather(*(queue.upsertJobScheduler("mine", YEARLY, job_data=n) for n in range(20)))
    (pending,) = await queue.getDelayed()
    assert pending.data == 19
    # Each used up one number: none had to try again.
    assert (await queue.add("job", 0)).id == "21"


async def test_an_upsert_whose_pending_job_a_worker_takes_meanwhile_has_a_job_after_that(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    hourly = {"every": 3_600_000}
    await queue.upsertJobScheduler("mine", hourly, job_data="old")
    worker = Worker(queue.name, None, {"connection": queue.opts["connection"]})

    async def taken(*args: Any) -> Any:
        monkeypatch.setattr(notes, "write_first", write_first)
        noted = await note_and_key(*args)
        assert await worker.getNextJob("token") is not None
        return noted

    monkeypatch.setattr(notes, "write_first", taken)
    await queue.upsertJobScheduler("mine", hourly, job_data="new")
    await worker.close()
    (running,) = await queue.getActive()
    (pending,) = await queue.getDelayed()
    scheduler = await queue.getJobScheduler("mine")
    assert scheduler is not None
    assert (running.data, pending.data) == ("old", "new")
    assert pending.id == f"repeat:mine:{scheduler['next']}"
    assert "note" not in scheduler
