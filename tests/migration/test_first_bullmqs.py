"""What only the first libraries wrote: BullMQ up to about 1.80 (hashes without `parent` and `rjk`),
the first Bull 3, and Bull up to 2 (finished jobs in sets, hashes without a name)."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pytest

from bull2jet.commands.finalize import finalize
from bull2jet.commands.rollback import rollback
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.findings import Severity
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict

from .conftest import RedisServer
from .working import worker_on

OLD = {"timestamp": 1_790_000_000_000, "delay": 0, "priority": 0}


def put(client: Any, key: str, opts: dict[str, Any], **fields: Any) -> None:
    """The hash of a job as BullMQ 1.40 writes it; `parentKey` is empty where there is no parent."""
    base = {"name": "work", "data": "{}", "parentKey": "", **OLD}
    client.hset(key, mapping={**base, "opts": json.dumps(opts), **fields})


def put_flow(client: Any) -> None:
    """A parent in `books` that waits for one child in `pages`."""
    parent = {"id": "book", "queue": "bull:books"}
    put(client, "bull:books:book", {"attempts": 0, "delay": 0})
    client.zadd("bull:books:waiting-children", {"book": OLD["timestamp"]})
    client.sadd("bull:books:book:dependencies", "bull:pages:page")
    put(client, "bull:pages:page", {"attempts": 0, "parent": parent}, parentKey="bull:books:book")
    client.lpush("bull:pages:wait", "page")
    for name in ("books", "pages"):
        client.hset(f"bull:{name}:meta", "opts.maxLenEvents", 10000)


def put_repeating(client: Any, slot: int, *, named: bool = False) -> str:
    """A job that repeats every second and waits for its next slot; the id of its scheduler.

    BullMQ 1.0 `named` its jobs; later versions made one hash of name and member.
    """
    member = "tick::::1000"
    hashed = hashlib.md5(member.encode()).hexdigest()
    scheduler = f"tick:{hashed}" if named else hashlib.md5(f"tick{hashed}".encode()).hexdigest()
    opts = {"attempts": 0, "delay": 741, "repeat": {"every": 1000, "count": 1}, "prevMillis": slot}
    put(client, f"bull:q:repeat:{scheduler}:{slot}", opts, name="tick", delay=741)
    client.zadd("bull:q:repeat", {member: slot})
    client.zadd("bull:q:delayed", {f"repeat:{scheduler}:{slot}": slot * 4096 + 1})
    client.hset("bull:q:meta", "opts.maxLenEvents", 10000)
    return scheduler


async def test_a_parent_that_only_a_key_names_runs_when_its_child_is_done(
    redis_server: RedisServer, options: Options
) -> None:
    put_flow(redis_server.client)
    report = await run(options, Silent())
    assert report.verdict is Verdict.FINE, report.findings
    async with worker_on(options, "pages") as pages, worker_on(options, "books") as books:
        await pages.until("page")
        await books.until("book")
        parent = await books.queue.getJob("book")
        assert parent is not None
        assert await parent.getChildrenValues() == {"bull:pages:page": "done page"}
    assert (await verify(options, Silent())).verdict is Verdict.FINE


@pytest.mark.parametrize("named", [False, True])
async def test_a_repeating_job_whose_jobs_do_not_name_it_goes_on(
    named: bool, redis_server: RedisServer, options: Options
) -> None:
    slot = int(time.time() * 1000) // 1000 * 1000
    scheduler = put_repeating(redis_server.client, slot, named=named)
    report = await run(options, Silent())
    assert report.verdict is Verdict.FINE, report.findings
    async with worker_on(options, "q") as shift:
        await shift.until(f"repeat:{scheduler}:{slot}")
        (rule,) = await shift.queue.getJobSchedulers()
        assert rule["key"] == scheduler and rule["next"] > slot
        await shift.until(f"repeat:{scheduler}:{rule['next']}")
    assert (await verify(options, Silent())).verdict is Verdict.FINE


async def test_such_a_job_comes_back_as_it_was(redis_server: RedisServer, options: Options) -> None:
    client = redis_server.client
    put_flow(client)
    put_repeating(client, int(time.time() + 3600) * 1000)
    before = {
        key: client.hgetall(key) for key in client.keys("bull:*") if client.type(key) == b"hash"
    }
    await run(options, Silent())
    assert (await rollback(options, Silent())).verdict is Verdict.FINE
    assert {key: client.hgetall(key) for key in before} == before


async def test_repeating_jobs_of_the_first_bull_3_go_on_unless_their_ids_meet(
    redis_server: RedisServer, options: Options
) -> None:
    client, slot = redis_server.client, int(time.time() * 1000) // 1000 * 1000
    opts = {"repeat": {"cron": "* * * * * *"}, "jobId": f"repeat:tick::{slot}", "delay": 741}
    put(client, f"bull:q:repeat:tick::{slot}", opts, name="tick", delay=741)
    client.zadd("bull:q:delayed", {f"repeat:tick::{slot}": slot * 4096 + 1})
    client.zadd("bull:q:repeat", {"tick::::* * * * * *": slot, "tick::::*/7 * * * * *": slot})
    client.set("bull:q:id", 1)
    report = await run(options, Silent())
    lost = [f.text for f in report.findings if f.code == "scheduler-lost"]
    assert len(lost) == 1 and "the same ids" in lost[0]
    async with worker_on(options, "q") as shift:
        await shift.until(f"repeat:tick::{slot}")
        (rule,) = await shift.queue.getJobSchedulers()
        assert rule["key"] == "tick:" and rule["next"] > slot


async def test_of_two_repeating_jobs_with_the_same_ids_one_stays_however_often_it_is_run(
    redis_server: RedisServer, options: Options
) -> None:
    client, slot = redis_server.client, int(time.time() + 3600) * 1000
    members = {"tick::::0 0 1 1 *": slot, "tick::::0 0 2 1 *": slot + 1000}
    for member, when in members.items():
        job_id = f"repeat:tick::{when}"
        opts = {"repeat": {"cron": member.removeprefix("tick::::")}, "jobId": job_id}
        put(client, f"bull:q:{job_id}", opts, name="tick", delay=741)
        client.zadd("bull:q:delayed", {job_id: when * 4096 + 1})
    client.zadd("bull:q:repeat", members)
    client.set("bull:q:id", 1)
    for command in (run, verify, run, verify):
        report = await command(options, Silent())
        assert report.verdict is Verdict.LEFT
        lost = [f for f in report.findings if f.severity is Severity.LEFT]
        assert [f.code for f in lost] == ["scheduler-lost"] and "0 0 2 1" in lost[0].text
    assert client.zrange("bull:q:repeat", 0, -1) == [b"tick::::0 0 2 1 *"]
    assert (await rollback(options, Silent())).verdict is Verdict.FINE
    assert dict(client.zrange("bull:q:repeat", 0, -1, withscores=True)) == {
        member.encode(): when for member, when in members.items()
    }


def put_old_bull(client: Any) -> None:
    """A queue of Bull 0.7 to 2."""
    base = {"data": "{}", "opts": "{}", "progress": 0, "delay": "undefined", "attempts": 1}
    base |= {"timestamp": OLD["timestamp"], "attemptsMade": 0, "stacktrace": "[]"}
    for job_id in ("1", "2", "10", "11", "12"):
        client.hset(f"bull:q:{job_id}", mapping={**base, "returnvalue": "null"})
    client.hset("bull:q:2", mapping={"returnvalue": '"well"', "lockAcquired": 1})
    client.hset("bull:q:11", mapping={"failedReason": "bad", "attemptsMade": 1})
    client.sadd("bull:q:completed", "10", "2", "1")
    client.sadd("bull:q:failed", "11")
    client.lpush("bull:q:wait", "12")
    client.set("bull:q:id", 12)


async def test_finished_jobs_that_bull_2_keeps_in_sets_are_carried_and_come_back_as_sets(
    redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    put_old_bull(client)
    report = await run(options, Silent())
    assert report.verdict is Verdict.FINE and not list(report.findings), report.findings
    async with worker_on(options, "q") as shift:
        await shift.until("12")
        done = await shift.queue.getCompleted()
        assert [job.id for job in done] == ["12", "10", "2", "1"]
        assert done[2].returnvalue == "well"
        (failed,) = await shift.queue.getFailed()
        assert (failed.failedReason, failed.attemptsMade) == ("bad", 1)
        await failed.retry()
        await shift.until("11")
    assert (await verify(options, Silent())).verdict is Verdict.FINE
    assert (await rollback(options, Silent())).verdict is Verdict.FINE
    assert client.smembers("bull:q:completed") == {b"1", b"2", b"10", b"11", b"12"}
    assert client.type("bull:q:failed") == b"none"
    written = client.hgetall("bull:q:12")
    assert (written[b"attempts"], written[b"attemptsMade"]) == (b"1", b"1")


async def test_finalize_leaves_a_key_of_a_wrong_type_where_it_is(
    redis_server: RedisServer,
    options: Options,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)  # where the archives go
    client = redis_server.client
    put_flow(client)
    client.set("bull:books:failed", "not of this library")
    await run(options, Silent())
    await finalize(options, Silent())
    assert client.get("bull:books:failed") == b"not of this library"
    assert not client.exists("bull:books:book", "bull:pages:page")
