"""BullMQ 4 to 5.53 kept some intervals in whole multiples, and ran each job an offset later."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from bull2jet.commands.run import run
from bull2jet.options import Options
from bull2jet.progress import Silent

from .conftest import RedisServer
from .working import queue_of, worker_on

HOUR = 3_600_000
MEMBERS = {"scheduler": "tick", "repeatable": "tick::::3600000"}


def put_interval(client: Any, kind: str, *, delay: int) -> tuple[str, int]:
    """An hourly job that is due since a moment, as the library wrote it; its id, and when."""
    due = int(time.time() * 1000) - 1
    slot = due // HOUR * HOUR
    name = "tick" if kind == "scheduler" else "5f3b2c1a9d8e7f60"
    job_id, member = f"repeat:{name}:{slot}", MEMBERS[kind]
    repeat = {"every": HOUR, "count": 1, "offset": due - slot}
    opts = {"repeat": repeat, "jobId": job_id, "delay": delay, "prevMillis": slot}
    fields = {"name": "tick", "data": "{}", "opts": json.dumps(opts), "rjk": member}
    client.hset("bull:q:meta", "version", "bullmq:5.53.0")
    client.hset(f"bull:q:{job_id}", mapping={**fields, "timestamp": due - delay, "delay": delay})
    client.zadd("bull:q:delayed", {job_id: due * 4096})
    client.zadd("bull:q:repeat", {member: slot})
    if kind == "scheduler":
        client.hset("bull:q:repeat:tick", mapping={"name": "tick", "every": HOUR, "ic": 1})
    return job_id, due


@pytest.mark.parametrize("delay", [0, HOUR], ids=["the first one", "a later one"])
@pytest.mark.parametrize("kind", MEMBERS)
async def test_an_interval_that_ran_behind_its_slots_keeps_its_pace(
    kind: str, delay: int, redis_server: RedisServer, options: Options
) -> None:
    job_id, due = put_interval(redis_server.client, kind, delay=delay)
    await run(options, Silent())
    async with worker_on(options, "q") as shift:
        await shift.until(job_id)
    async with queue_of(options, "q") as queue:
        (scheduler,) = await queue.getJobSchedulers()
        (upcoming,) = await queue.getDelayed()
    assert scheduler["next"] == due + HOUR
    assert upcoming.timestamp + upcoming.delay == due + HOUR


async def test_it_goes_on_from_there_in_whole_intervals(
    redis_server: RedisServer, options: Options
) -> None:
    job_id, due = put_interval(redis_server.client, "scheduler", delay=HOUR)
    await run(options, Silent())
    async with worker_on(options, "q") as shift:
        await shift.until(job_id)
        (upcoming,) = await shift.queue.getDelayed()
        await upcoming.promote()
        await shift.until(str(upcoming.id))
        (scheduler,) = await shift.queue.getJobSchedulers()
    assert scheduler["next"] == due + 2 * HOUR
