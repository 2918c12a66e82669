"""Who changes the same thing as others in this process comes in the order of the calls."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jetbull import Queue
from jetbull.ledger.store.turns import Turns

_MANY = 20


@pytest.mark.parametrize("opts", [{}, {"delay": 60_000}])
async def test_of_many_changes_at_once_of_a_job_the_last_call_counts(
    queue: Queue[Any, Any], opts: dict[str, Any]
) -> None:
    job = await queue.add("job", {}, opts)
    await asyncio.gather(
        *(job.updateProgress(number) for number in range(_MANY)),
        *(job.updateData({"n": number}) for number in range(_MANY)),
    )
    found = await queue.getJob(job.id)
    assert found is not None
    assert (found.progress, found.data) == (_MANY - 1, {"n": _MANY - 1})


async def test_of_many_settings_at_once_the_last_call_counts(queue: Queue[Any, Any]) -> None:
    await asyncio.gather(*(queue.setGlobalConcurrency(number + 1) for number in range(_MANY)))
    assert await queue.getGlobalConcurrency() == _MANY


async def test_of_many_upserts_at_once_of_a_scheduler_the_last_call_counts(
    queue: Queue[Any, Any],
) -> None:
    every = {"every": 3_600_000}
    await asyncio.gather(
        *(queue.upsertJobScheduler("s", every, "job", {"n": n}) for n in range(_MANY))
    )
    (scheduler,) = await queue.getJobSchedulers()
    assert scheduler["template"]["data"] == {"n": _MANY - 1}
    assert len(await queue.getJobs(["waiting", "delayed"])) == 1


@pytest.mark.parametrize("leaving", [0, 1, 2])
async def test_one_that_is_cancelled_holds_nobody_up(leaving: int) -> None:
    turns, done, may_end = Turns(), [], asyncio.Event()

    async def take(number: int) -> None:
        async with turns.at("key"):
            await may_end.wait()
            done.append(number)

    tasks = [asyncio.ensure_future(take(number)) for number in range(4)]
    await asyncio.sleep(0)
    tasks[leaving].cancel()
    may_end.set()
    async with asyncio.timeout(20):
        await asyncio.wait(tasks)
    assert done == [number for number in range(4) if number != leaving]
    assert not turns._waiting
    assert not turns._holders


async def test_a_turn_that_is_cancelled_when_it_has_just_begun_is_passed_on() -> None:
    turns, order = Turns(), []

    async def first() -> None:
        async with turns.at("key"):
            await asyncio.sleep(0)
            order.append("first")

    async def next_one(name: str) -> None:
        async with turns.at("key"):
            order.append(name)

    one = asyncio.ensure_future(first())
    two, three = (asyncio.ensure_future(next_one(name)) for name in ("second", "third"))
    one.add_done_callback(lambda _: two.cancel())
    async with asyncio.timeout(20):
        await asyncio.wait([one, two, three])
    assert order[0] == "first"
    assert order[-1] == "third"
    assert not turns._waiting
    assert not turns._holders


async def test_who_waits_for_long_goes_on_without_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jetbull.ledger.store.turns._PATIENCE", 0)
    turns, server_is_back = Turns(), asyncio.Event()

    async def first() -> None:
        async with turns.at("key"):
            await server_is_back.wait()

    async def second() -> None:
        async with turns.at("key"):
            server_is_back.set()

    async with asyncio.timeout(20):
        await asyncio.gather(first(), second())
    assert not turns._waiting
    assert not turns._holders


async def test_who_has_the_turn_may_take_it_again() -> None:
    turns, order = Turns(), []

    async def take(name: str) -> None:
        async with turns.at("key"):
            await asyncio.sleep(0)
            order.append(name)

    async with asyncio.timeout(20), turns.at("key"):
        other = asyncio.ensure_future(take("other"))
        await asyncio.sleep(0)
        await take("within")
    await other
    assert order == ["within", "other"]
    assert not turns._holders
