"""Rounds: one does the work for all who wait."""

from __future__ import annotations

import asyncio

import pytest

from jetbull.errors import StoreError
from jetbull.ledger.store.rounds import Rounds


class Work:
    """Work that goes on until it is let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.go = asyncio.Semaphore(0)

    async def __call__(self) -> None:
        self.begun += 1
        await self.go.acquire()


async def until_begun(work: Work, count: int) -> None:
    async with asyncio.timeout(5):
        while work.begun < count:
            await asyncio.sleep(0)


async def test_those_who_come_while_a_round_is_under_way_share_the_next() -> None:
    work = Work()
    rounds = Rounds(work)
    first = asyncio.create_task(rounds.join())
    await until_begun(work, 1)
    late = [asyncio.create_task(rounds.join()) for _ in range(10)]
    work.go.release()
    await first
    await until_begun(work, 2)
    assert not any(task.done() for task in late)
    work.go.release()
    await asyncio.gather(*late)
    assert work.begun == 2
    assert rounds.idle


async def test_who_was_to_lead_and_is_cancelled_lets_another_lead() -> None:
    work = Work()
    rounds = Rounds(work)
    first = asyncio.create_task(rounds.join())
    await until_begun(work, 1)
    leader, other = asyncio.create_task(rounds.join()), asyncio.create_task(rounds.join())
    await asyncio.sleep(0)
    first.add_done_callback(lambda _: leader.cancel())
    work.go.release()
    await first
    with pytest.raises(asyncio.CancelledError):
        await leader
    await until_begun(work, 2)
    work.go.release()
    await other
    assert rounds.idle


async def test_an_error_is_told_to_the_one_who_met_it_and_ends_nobody_elses_wait() -> None:
    calls = 0

    async def work() -> None:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        raise ValueError("no")

    rounds = Rounds(work)
    ends = await asyncio.gather(*(rounds.join() for _ in range(5)), return_exceptions=True)
    assert [type(end) for end in ends].count(ValueError) == calls == 2
    assert rounds.idle


async def test_a_round_that_was_left_is_done_and_closing_waits_for_it() -> None:
    work = Work()
    ends: list[str] = []
    rounds = Rounds(work, lambda: ends.append("idle"))
    rounds.leave()
    await until_begun(work, 1)
    for _ in range(5):
        rounds.leave()
    work.go.release()
    await until_begun(work, 2)
    assert not ends
    work.go.release()
    await rounds.close()
    assert work.begun == 2
    assert rounds.idle
    assert ends == ["idle"]


async def test_what_a_left_round_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise StoreError("the disk is full")

    rounds = Rounds(work)
    rounds.leave()
    await rounds.close()
    assert "the disk is full" in caplog.text
    assert rounds.idle
