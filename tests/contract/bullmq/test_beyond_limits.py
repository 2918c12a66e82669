"""Workers without a limiter of their own whose processors find that the queue is limited."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import time
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard
from tests.contract.bullmq.situations import added

from jetbull import RateLimitError


def limiting(
    limit: Callable[[], Awaitable[Any]], begins: list[tuple[str, float]]
) -> Callable[..., Awaitable[None]]:
    """A processor whose first job limits the queue and goes back."""

    async def process(job: Any, token: str) -> None:
        begins.append((job.name, time()))
        if len(begins) == 1:
            await limit()
            raise RateLimitError

    return process


@pytest.mark.parametrize("by", ["queue", "worker"])
async def test_a_worker_that_is_told_of_a_limit_rests_until_it_is_over(
    make: Makers, queue: Any, by: str
) -> None:
    begins: list[tuple[str, float]] = []
    await added(queue, 2)

    async def limit() -> None:
        await (worker if by == "worker" else queue).rateLimit(300)

    worker = make.worker(queue, limiting(limit, begins))
    await Heard(worker, "completed").times(2)
    assert [name for name, _ in begins] == ["w0", "w0", "w1"]
    assert begins[1][1] - begins[0][1] >= 0.3


async def test_a_worker_rests_no_longer_when_the_limit_is_taken_away(
    make: Makers, queue: Any
) -> None:
    begins: list[tuple[str, float]] = []
    await added(queue, 1)

    async def limit() -> None:
        await queue.rateLimit(3_600_000)

    worker = make.worker(queue, limiting(limit, begins))
    completed, waiting = Heard(worker, "completed"), Heard(make.events(queue), "waiting")
    await waiting.times(2)
    assert await queue.removeRateLimitKey() == 1
    await completed.once()
    assert len(begins) == 2


async def test_a_worker_rests_no_longer_than_its_longest_wait(make: Makers, queue: Any) -> None:
    begins: list[tuple[str, float]] = []
    await added(queue, 1)

    async def limit() -> None:
        await queue.rateLimit(3_600_000)

    worker = make.worker(queue, limiting(limit, begins), maximumRateLimitDelay=200)
    await Heard(worker, "completed").once()
    assert begins[1][1] - begins[0][1] >= 0.2


async def test_the_longest_wait_may_be_endless(make: Makers, queue: Any) -> None:
    begins: list[tuple[str, float]] = []
    await added(queue, 1)

    async def limit() -> None:
        await queue.rateLimit(200)

    worker = make.worker(queue, limiting(limit, begins), maximumRateLimitDelay=float("inf"))
    await Heard(worker, "completed").once()
    assert begins[1][1] - begins[0][1] >= 0.2
