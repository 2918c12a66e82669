"""Queues that are unusual but sound: odd names and ids, huge jobs, held ids, other prefixes."""

from __future__ import annotations

import asyncio
import hashlib
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
from bull2jet.findings import Severity
from bull2jet.model import QueueRef
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Report, Verdict
from bull2jet.source.door import Door
from bull2jet.target.jetstream import open_target
from bull2jet.transfer.checkpoint import load
from jetbull import Job, Worker

from .conftest import RedisServer, make_jobs, put_job
from .reading import schedulers, snapshot
from .working import queue_of, worker_on

IDS = [
    "a:b:c", "0:", "with space", "star*", "tail>", "dot.dot", "Straße", "日本🎧", "-", "=41",
    "new\nline", "tab\t", "quote\"'", "back\\slash", "percent%20", "[x]?", "a" * 300,
]  # fmt: skip


@pytest.fixture
async def old(redis_server: RedisServer) -> AsyncIterator[Any]:
    """Opens queues of the real BullMQ on the Redis server; closes them at the end."""
    opened: list[bullmq.Queue] = []
    connection = {"host": "127.0.0.1", "port": redis_server.port}

    def open_queue(name: str, **opts: Any) -> bullmq.Queue:
        opened.append(bullmq.Queue(name, {"connection": connection, **opts}))
        return opened[-1]

    yield open_queue
    for queue in opened:
        await queue.close()


async def there(options: Options) -> Report:
    """Carries everything; both sides are equal."""
    report = await run(options, Silent())
    assert report.verdict is Verdict.FINE, report.findings
    checked = await verify(options, Silent())
    assert checked.verdict is Verdict.FINE, checked.findings
    return report


async def and_back(options: Options, door: Door) -> None:
    """Carries everything back; it is what it was."""
    before, rules = await snapshot(door), await schedulers(door)
    await there(options)
    assert (await rollback(options, Silent())).verdict is Verdict.FINE
    assert await snapshot(door) == before
    assert await schedulers(door) == rules


async def test_ids_with_any_character_are_carried_there_and_back(
    redis_server: RedisServer, options: Options, door: Door
) -> None:
    make_jobs(redis_server.client, 1)
    for job_id in IDS:
        put_job(redis_server.client, job_id)
        redis_server.client.lpush("bull:q:wait", job_id)
    await and_back(options, door)
    await there(options)
    async with worker_on(options, "q") as shift:
        await shift.until(*IDS)
    assert [job_id for job_id in shift.taken if job_id in IDS] == IDS


async def test_jobs_whose_ids_are_names_of_keys_that_their_library_does_not_use_are_jobs(
    redis_server: RedisServer, options: Options, door: Door, tmp_path: Path
) -> None:
    client = redis_server.client
    make_jobs(client, 1)
    ids = ["priority", "delay", "groups", "limiter", "stalled-check"]
    for job_id in ids:
        put_job(client, job_id)
        client.lpush("bull:q:wait", job_id)
    await and_back(options, door)
    await there(options)
    archive = options.model_copy(update={"archive": tmp_path / "archive.jsonl.gz"})
    assert (await finalize(archive, Silent())).verdict is Verdict.FINE
    assert client.keys() == []
    async with worker_on(options, "q") as shift:
        await shift.until(*ids)


@pytest.mark.parametrize(
    ("prefix", "name"),
    [
        ("{bull}", "plain"),
        ("shop:eu", "orders"),
        ("my-app", "with space & dots.x"),
        ("bull", "*"),
        ("bull", "{tagged}"),
        ("größe", "文字"),
    ],
)
async def test_prefixes_and_names_are_kept(
    prefix: str, name: str, old: Any, options: Options, door: Door
) -> None:
    queue = old(name, prefix=prefix)
    for number in range(3):
        await queue.add("work", {"n": number})
    await queue.upsertJobScheduler("s:1", {"every": 86_400_000}, "tick")
    options = options.model_copy(update={"prefixes": (prefix,)})
    await and_back(options, door)
    await there(options)
    async with worker_on(options, name, prefix=prefix) as shift:
        await shift.until("1", "2", "3")
        await shift.queue.add("work", {})
        assert [s["key"] for s in await shift.queue.getJobSchedulers()] == ["s:1"]


async def test_prefixes_with_a_colon_are_found_without_being_named(
    old: Any, options: Options
) -> None:
    await old("orders", prefix="shop:eu").add("work", {})
    await old("orders").add("work", {})
    report = await there(options)
    assert [queue.queue for queue in report.queues] == ["bull:orders", "shop:eu:orders"]


async def test_a_prefix_that_begins_with_the_usual_one_is_told_from_a_name_with_a_colon(
    redis_server: RedisServer, old: Any, options: Options
) -> None:
    client = redis_server.client
    for queue, prefix in (("orders", "bull:eu"), ("bills", "bull:eu"), ("us:orders", "bull")):
        await old(queue, prefix=prefix).add("work", {})
    # BullMQ for Node notes its version, and refuses such names; "bills" learns from its neighbour.
    client.hset("bull:eu:orders:meta", "version", "bullmq:5.13.0")
    report = await there(options)
    (doubt,) = [found for found in report.findings if found.code == "doubtful-prefix"]
    assert doubt.queue == "bull:us:orders" and doubt.text.endswith("give --prefix bull:us.")
    for name in ("orders", "bills"):
        async with worker_on(options, name, prefix="bull:eu") as shift:
            await shift.until("1")
    async with worker_on(options, "us:orders") as shift:
        await shift.until("1")


