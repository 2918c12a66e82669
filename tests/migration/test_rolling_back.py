"""What was carried comes back to Redis: the same content, the same order, for every version."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import bullmq
import pytest

from bull2jet.commands.finalize import finalize
from bull2jet.commands.plan import plan
from bull2jet.commands.rollback import rollback
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.errors import NotGoError
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict
from bull2jet.source.door import Door

from .conftest import Load, NatsServer, RedisServer, make_jobs, put_job
from .reading import schedulers, snapshot
from .test_reading_golden_dumps import ALL
from .working import worker_on


def forget_jobs(client: Any) -> None:
    """Deletes the hashes and parts of all jobs but the held one; schedulers stay."""
    for key in client.keys("*"):
        name = key.decode()
        scheduler = ":repeat:" in name and not name.rsplit(":", 1)[1].isdigit()
        part = name.endswith((":logs", ":dependencies", ":processed", ":unsuccessful"))
        if "held-with-lock" in name or name.endswith(":meta") or scheduler:
            continue
        if part or client.type(key) == b"hash":
            client.delete(key)


@pytest.mark.parametrize("dump", ALL)
async def test_a_round_trip_changes_nothing(
    dump: str, load: Load, options: Options, door: Door, redis_server: RedisServer
) -> None:
    load(dump)
    before, rules = await snapshot(door), await schedulers(door)
    paused = redis_server.client.hget("bull:resting place:meta", "paused")
    await run(options, Silent())
    report = await rollback(options, Silent())
    assert report.verdict is Verdict.FINE
    assert await snapshot(door) == before
    assert await schedulers(door) == rules
    client = redis_server.client
    assert client.hget("bull:resting place:meta", "paused") == paused
    assert not client.hexists("bull:audio:meta", "paused")
    assert not client.exists("bull:audio:meta-paused")
    assert not client.keys("*bull2jet*")


@pytest.mark.parametrize("dump", ALL)
async def test_jobs_are_written_anew_when_their_hashes_are_gone(
    dump: str, load: Load, options: Options, door: Door, redis_server: RedisServer
) -> None:
    load(dump)
    before = await snapshot(door)
    await run(options, Silent())
    forget_jobs(redis_server.client)
    await rollback(options, Silent())
    assert await snapshot(door) == before


async def test_what_was_changed_and_added_on_the_target_comes_back_too(
    redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    make_jobs(client, 4)
    await run(options, Silent())
    async with worker_on(options, "q") as shift:
        await shift.until("w4")
        await shift.queue.pause()
        fresh = await shift.queue.add("new", {"from": "nats"}, {"attempts": 2})
        await shift.queue.setGlobalConcurrency(7)
    assert (await rollback(options, Silent())).verdict is Verdict.FINE
    async with old_queue(redis_server) as queue:
        done = await bullmq.Job.fromId(queue, "w1")
        assert await done.getState() == "completed" and done.returnvalue == "done w1"
        assert done.attemptsMade == 1
        late = await bullmq.Job.fromId(queue, str(fresh.id))
        assert late.data == {"from": "nats"} and late.opts["attempts"] == 2
        assert await late.getState() == "waiting"
        assert await queue.isPaused()
        assert await queue.getGlobalConcurrency() == 7
        assert (await queue.add("next", {})).id == str(int(str(fresh.id)) + 1)


@pytest.mark.parametrize("dump", ALL)
async def test_options_come_back_as_their_own_version_reads_them(
    dump: str, load: Load, options: Options, redis_server: RedisServer
) -> None:
    client = redis_server.client
    load(dump)
    client.hset("bull:audio:payload-order", "opts", '{"keepLogs":3,"attempts":0}')
    before = {key: client.hget(key, "opts") for key in client.keys("bull:audio:payload-*")}
    await run(options, Silent())
    async with worker_on(options, "audio") as shift:
        fresh = await shift.queue.add("fresh", {}, {"keepLogs": 3})
        await shift.until("payload-order", str(fresh.id))
    assert (await rollback(options, Silent())).verdict is Verdict.FINE
    assert {key: client.hget(key, "opts") for key in before} == before
    long = dump.startswith("bull-") or dump in ("bullmq-1", "bullmq-2")
    written = json.loads(client.hget(f"bull:audio:{fresh.id}", "opts"))
    assert written["keepLogs" if long else "kl"] == 3


async def test_old_workers_go_on_after_the_way_back(
    redis_server: RedisServer, options: Options
) -> None:
    make_jobs(redis_server.client, 4)
    await run(options, Silent())
    await rollback(options, Silent())
    taken: list[str] = []
    enough = asyncio.Event()

    async def process(job: bullmq.Job, token: str) -> None:
        taken.append(job.id)
        if len(taken) == 5:
            enough.set()

    worker = bullmq.Worker("q", process, {"connection": address(redis_server)})
    async with asyncio.timeout(20):
        await enough.wait()
    await worker.close()
    assert taken == ["w1", "w2", "w3", "w4", "p1"]


async def test_very_many_jobs_that_are_due_at_once_keep_their_order(
    redis_server: RedisServer, options: Options
) -> None:
    """Their scores have room for 4,096 in a millisecond; the ids decide between the rest."""
    client = redis_server.client
    make_jobs(client, 4)
    pipe, due = client.pipeline(transaction=False), 2_000_000_000_000 * 4096
    for number in range(5000):
        put_job(pipe, f"tie{number:04}", delay=1000)
        pipe.zadd("bull:q:delayed", {f"tie{number:04}": due + min(number, 4095)})
    pipe.execute()
    before = client.zrange("bull:q:delayed", 0, -1, withscores=True)
    await run(options, Silent())
    await rollback(options, Silent())
    assert client.zrange("bull:q:delayed", 0, -1, withscores=True) == before


async def test_a_deduplication_id_whose_owner_finished_on_the_target_is_free_again(
    redis_server: RedisServer, options: Options
) -> None:
    once: dict[str, Any] = {"deduplication": {"id": "once"}}
    kept: dict[str, Any] = {"deduplication": {"id": "kept"}, "delay": 3_600_000}
    timed: dict[str, Any] = {"deduplication": {"id": "timed", "ttl": 3_600_000}}
    async with old_queue(redis_server) as queue:
        for opts in (once, kept, timed):
            await queue.add("work", {}, opts)
        await run(options, Silent())
        async with worker_on(options, "q") as shift:
            await shift.until("1", "3")
        await rollback(options, Silent())
        assert (await queue.add("work", {}, once)).id == "4"
        assert (await queue.add("work", {}, kept)).id == "2"
        assert (await queue.add("work", {}, timed)).id == "3"


async def test_an_add_that_became_a_job_on_the_target_is_no_longer_remembered(
    redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    make_jobs(client, 1)
    opts = '{"de":{"id":"last","keepLastIfActive":true}}'
    client.hset("bull:q:w1", mapping={"deid": "last", "opts": opts})
    client.set("bull:q:de:last", "w1")
    client.hset("bull:q:dn:last", mapping={"name": "next", "data": "{}", "opts": opts, "jid": "9"})
    await run(options, Silent())
    async with worker_on(options, "q") as shift:
        await shift.until("w1", "9")
    await rollback(options, Silent())
    assert client.zscore("bull:q:completed", "9") is not None
    assert not client.exists("bull:q:dn:last", "bull:q:de:last")


async def test_a_remembered_add_that_is_broken_stays_in_redis_on_the_way_back(
    redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    make_jobs(client, 1)
    client.hset("bull:q:w1", "deid", "last")
    client.set("bull:q:de:last", "w1")
    client.hset("bull:q:dn:last", mapping={"name": "next", "data": "no JSON", "opts": "{}"})
    assert (await run(options, Silent())).verdict is Verdict.LEFT
    await rollback(options, Silent())
    assert client.get("bull:q:de:last") == b"w1"
    assert client.hget("bull:q:dn:last", "data") == b"no JSON"


async def test_another_redis_is_not_taken_for_the_one_that_was_migrated(
    redis_server: RedisServer, options: Options
) -> None:
    make_jobs(redis_server.client, 4)
    await run(options, Silent())
    redis_server.client.flushall()
    make_jobs(redis_server.client, 4)  # a backup, or another server behind the same name
    for command in (run, verify, rollback):
        with pytest.raises(NotGoError, match="came from another Redis"):
            await command(options, Silent())
    assert redis_server.client.llen("bull:q:wait") == 4


async def test_a_mark_that_redis_has_evicted_closes_no_way(
    redis_server: RedisServer, options: Options
) -> None:
    make_jobs(redis_server.client, 4)
    await run(options, Silent())
    redis_server.client.delete("bull:q:bull2jet:migration")
    for command in (run, verify, rollback):
        assert (await command(options, Silent())).verdict is Verdict.FINE
    assert redis_server.client.llen("bull:q:wait") == 4


async def test_another_nats_is_not_taken_for_the_one_that_was_migrated_to(
    redis_server: RedisServer, options: Options, tmp_path: Path
) -> None:
    make_jobs(redis_server.client, 4)
    await run(options, Silent())
    other = NatsServer(tmp_path)
    try:
        elsewhere = options.model_copy(update={"to": other.url})
        for command in (plan, run, verify, rollback, finalize):
            with pytest.raises(NotGoError, match="carried to another NATS server"):
                await command(elsewhere, Silent())
    finally:
        other.stop()
    assert (await verify(options, Silent())).verdict is Verdict.FINE
    assert (await rollback(options, Silent())).verdict is Verdict.FINE
    assert redis_server.client.llen("bull:q:wait") == 4


@contextlib.asynccontextmanager
async def old_queue(server: RedisServer) -> AsyncIterator[bullmq.Queue]:
    queue = bullmq.Queue("q", {"connection": address(server)})
    try:
        yield queue
    finally:
        await queue.close()


def address(server: RedisServer) -> dict[str, object]:
    return {"host": "127.0.0.1", "port": server.port}
