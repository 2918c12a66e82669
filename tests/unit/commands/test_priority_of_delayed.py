"""The priority of a delayed job may change until it is due, whoever is there by then."""

from __future__ import annotations

import asyncio

import pytest

from jetbull import Queue


@pytest.mark.parametrize(("before", "after", "state"), [(0, 5, "prioritized"), (5, 0, "waiting")])
async def test_a_delayed_job_goes_to_the_line_of_its_new_priority_when_the_server_lets_it_go(
    jetbull_url: str, before: int, after: int, state: str
) -> None:
    options = {"connection": jetbull_url}
    async with Queue("changed", options) as queue:
        job = await queue.add("job", {}, {"delay": 400, "priority": before})
        await job.changePriority({"priority": after})
        assert await job.getState() == "delayed"
    # Whoever promotes it on the millisecond is gone; the server's schedule is not.
    async with Queue("changed", options) as queue, asyncio.timeout(20):
        while await queue.getJobState(job.id) == "delayed":
            await asyncio.sleep(0.02)
        assert await queue.getJobState(job.id) == state
        counts = await queue.getJobCounts("waiting", "prioritized")
        assert counts == {"waiting": 0, "prioritized": 0} | {state: 1}
        assert (await queue.getJobs(state))[0].priority == after


async def test_delayed_jobs_keep_their_order_when_the_priority_of_one_changes(
    jetbull_url: str,
) -> None:
    async with Queue("changed", {"connection": jetbull_url}) as queue:
        jobs = [
            await queue.add(name, {}, {"delay": 60_000, "timestamp": 4_000_000_000_000})
            for name in ("first", "second")
        ]
        await jobs[0].changePriority({"priority": 7})
        assert [job.name for job in await queue.getDelayed()] == ["first", "second"]