async def test_stray_markers_are_no_jobs(
    redis_server: RedisServer, options: Options, door: Door
) -> None:
    client = redis_server.client
    make_jobs(client, 4)
    client.lpush("bull:q:wait", "0:1790000000000")
    client.rpush("bull:q:wait", "0:0")
    client.rpush("bull:q:active", "0:1790000000000")
    client.rpush("bull:q:paused", "0")
    report = await there(options)
    assert report.queues[0].states["waiting"].count == 4
    async with worker_on(options, "q") as shift:
        await shift.until("w1", "w2", "w3", "w4", "p1")
    assert shift.taken == ["w1", "w2", "w3", "w4", "p1"]


async def test_a_job_larger_than_a_message_is_carried_whole(
    old: Any, options: Options, door: Door, redis_server: RedisServer
) -> None:
    queue = old("q")
    text = "Straße 🎧 " * 150_000  # 2.1 MB of JSON
    job = await queue.add("work", {"text": text})
    await and_back(options, door)
    await there(options)
    async with queue_of(options, "q") as target:
        copy = await target.getJob(job.id)
        assert copy is not None and copy.data == {"text": text}


async def test_log_rows_and_outcomes_of_children_larger_than_a_message_are_carried_whole(
    redis_server: RedisServer, options: Options, door: Door
) -> None:
    client, text = redis_server.client, "Straße 🎧 " * 150_000
    make_jobs(client, 4)
    client.hset("bull:q:parent1:processed", "bull:q:c1", json.dumps(text))
    client.hset("bull:q:parent1:failed", "bull:q:c2", text)
    client.rpush("bull:q:w1:logs", "begun", text)
    await and_back(options, door)
    await there(options)
    async with queue_of(options, "q") as target:
        assert (await target.getJobLogs("w1"))["logs"] == ["begun", text]
        parent = await target.getJob("parent1")
        assert parent is not None
        assert await parent.getChildrenValues() == {"bull:q:c1": text}


async def test_a_large_result_that_a_parent_got_on_the_target_comes_back_whole(
    redis_server: RedisServer, options: Options
) -> None:
    client, text = redis_server.client, "page" * 500_000
    make_jobs(client, 4)
    client.sadd("bull:q:parent1:dependencies", "bull:q:w2")  # so that it goes on waiting
    link = '{"id":"parent1","queueKey":"bull:q"}'
    client.hset("bull:q:w1", mapping={"parent": link, "parentKey": "bull:q:parent1"})
    await there(options)
    worker = Worker("q", None, {"connection": options.to, "autorun": False})
    job = await worker.getNextJob("token")
    assert job is not None and job.id == "w1"
    await job.moveToCompleted(text, "token", False)
    await worker.close()
    assert (await rollback(options, Silent())).verdict is Verdict.FINE
    assert client.hget("bull:q:parent1:processed", "bull:q:w1").decode() == json.dumps(text)


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


async def test_repeating_jobs_that_one_message_cannot_name_go_there_and_back(
    redis_server: RedisServer, options: Options, door: Door
) -> None:
    client, slot = redis_server.client, 2_000_000_100_000
    make_jobs(client, 1)
    members = [f"{number:x<4000}::::*/5 * * * *" for number in range(300)]
    for member in members:
        name, key = member.partition(":")[0], hashlib.md5(member.encode()).hexdigest()
        job_id = f"repeat:{hashlib.md5((name + key).encode()).hexdigest()}:{slot}"
        opts = json.dumps({"repeat": {"pattern": "*/5 * * * *", "count": 1}, "prevMillis": slot})
        put_job(client, job_id, opts=opts, name=name, rjk=member)
        client.zadd("bull:q:delayed", {job_id: slot * 4096})
        client.zadd("bull:q:repeat", {member: slot})
    before, rules = await snapshot(door), await schedulers(door)
    await there(options)
    target = await open_target(options.to)
    checkpoint = await load(await target.queue(QueueRef("bull", "q")))
    await target.close()
    assert set(checkpoint.schedulers) == set(members)
    assert (await rollback(options, Silent())).verdict is Verdict.FINE
    assert await snapshot(door) == before
    assert await schedulers(door) == rules


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


async def test_rules_too_large_for_a_message_stay_in_redis_and_are_named(
    redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    make_jobs(client, 4)
    large = json.dumps("x" * 1_100_000)
    client.hset("bull:q:repeat:daily", mapping={"name": "n", "ic": 1, "every": 1, "data": large})
    client.zadd("bull:q:repeat", {"daily": 2_000_000_000_000})
    client.set("bull:q:de:D", "w1")
    client.hset("bull:q:w1", "deid", "D")
    client.hset("bull:q:dn:D", mapping={"name": "n", "data": large, "opts": "{}", "jid": "later"})
    remembered = client.hgetall("bull:q:dn:D")
    for command in (plan, run, verify):
        report = await command(options, Silent())
        assert report.verdict is Verdict.LEFT, (command, report.summary)
        left = {f.code for f in report.findings if f.severity is Severity.LEFT}
        assert left == {"scheduler-lost", "remembered-add"}, command
    await rollback(options, Silent())
    assert client.hgetall("bull:q:dn:D") == remembered
    assert client.zscore("bull:q:repeat", "daily") == 2_000_000_000_000


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
