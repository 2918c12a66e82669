"""Queues that are unusual but sound: odd options, held ids, limits, several layouts."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from typing import Any

import bullmq
import pytest

from bull2jet.commands.rollback import rollback
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict
from bull2jet.source.door import Door
from jetbull import Job, Worker
from jetbull.ledger.messages import clock
from jetbull.ledger.wire import wire

from .conftest import RedisServer, make_jobs, put_job
from .there_and_back import and_back, there
from .working import queue_of, worker_on


async def test_tries_of_a_job_that_saw_two_layouts_count_as_its_library_counts_them(
    redis_server: RedisServer, options: Options
) -> None:
    """BullMQ 4 counted in `attemptsMade`, 5 went on in `atm`, and believes the former."""
    make_jobs(redis_server.client, 1)
    redis_server.client.hset("bull:q:w1", mapping={"attemptsMade": 2, "atm": 1, "ats": 1})
    await there(options)
    async with queue_of(options, "q") as target:
        job = await target.getJob("w1")
        assert job is not None and job.attemptsMade == 2


async def test_a_parent_that_goes_on_before_its_children_may_finish_before_them(
    redis_server: RedisServer, options: Options, door: Door
) -> None:
    """BullMQ 5.50 notes it in `igdp` when `continueParentOnFailure` lets a parent go."""
    client = redis_server.client
    make_jobs(client, 1)
    put_job(client, "parent", igdp=1)
    client.lpush("bull:q:wait", "parent")
    client.sadd("bull:q:parent:dependencies", "bull:q:d1")
    put_job(client, "d1", parent='{"id":"parent","queueKey":"bull:q"}', parentKey="bull:q:parent")
    client.zadd("bull:q:delayed", {"d1": 2_000_000_000_000 * 4096})
    await there(options)
    assert (await rollback(options, Silent())).verdict is Verdict.FINE
    assert client.smembers("bull:q:parent:dependencies") == {b"bull:q:d1"}
    await there(options)
    async with worker_on(options, "q") as shift:
        await shift.until("parent")
    async with queue_of(options, "q") as target:
        assert await target.getJobState("parent") == "completed"


async def test_a_due_time_beyond_what_the_server_counts_is_kept(
    redis_server: RedisServer, options: Options, door: Door
) -> None:
    make_jobs(redis_server.client, 1)
    put_job(redis_server.client, "never", delay=1)
    redis_server.client.zadd("bull:q:delayed", {"never": 253_000_000_000_000 * 4096})
    await and_back(options, door)
    await there(options)
    async with queue_of(options, "q") as target:
        (job,) = await target.getDelayed()
        assert job.id == "never"


_LAX: list[dict[str, Any]] = [
    {"priority": "3"},
    {"priority": 3_000_000},
    {"priority": -1},
    {"attempts": "2"},
    {"attempts": 2, "backoff": {"type": "fixed", "delay": 5, "jitter": 7}},
    {"attempts": 2, "backoff": {"type": "fixed", "delay": "soon"}},
    {"removeOnComplete": "yes", "removeOnFail": "no"},
]


@pytest.mark.parametrize("fails", [False, True])
async def test_jobs_with_options_that_only_the_old_library_takes_are_seen_and_run(
    old: Any, options: Options, fails: bool
) -> None:
    queue = old("q")
    ids = [str((await queue.add("work", {}, opts)).id) for opts in _LAX]
    await there(options)
    ended = asyncio.Event()
    left = set(ids)

    async def process(job: Job, token: str) -> None:
        if fails:
            raise ValueError("no")

    def end(job: Job, *_: Any) -> None:
        if not fails or job.attemptsMade >= (job.opts["attempts"] or 0):
            left.discard(job.id)
        if not left:
            ended.set()

    async with queue_of(options, "q") as target, asyncio.timeout(30):
        assert {job.id for job in await target.getJobs()} == set(ids)
        worker = Worker("q", process, {"connection": options.to, "autorun": False})
        worker.on("failed" if fails else "completed", end)
        running = asyncio.ensure_future(worker.run())
        await ended.wait()
        assert await target.getJobCountByTypes("failed" if fails else "completed") == len(ids)
        await worker.close()
        await running


@pytest.mark.parametrize("freed", [False, True])
async def test_an_add_remembered_while_its_owner_runs_becomes_a_job_afterwards(
    freed: bool, old: Any, options: Options, redis_server: RedisServer
) -> None:
    """Also when its id was freed meanwhile, by hand or because its time was over.

    That job was never one of Redis', so `verify` does not miss it there.
    """
    queue = old("q")
    once = {"deduplication": {"id": "only: one", "keepLastIfActive": True}}
    first = await queue.add("work", {"n": 1}, once)
    worker = bullmq.Worker(
        "q", None, {"connection": queue.redisConnection.conn, "autorun": False, "lockDuration": 1}
    )
    taken = await worker.getNextJob("token")
    assert taken is not None and taken.id == first.id
    await queue.add("work", {"n": 2}, {**once, "priority": 7})
    if freed:
        redis_server.client.delete("bull:q:de:only: one")
    redis_server.client.delete(f"bull:q:{first.id}:lock")
    remembered = redis_server.client.hgetall("bull:q:dn:only: one")
    assert remembered
    await there(options)
    await rollback(options, Silent())
    again = redis_server.client.hgetall("bull:q:dn:only: one")
    assert {k: v for k, v in again.items() if k != b"opts"} == {
        k: v for k, v in remembered.items() if k != b"opts"
    }
    left, right = json.loads(remembered[b"opts"]), json.loads(again[b"opts"])
    assert left["de"] == right["de"] and right["priority"] == 7
    assert redis_server.client.exists("bull:q:de:only: one") == (not freed)
    await there(options)
    async with worker_on(options, "q") as shift:
        await shift.until(str(first.id), remembered[b"jid"].decode())
    checked = await verify(options, Silent())
    assert checked.verdict is Verdict.FINE, checked.findings
    await worker.close(force=True)


async def test_a_global_limit_and_a_running_rate_window_hold_on(
    old: Any, options: Options, redis_server: RedisServer
) -> None:
    queue = old("q")
    await queue.add("work", {})
    await queue.setGlobalConcurrency(2)
    await queue.setGlobalRateLimit(5, 60_000)
    redis_server.client.set("bull:q:limiter", 5, px=50_000)
    await there(options)
    async with queue_of(options, "q") as target:
        assert await target.getGlobalConcurrency() == 2
        assert await target.getGlobalRateLimit() == {"max": 5, "duration": 60_000}
        assert 40_000 < await target.getRateLimitTtl() <= 50_000


async def test_the_clock_of_the_machine_that_carries_decides_nothing(
    old: Any, options: Options, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await old("q").add("later", {}, {"delay": 1_800_000})
    await old("q").setGlobalRateLimit(5, 60_000)
    redis_server.client.set("bull:q:limiter", 5, px=50_000)
    right = time.time
    with monkeypatch.context() as patch:
        for module in (time, clock, wire):
            patch.setattr(module, "time", lambda: right() + 3_600)
        await there(options)
    async with queue_of(options, "q") as target:
        assert [job.name for job in await target.getDelayed()] == ["later"]
        assert 0 < await target.getRateLimitTtl() <= 50_000


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_a_repeating_job_whose_name_and_id_hold_colons_goes_on_and_is_removed_by_its_key(
    redis_server: RedisServer, options: Options, door: Door
) -> None:
    client = redis_server.client
    make_jobs(client, 1)
    member, slot = "re:port:j:1:::*/5 * * * *", 2_000_000_100_000
    key = hashlib.md5(member.encode()).hexdigest()
    scheduler = hashlib.md5(f"re:portj:1{key}".encode()).hexdigest()  # as Bull 3 makes it
    repeat = {"cron": "*/5 * * * *", "key": member, "count": 3, "jobId": "j:1"}
    opts = json.dumps({"repeat": repeat, "prevMillis": slot, "delay": 5, "attempts": 2})
    put_job(client, f"repeat:{scheduler}:{slot}", opts=opts, data='{"z":1}', name="re:port")
    client.zadd("bull:q:delayed", {f"repeat:{scheduler}:{slot}": slot * 4096})
    client.zadd("bull:q:repeat", {member: slot})
    await and_back(options, door)
    await there(options)
    async with queue_of(options, "q") as queue:
        (row,) = await queue.getJobSchedulers()
        assert await queue.removeRepeatableByKey(member) is True
        assert await queue.getJobSchedulersCount() == 0
    assert (row["key"], row["name"], row["next"]) == (scheduler, "re:port", slot)
    assert row["template"] == {"data": {"z": 1}, "opts": {"attempts": 2}}


async def test_a_scheduler_that_a_new_program_has_made_already_goes_on_as_in_redis(
    redis_server: RedisServer, options: Options
) -> None:
    client, slot = redis_server.client, 2_000_000_000_000
    rule = {"name": "tick", "ic": 100, "every": 60_000, "data": '{"k":1}', "offset": 0}
    client.hset("bull:q:repeat:daily", mapping=rule)
    client.zadd("bull:q:repeat", {"daily": slot})
    put_job(client, f"repeat:daily:{slot}", rjk="daily")
    client.zadd("bull:q:delayed", {f"repeat:daily:{slot}": slot * 4096})
    client.hset("bull:q:meta", mapping={"opts.maxLenEvents": 10000, "version": "bullmq:6.7.0"})
    async with queue_of(options, "q") as queue:
        template = {"name": "tick", "data": {"k": 1}}
        await queue.upsertJobScheduler("daily", {"every": 60_000}, template)
        assert len(await queue.getJobs(["waiting", "delayed"])) == 1
        report = await run(options, Silent())
        assert report.verdict is Verdict.FINE, report.findings
        (known,) = await queue.getJobSchedulers()
        assert (known["next"], known["iterationCount"]) == (slot, 100)
        jobs = await queue.getJobs(["waiting", "delayed"])
        assert [job.id for job in jobs] == [f"repeat:daily:{slot}"]


async def test_logs_and_results_that_are_no_text_are_named(
    redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    make_jobs(client, 4)
    client.rpush("bull:q:w1:logs", b"begun", b"\xff\xfe")
    client.hset("bull:q:parent1:processed", "bull:q:kid", b'"\xff"')
    client.hset("bull:q:w2", "flowAttachmentFailed", "1")
    report = await run(options, Silent())
    assert report.verdict is Verdict.FINE, report.findings
    assert [f.job for f in report.findings if f.code == "not-utf8"] == ["parent1", "w1"]


async def test_an_empty_deduplication_id_counts_for_none(
    redis_server: RedisServer, options: Options, door: Door
) -> None:
    make_jobs(redis_server.client, 1)
    redis_server.client.hset("bull:q:w1", "deid", "")
    await and_back(options, door)
    assert redis_server.client.hget("bull:q:w1", "deid") == b""
