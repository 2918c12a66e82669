"""Queues that a newer version has gone on with, and what versions in between have left in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bull2jet.commands.finalize import finalize
from bull2jet.commands.plan import plan
from bull2jet.commands.rollback import rollback
from bull2jet.commands.run import run
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict

from .conftest import RedisServer, put_job
from .working import queue_of, worker_on


async def test_a_job_of_bullmq_4_that_5_has_begun_again_keeps_its_tries(
    redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    client.hset("bull:q:meta", mapping={"opts.maxLenEvents": 10000, "version": "bullmq:5.62.2"})
    put_job(client, "again", attemptsMade=2, ats=1)
    client.lpush("bull:q:active", "again")
    client.set("bull:q:id", 1)
    assert (await run(options, Silent())).verdict is Verdict.FINE
    async with queue_of(options, "q") as queue:
        job = await queue.getJob("again")
        assert job is not None
        assert job.attemptsMade == 2


async def test_the_notes_of_retries_that_bull_3_and_the_first_bullmq_pile_up_are_its_own(
    redis_server: RedisServer,
    options: Options,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = redis_server.client
    monkeypatch.chdir(tmp_path)  # where the archives go
    put_job(client, "1")
    client.lpush("bull:q:wait", "1")
    client.lpush("bull:q:wait:added", "1", "1")
    client.set("bull:q:id", 1)
    planned = await plan(options, Silent())
    assert planned.verdict is Verdict.FINE, planned.findings
    assert [line.queue for line in planned.queues] == ["bull:q"]
    assert (await run(options, Silent())).verdict is Verdict.FINE
    assert (await finalize(options, Silent())).verdict is Verdict.FINE
    assert client.keys("*") == []


async def test_the_delay_of_a_parent_that_an_early_bullmq_does_not_mind_is_told(
    redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    client.hset("bull:q:meta", mapping={"opts.maxLenEvents": 10000, "version": "bullmq:3.2.4"})
    put_job(client, "parent", delay=1000)
    put_job(
        client, "child", parentKey="bull:q:parent", parent='{"id":"parent","queueKey":"bull:q"}'
    )
    client.zadd("bull:q:waiting-children", {"parent": 1_790_000_000_000})
    client.sadd("bull:q:parent:dependencies", "bull:q:child")
    client.lpush("bull:q:wait", "child")
    planned = await plan(options, Silent())
    assert ("parent-delay", "parent") in {(f.code, f.job) for f in planned.findings}
    client.hset("bull:q:meta", "version", "bullmq:3.5.11")
    planned = await plan(options, Silent())
    assert "parent-delay" not in {f.code for f in planned.findings}


async def test_a_queue_of_bull_2_that_bull_4_has_gone_on_with_comes_back_as_bull_4_reads_it(
    redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    put_job(client, "1", attempts=1, attemptsMade=0)  # as Bull 2 made it
    put_job(client, "2", returnvalue="1", finishedOn=1_790_000_000_000)
    client.lpush("bull:q:wait", "1")
    client.zadd("bull:q:completed", {"2": 1_790_000_000_000})
    client.set("bull:q:id", 2)
    assert (await run(options, Silent())).verdict is Verdict.FINE
    async with worker_on(options, "q") as shift:
        await shift.until("1")
    assert (await rollback(options, Silent())).verdict is Verdict.FINE
    assert client.zrange("bull:q:completed", 0, -1) == [b"2", b"1"]


async def test_a_queue_of_bull_2_whose_newest_jobs_are_of_bull_4_ends_as_bull_4_reads_it(
    redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    for number in range(1, 9):
        put_job(client, str(number), **({"attempts": 1, "attemptsMade": 0} if number > 1 else {}))
        client.lpush("bull:q:wait", str(number))
    client.set("bull:q:id", 8)
    assert (await run(options, Silent())).verdict is Verdict.FINE
    async with worker_on(options, "q") as shift:
        await shift.until("8")
    assert (await rollback(options, Silent())).verdict is Verdict.FINE
    assert client.type("bull:q:completed") == b"zset"


async def test_bulls_mark_of_a_pause_does_not_hold_a_queue_that_bullmq_has_gone_on_with(
    redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    client.hset("bull:q:meta", mapping={"opts.maxLenEvents": 10000, "version": "bullmq:5.62.2"})
    client.set("bull:q:meta-paused", 1)
    put_job(client, "1")
    client.lpush("bull:q:wait", "1")
    assert (await run(options, Silent())).verdict is Verdict.FINE
    async with worker_on(options, "q") as shift:
        await shift.until("1")
