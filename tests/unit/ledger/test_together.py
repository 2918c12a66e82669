"""Questions that are asked together leave in one write."""

from __future__ import annotations

import asyncio

import pytest

from jetbull import Queue
from jetbull.ledger.wire.client import Client


async def test_questions_asked_together_leave_in_one_write(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[int] = []
    write = Client._write_parts

    def noted(self: Client) -> None:
        writes.append(len(self._parts))
        write(self)

    store = await queue.ledger()
    job = await queue.add("job", {})
    await store.event_log.flush()
    found = {"last_by_subj": store.names.any_state(job.id)}

    async def ask() -> int:
        answer = await store.wire.get_one(store.names.space.jobs, found)
        return 0 if answer is None else answer.seq

    monkeypatch.setattr(Client, "_write_parts", noted)
    answers = await store.wire.together(ask(), ask(), ask())
    assert writes == [3]
    assert answers == [await ask()] * 3

    async def ask_both() -> list[int]:
        return await store.wire.together(ask(), ask())

    writes.clear()
    assert await store.wire.together(ask(), ask_both()) == [answers[0], answers[:2]]
    assert writes == [3]
    writes.clear()
    await asyncio.gather(*(ask_both() for _ in range(20)))
    assert sum(writes) == 40


async def test_an_error_of_one_of_them_is_told_and_the_next_question_is_sent_at_once(
    queue: Queue,
) -> None:
    store = await queue.ledger()

    async def fail() -> None:
        raise ValueError("asked for nothing")

    with pytest.raises(ValueError, match="asked for nothing"):
        await store.wire.together(fail(), store.wire.api("INFO"))
    assert await store.newest("none") is None
