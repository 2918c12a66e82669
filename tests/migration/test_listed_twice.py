"""Jobs that Redis lists in more than one place stand in one place on the target."""

from __future__ import annotations

from pathlib import Path

import pytest

from bull2jet.commands.finalize import finalize
from bull2jet.commands.plan import plan
from bull2jet.commands.rollback import rollback
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.model import State
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict
from bull2jet.source.discovery import discover
from bull2jet.source.door import Door
from bull2jet.source.handover import Handover
from bull2jet.source.lease import held_lease
from bull2jet.source.listing import Holder

from .conftest import RedisServer, make_jobs, put_job
from .reading import the
from .working import queue_of


async def test_an_id_that_lists_name_more_than_once_is_carried_once(
    redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    make_jobs(client, 8)
    client.lpush("bull:q:wait", "w2", "w1", "w1")
    put_job(client, "a")
    client.lpush("bull:q:active", "a", "a")
    client.lpush("bull:q:wait", "a")
    report = await run(options.model_copy(update={"batch": 3}), Silent())
    assert report.verdict is Verdict.FINE, report.findings
    twice = sorted(f.job for f in report.findings if f.code == "listed-twice")
    assert twice == ["a", "a", "w1", "w2"]
    assert report.queues[0].states["waiting"].equal == 8
    client.lpush("bull:q:bull2jet:wait", "w3")
    checked = await verify(options, Silent())
    assert checked.queues[0].states["waiting"].equal == 8
    await rollback(options, Silent())
    line = [job_id.decode() for job_id in client.lrange("bull:q:wait", 0, -1)]
    assert sorted(line) == ["a", *(f"w{number}" for number in range(1, 9))]


@pytest.mark.parametrize("version", ["5.81.5", "6.7.0"])
async def test_an_id_that_waits_twice_is_planned_and_carried_once(
    redis_server: RedisServer, options: Options, version: str
) -> None:
    """In `paused` and `wait`, which BullMQ 6 keeps apart though it pauses, or in one of them."""
    client = redis_server.client
    make_jobs(client, 8)
    client.hset("bull:q:meta", "version", f"bullmq:{version}")
    client.lpush("bull:q:wait", "w1")
    client.lpush("bull:q:paused", "w2", "w3", "w3")
    planned = await plan(options, Silent())
    assert planned.summary == "Go: 16 of 16 jobs would be carried."
    report = await run(options, Silent())
    assert report.summary == "16 jobs carried, 0 left in Redis."
    for each in (planned, report):
        twice = {f.job for f in each.findings if f.code == "listed-twice"}
        assert twice == {"w1", "w2", "w3"}
    assert planned.queues[0].states["waiting"].count == 8
    assert report.queues[0].states["waiting"].equal == 8
    assert client.llen("bull:q:bull2jet:wait") + client.llen("bull:q:bull2jet:paused") == 8
    await rollback(options, Silent())
    line = [*client.lrange("bull:q:wait", 0, -1), *client.lrange("bull:q:paused", 0, -1)]
    assert sorted(line) == [f"w{number}".encode() for number in range(1, 9)]


async def test_nothing_is_left_of_a_job_that_several_collections_list(
    redis_server: RedisServer, options: Options, tmp_path: Path
) -> None:
    """The one that the library's `getState` names first is where the job is."""
    client = redis_server.client
    make_jobs(client, 4)
    client.zadd("bull:q:delayed", {"w1": 2_000_000_000_000 * 4096})
    client.zadd("bull:q:completed", {"w2": 1_790_000_000_000})
    client.zadd("bull:q:failed", {"c1": 1_790_000_000_000})
    client.lpush("bull:q:active", "w3", "p1", "parent1")
    report = await run(options, Silent())
    assert report.verdict is Verdict.FINE, report.findings
    assert (await verify(options, Silent())).verdict is Verdict.FINE
    twice = {f.job for f in report.findings if f.code == "listed-twice"}
    assert twice == {"w1", "w2", "c1", "w3", "p1", "parent1"}
    async with queue_of(options, "q") as target:
        states = {job_id: await target.getJobState(job_id) for job_id in twice}
    assert states == {
        "w1": "delayed", "w2": "completed", "c1": "completed", "w3": "waiting",
        "p1": "prioritized", "parent1": "waiting",
    }  # fmt: skip
    archive = tmp_path / "archive.gz"
    await finalize(options.model_copy(update={"archive": archive}), Silent())
    assert client.keys() == []


async def test_a_job_that_is_active_no_longer_keeps_its_place_among_the_waiting(
    redis_server: RedisServer, writing_door: Door
) -> None:
    """An old worker may put it back at any moment before it is struck out as a double."""
    make_jobs(redis_server.client, 4)
    found = the(await discover(writing_door), "q")
    async with held_lease(writing_door, found.queue, "run") as lease:
        handover = Handover(writing_door, found, lease)
        waiting = Holder("wait", State.WAITING, is_list=True)
        assert await handover.strike(waiting, "w1", as_in="active") == 0
        redis_server.client.lpush("bull:q:active", "w1")
        assert await handover.strike(waiting, "w1", as_in="active") == 1
    assert redis_server.client.lrange("bull:q:wait", 0, -1) == [b"w4", b"w3", b"w2"]
