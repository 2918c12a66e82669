"""The windows of a rate limit: every start is counted in one, and none has too many."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.faults.apart import apart, closed, until_no_job_is_left

from jetbull import Job, Queue, Worker
from jetbull.errors import AckTimeout
from jetbull.ledger.limits import gate, permits
from jetbull.ledger.limits.permits import Permits
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import Msg


async def test_a_job_taken_by_hand_leaves_no_error_of_its_limit_behind(
    queue: Queue, shared_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: left.append(context))

    async def lengthen(store: QueueStore, before: gate.Counted, end_ms: int) -> gate.Counted:
        raise AckTimeout("no answer")

    monkeypatch.setattr(permits, "_PROMPT_MS", -1)
    monkeypatch.setattr(gate, "lengthen", lengthen)
    await queue.add("job", {})
    limiter = {"limiter": {"max": 5, "duration": 60_000}}
    by_hand = Worker(queue.name, None, {**apart(shared_url, 1), **limiter})
    job = await by_hand.getNextJob("t")
    assert job is not None
    gc.collect()
    assert not left
    await closed(by_hand)


async def test_every_start_is_counted_in_a_rate_window_and_no_window_has_too_many(
    shared_url: str, name: str
) -> None:
    most, count = 30, 130
    queue = Queue(name, apart(shared_url, 0))
    await queue.addBulk([{"name": str(n), "data": {}} for n in range(count)])
    store = await queue.ledger()
    windows: dict[int, int] = {}

    async def heard(msg: Msg) -> None:
        body = json.loads(msg.data)
        windows[body["start"]] = max(windows.get(body["start"], 0), body["count"])

    await store.wire.subscribe(store.names.aux("gate", "rate"), heard)

    async def process(job: Job, token: str) -> None:
        pass

    limiter = {"max": most, "duration": 200}
    workers = [
        Worker(name, process, {**apart(shared_url, 1 + n), "concurrency": 10, "limiter": limiter})
        for n in range(3)
    ]
    await until_no_job_is_left(queue, "waiting", "active")
    assert max(windows.values()) <= most
    assert sum(windows.values()) >= count
    await closed(*workers, queue)


def answered_late(monkeypatch: pytest.MonkeyPatch, late_ms: Callable[[gate.Counted], int]) -> None:
    """The next count is answered so much later, as far as clocks tell."""
    count = gate.count

    async def slow(*args: Any) -> gate.Counted:
        monkeypatch.setattr(gate, "count", count)
        counted = await count(*args)
        ahead_ms = late_ms(counted)
        for module in (gate, permits):
            monkeypatch.setattr(module, "now_ms", lambda: now_ms() + ahead_ms)
        return counted

    monkeypatch.setattr(gate, "count", slow)


async def test_a_window_lasts_its_time_from_its_first_start_however_long_that_was_counted(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await queue.ledger()
    answered_late(monkeypatch, lambda _: 100)
    starts = Permits(store)
    assert await starts.take(1, (2, 60_000)) == 1
    await starts.give_back()
    window = (await gate.counted(store)).window
    assert window.count == 1
    assert window.end_ms - window.start_ms >= 60_100


async def test_a_start_that_was_counted_in_a_window_and_comes_behind_it_counts_in_the_next(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await queue.ledger()
    starts = Permits(store)
    assert await starts.take(1, (2, 60_000)) == 1
    await starts.give_back()  # nothing is under way any more
    first = (await gate.counted(store)).window
    answered_late(monkeypatch, lambda counted: counted.window.end_ms - now_ms() + 1)
    assert await starts.take(1, (2, 60_000)) == 1
    second = (await gate.counted(store)).window
    assert (first.count, second.count) == (1, 1)
    assert second.start_ms >= first.end_ms
