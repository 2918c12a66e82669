"""The server's time is known whatever happens to this machine's clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from jetbull import Job, Queue, Worker
from jetbull.ledger.messages import clock
from jetbull.ledger.wire import wire

_HOUR = 3600.0
Set = Callable[[float], None]


@pytest.fixture
def set_by(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Sets this machine's clock, for jetbull, by so many seconds against the right time."""
    monkeypatch.setattr(clock, "_offset_ms", 0)
    monkeypatch.setattr(clock, "_seen", None, raising=False)
    right = time.time

    def shift(seconds: float) -> None:
        for module in (clock, wire):
            monkeypatch.setattr(module, "time", lambda: right() + seconds)

    shift(0.0)
    return shift


def is_right(now_ms: int) -> bool:
    return abs(now_ms - time.time() * 1000) < 60_000


@pytest.mark.parametrize("seconds", [-_HOUR, _HOUR])
def test_a_clock_that_is_set_changes_no_due_time(set_by: Set, seconds: float) -> None:
    assert is_right(clock.now_ms())
    set_by(seconds)
    assert is_right(clock.now_ms())
    set_by(0.0)
    assert is_right(clock.now_ms())


@pytest.mark.parametrize("seconds", [-_HOUR, _HOUR])
def test_a_quick_answer_tells_the_time_and_a_slow_one_does_not_take_that_back(
    set_by: Set, seconds: float
) -> None:
    def answer(took: float) -> None:
        asked = time.time() + seconds
        stamp = datetime.fromtimestamp(time.time() + took / 2, UTC).isoformat()
        clock.observe(stamp.replace("+00:00", "Z"), asked, asked + took)

    set_by(seconds)
    answer(0.01)
    assert is_right(clock.now_ms())
    answer(2 * _HOUR)
    assert is_right(clock.now_ms())


@pytest.mark.parametrize("seconds", [-_HOUR, _HOUR])
async def test_a_clock_that_is_set_while_the_first_answer_is_on_its_way_changes_no_due_time(
    jetbull_url: str, set_by: Set, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    read = wire.Wire._read

    async def read_meanwhile(*args: Any) -> Any:
        answer = await read(*args)
        set_by(seconds)
        return answer

    async with Queue("clocks set", {"connection": jetbull_url}) as queue:
        store = await queue.ledger()
        monkeypatch.setattr(clock, "_seen", None)  # as in a process that has just begun
        monkeypatch.setattr(wire.Wire, "_read", read_meanwhile)
        await store.wire.api(f"STREAM.INFO.{store.names.space.jobs}")
        assert is_right(clock.now_ms())


@pytest.mark.parametrize("second_clock", [True, False])
async def test_a_job_that_runs_while_the_clock_is_set_back_has_a_lock_that_lasts(
    jetbull_url: str, set_by: Set, monkeypatch: pytest.MonkeyPatch, second_clock: bool
) -> None:
    if not second_clock:
        monkeypatch.setattr(clock, "_STEADY", None, raising=False)
    runs: list[str] = []
    begun, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def process(job: Job, token: str) -> None:
        runs.append(job.name)
        begun.set()
        await go_on.wait()

    async with Queue("clocks", {"connection": jetbull_url}) as queue, asyncio.timeout(30):
        worker = Worker("clocks", process, {"connection": jetbull_url})
        worker.on("completed", lambda *_: done.set())
        go_on.set()
        await queue.add("first", {})
        await done.wait()
        for event in (begun, go_on, done):
            event.clear()
        set_by(-_HOUR)
        if not second_clock:
            while not is_right(clock.now_ms()):  # the worker asks the server now and then
                await asyncio.sleep(0.05)
        await queue.add("job", {})
        await begun.wait()
        lock = await (await queue.ledger()).newest("2")
        assert lock is not None
        ends = clock.parse_ms(lock.headers["Nats-Schedule"].removeprefix("@at "))
        assert ends > time.time() * 1000
        go_on.set()
        await done.wait()
        assert runs == ["first", "job"]
        await worker.close()
