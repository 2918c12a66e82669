"""Shared questions: one is asked for all who want the answer at the same time."""

from __future__ import annotations

import asyncio

import pytest

from jetbull.errors import StoreError
from jetbull.ledger.store.shared import Shared


class Question:
    """Is answered, with its number, when it is let go."""

    def __init__(self) -> None:
        self.asked = 0
        self.go = asyncio.Semaphore(0)
        self.fails = False

    async def __call__(self) -> int:
        self.asked += 1
        number = self.asked
        await self.go.acquire()
        if self.fails:
            self.fails = False
            raise StoreError("no")
        return number


async def until_asked(question: Question, count: int) -> None:
    async with asyncio.timeout(5):
        while question.asked < count:
            await asyncio.sleep(0)


async def test_who_comes_while_a_question_is_under_way_shares_the_next_one() -> None:
    question = Question()
    shared = Shared(question)
    first = asyncio.create_task(shared.answer())
    await until_asked(question, 1)
    late = [asyncio.create_task(shared.answer()) for _ in range(10)]
    question.go.release()
    question.go.release()
    assert await first == 1
    assert await asyncio.gather(*late) == [2] * 10
    assert await asyncio.wait_for(_alone(shared, question), 5) == 3


async def _alone(shared: Shared[int], question: Question) -> int:
    question.go.release()
    return await shared.answer()


async def test_an_error_is_told_to_the_one_who_asked_and_the_others_ask_again() -> None:
    question = Question()
    shared = Shared(question)
    first = asyncio.create_task(shared.answer())
    await until_asked(question, 1)
    leader, *others = [asyncio.create_task(shared.answer()) for _ in range(3)]
    await asyncio.sleep(0)
    question.go.release()
    assert await first == 1
    await until_asked(question, 2)
    question.fails = True
    for _ in range(2):
        question.go.release()
    with pytest.raises(StoreError):
        await leader
    assert await asyncio.gather(*others) == [3, 3]


async def test_when_the_one_who_asks_is_cancelled_the_others_get_an_answer() -> None:
    question = Question()
    shared = Shared(question)
    first = asyncio.create_task(shared.answer())
    await until_asked(question, 1)
    leader, other = asyncio.create_task(shared.answer()), asyncio.create_task(shared.answer())
    await asyncio.sleep(0)
    question.go.release()
    assert await first == 1
    await until_asked(question, 2)
    leader.cancel()
    question.go.release()
    assert await asyncio.wait_for(other, 5) == 3
