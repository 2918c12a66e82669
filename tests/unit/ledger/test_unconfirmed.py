"""Adds whose answer was lost: what is asked of them is forgotten with those who asked."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from jetbull.ledger.store.unconfirmed import Unconfirmed


class _Events:
    """Answers when it is told to, always that all the jobs came and went."""

    def __init__(self) -> None:
        self.asked: list[set[str]] = []
        self.answer = asyncio.Event()

    async def __call__(self, job_ids: Collection[str], since_ms: int) -> set[str]:
        self.asked.append(set(job_ids))
        await self.answer.wait()
        return set(job_ids)


async def _turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_question_is_for_all_who_want_to_know_meanwhile() -> None:
    unconfirmed, events = Unconfirmed(), _Events()
    first = asyncio.ensure_future(unconfirmed.settle("1", 10, events))
    await _turns()
    others = [asyncio.ensure_future(unconfirmed.settle(str(n), n, events)) for n in (2, 3)]
    await _turns()
    events.answer.set()
    assert await asyncio.gather(first, *others) == [True, True, True]
    assert events.asked == [{"1"}, {"2", "3"}]


async def test_the_answer_for_one_who_was_cancelled_is_not_kept() -> None:
    unconfirmed, events = Unconfirmed(), _Events()
    first = asyncio.ensure_future(unconfirmed.settle("1", 10, events))
    await _turns()
    second, third = (asyncio.ensure_future(unconfirmed.settle(n, 10, events)) for n in "23")
    await _turns()
    third.cancel()
    events.answer.set()
    await asyncio.gather(first, second, third, return_exceptions=True)
    assert third.cancelled()
    assert not (unconfirmed._gone or unconfirmed._since or unconfirmed._wanted)
    assert events.asked == [{"1"}, {"2"}]


async def test_what_one_who_was_cancelled_had_asked_is_asked_again_for_the_others_only() -> None:
    unconfirmed, events = Unconfirmed(), _Events()
    first = asyncio.ensure_future(unconfirmed.settle("0", 10, events))
    await _turns()
    second, third = (asyncio.ensure_future(unconfirmed.settle(n, 10, events)) for n in "12")
    await _turns()
    first.cancel()
    await _turns()
    assert events.asked == [{"0"}, {"1", "2"}]  # the second asks for both
    second.cancel()
    await _turns()
    assert events.asked[2:] == [{"2"}]
    events.answer.set()
    assert await third
    assert not (unconfirmed._gone or unconfirmed._since or unconfirmed._wanted)
