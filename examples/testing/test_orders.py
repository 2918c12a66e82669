"""Tests against a real server, with the fixtures of jetbull.testing.

pip install ".[server]" pytest pytest-asyncio  # in a clone
pytest examples/testing
"""

from __future__ import annotations

import pytest
from orders import send_order, take_order

from jetbull import Queue, QueueEvents, Worker


@pytest.mark.asyncio
@pytest.mark.usefixtures("jetbull_url", "no_jetbull_leaks")
async def test_an_order_is_stored_with_three_attempts() -> None:
    async with Queue("orders") as queue:
        job = await take_order(queue, "lamp", 2)
        stored = await queue.getJob(job.id)
        assert stored is not None
        assert (stored.id, stored.data, stored.attempts) == ("1", {"item": "lamp", "count": 2}, 3)


@pytest.mark.asyncio
@pytest.mark.usefixtures("jetbull_url", "no_jetbull_leaks")
async def test_a_refused_order_leaves_no_job() -> None:
    async with Queue("orders") as queue:
        with pytest.raises(ValueError, match="at least one"):
            await take_order(queue, "lamp", 0)
        assert await queue.count() == 0


@pytest.mark.asyncio
@pytest.mark.usefixtures("jetbull_url", "no_jetbull_leaks")
async def test_a_worker_sends_the_order() -> None:
    async with (
        Queue("orders") as queue,
        QueueEvents("orders") as events,
        Worker("orders", send_order),
    ):
        job = await take_order(queue, "lamp", 2)
        assert await job.waitUntilFinished(events, 5000) == "2 x lamp sent"
