"""Jobs of a note that run, and are not kept, while somebody is busy with the note."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jetbull import Queue
from jetbull.commands import completing, pipelining
from jetbull.commands.inserting import finish_abandoned
from jetbull.ledger.adding import note, noted_jobs, notes
from jetbull.ledger.adding.adding import message_for
from jetbull.ledger.queue import event_evidence
from jetbull.ledger.store.batch import commit
from jetbull.ledger.wire.pace import Pace

from .far import KEEP, far_from
from .noted import Halting, Running, left_notes, note_and_key

_JOBS = 6
OWNER = {**KEEP, "deduplication": {"id": "d", "ttl": 3_600_000}}


def _bulk() -> list[dict[str, Any]]:
    return [{"name": f"job {n}", "data": n, "opts": KEEP} for n in range(_JOBS)]


@pytest.mark.parametrize("way", ["bulk", "deduplicated"])
async def test_a_process_that_stood_still_behind_its_note_sends_nothing_that_has_run(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: True)
    module, name = (pipelining, "_send") if way == "bulk" else (notes, "write_first")
    step: Any = pipelining._send if way == "bulk" else note_and_key
    jobs = _JOBS if way == "bulk" else 1
    store = await queue.ledger()
    async with far_from(queue) as far:

        async def stood_still(*args: Any) -> Any:
            done = None if way == "bulk" else await step(*args)
            while not await left_notes(store):
                await asyncio.sleep(0.01)
            await finish_abandoned(store, 0)
            await far.trimmed(jobs)
            monkeypatch.setattr(note, "_FRESH_MS", 0)  # it was for more than a moment
            return await step(*args) if way == "bulk" else done

        monkeypatch.setattr(module, name, stood_still)
        if way == "bulk":
            adding: asyncio.Future[Any] = asyncio.ensure_future(far.queue.addBulk(_bulk()))
        else:
            only = {"deduplication": {"id": "only", "ttl": 3_600_000}}
            adding = asyncio.ensure_future(far.queue.add("job 0", 0, {**KEEP, **only}))
        ran = await far.heard(adding)
        assert ran == [*(f"job {n}" for n in range(jobs)), "next", "last"]
    assert await left_notes(store) == []


async def test_what_runs_while_a_worker_looks_into_a_note_does_not_run_again(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: True)
    store = await queue.ledger()

    async def died(sending: Any, *_: Any) -> Any:
        for message in (message_for(store, job) for job in sending.jobs[:3]):
            await store.put(message.subject, message.payload, message.headers)
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(pipelining, "_send", died)
        with pytest.raises(InterruptedError):
            await queue.addBulk(_bulk())
    look = event_evidence.came_and_went

    async def looked(*args: Any) -> Any:
        seen = await look(*args)
        monkeypatch.setattr(event_evidence, "came_and_went", look)
        for number in range(2):
            await queue.add(f"next {number}", 0, KEEP)
        running.append(Running(queue))
        await running[0].done(3 + 2)
        return seen

    running: list[Running] = []
    monkeypatch.setattr(event_evidence, "came_and_went", looked)
    await finish_abandoned(store, 0)
    await queue.add("last", 0)
    await running[0].done(_JOBS - 3 + 1)
    await running[0].worker.close()
    assert sorted(running[0].ran) == sorted(
        [*(f"job {n}" for n in range(_JOBS)), "next 0", "next 1", "last"]
    )
    assert await left_notes(store) == []


async def test_a_worker_that_stood_still_while_another_saw_to_a_note_stores_no_job_of_it_again(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: True)
    store = await queue.ledger()

    async def died(*_: Any) -> Any:
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(pipelining, "_send", died)
        with pytest.raises(InterruptedError):
            await queue.addBulk(_bulk())

    async def stood_still(*args: Any, **kwargs: Any) -> int:
        monkeypatch.setattr(completing, "commit", commit)
        await finish_abandoned(store, 0)
        running.append(Running(queue))
        await running[0].done(_JOBS)
        await queue.add("next", 0, KEEP)
        await running[0].done(1)
        return await commit(*args, **kwargs)

    running: list[Running] = []
    monkeypatch.setattr(completing, "commit", stood_still)
    await finish_abandoned(store, 0)
    await queue.add("last", 0)
    await running[0].done(1)
    await running[0].worker.close()
    assert running[0].ran == [*(f"job {n}" for n in range(_JOBS)), "next", "last"]
    assert await left_notes(store) == []


def running_meanwhile(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> list[Running]:
    """Where it was seen what is missing of a note, another one sees to it, and its job runs, before
    whoever looked goes on. The worker, once there is one.
    """
    look = noted_jobs.came_and_went
    running: list[Running] = []

    async def looked(*args: Any) -> Any:
        seen = await look(*args)
        monkeypatch.setattr(noted_jobs, "came_and_went", look)
        await finish_abandoned(await queue.ledger(), 0)
        await queue.add("next", 0, KEEP)
        running.append(Running(queue))
        await running[0].done(2)
        return seen

    monkeypatch.setattr(noted_jobs, "came_and_went", looked)
    return running


async def ran_once(queue: Queue, running: list[Running]) -> None:
    """The last job shows that no other comes behind it."""
    await queue.add("last", 0)
    await running[0].done(1)
    await running[0].worker.close()
    assert running[0].ran == ["owner", "next", "last"]
    assert await left_notes(await queue.ledger()) == []


async def test_an_owner_that_runs_while_two_look_into_its_note_does_not_run_again(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: True)
    store = await queue.ledger()
    with monkeypatch.context() as patch:
        Halting(patch, 0)
        with pytest.raises(InterruptedError):
            await queue.add("owner", 0, OWNER)
    running = running_meanwhile(queue, monkeypatch)
    await finish_abandoned(store, 0)
    await ran_once(queue, running)


async def test_an_owner_that_runs_while_its_process_looks_for_it_does_not_run_again(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: True)
    monkeypatch.setattr(note, "_FRESH_MS", 0)  # as if it had been held up
    monkeypatch.setattr(notes, "write_first", note_and_key)
    running = running_meanwhile(queue, monkeypatch)
    await queue.add("owner", 0, OWNER)
    await ran_once(queue, running)
