"""Jobs, rows, results and rules that a message of the target cannot hold."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from bull2jet.commands.plan import plan
from bull2jet.commands.rollback import rollback
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.findings import Severity
from bull2jet.model import QueueRef
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict
from bull2jet.source.door import Door
from bull2jet.target.jetstream import open_target
from bull2jet.transfer.checkpoint import load
from jetbull import Worker

from .conftest import RedisServer, make_jobs, put_job
from .reading import schedulers, snapshot
from .there_and_back import and_back, there
from .working import queue_of


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


async def test_deduplication_ids_and_schedulers_with_names_too_long_stay_in_redis_and_are_named(
    redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    make_jobs(client, 4)
    long = "long" * 500
    client.hset(
        f"bull:q:repeat:{long}", mapping={"name": "n", "ic": 1, "every": 1000, "data": "{}"}
    )
    client.zadd("bull:q:repeat", {long: 2_000_000_000_000})
    client.mset({f"bull:q:de:{long}": "w1", "bull:q:de:short": "w2"})
    client.hset(f"bull:q:dn:{long}", mapping={"name": "n", "data": "{}", "opts": "{}", "jid": "n"})
    for command in (plan, run, verify):
        report = await command(options, Silent())
        assert report.verdict is Verdict.LEFT, (command, report.summary)
        left = {f.code for f in report.findings if f.severity is Severity.LEFT}
        assert left == {"scheduler-lost", "remembered-add", "deduplication-lost"}, command
    async with queue_of(options, "q") as target:
        assert await target.getDeduplicationJobId("short") == "w2"
    await rollback(options, Silent())
    assert client.mget(f"bull:q:de:{long}", "bull:q:de:short") == [b"w1", b"w2"]
    assert client.exists(f"bull:q:dn:{long}")
    assert client.zscore("bull:q:repeat", long) == 2_000_000_000_000
