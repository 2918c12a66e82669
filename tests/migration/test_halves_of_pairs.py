"""Half a surrogate pair, which JSON may hold and UTF-8 may not, comes and goes with its text."""

from __future__ import annotations

import asyncio
import json

from bull2jet.commands.rollback import rollback
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict
from bull2jet.source.door import Door
from jetbull import Job, Worker

from .conftest import RedisServer, put_job
from .there_and_back import and_back, there
from .working import queue_of

HALF = r'{"half":"\ud83d","other":"\udc80"}'


async def test_a_scheduler_whose_template_holds_a_half_comes_back(
    redis_server: RedisServer, options: Options, door: Door
) -> None:
    client = redis_server.client
    put_job(client, "repeat:daily:2000000000000", data=HALF, rjk="daily")
    client.zadd("bull:q:delayed", {"repeat:daily:2000000000000": 2_000_000_000_000 * 4096})
    client.hset("bull:q:meta", mapping={"opts.maxLenEvents": 10000, "version": "bullmq:6.7.0"})
    client.zadd("bull:q:repeat", {"daily": 2_000_000_000_000})
    rule = {"name": "n", "ic": 1, "every": 86_400_000, "offset": 0, "data": HALF}
    client.hset("bull:q:repeat:daily", mapping=rule)
    await and_back(options, door)
    assert json.loads(client.hget("bull:q:repeat:daily", "data")) == json.loads(HALF)


async def test_a_job_that_bullmq_5_stored_with_a_half_as_bytes_is_carried_and_comes_back(
    redis_server: RedisServer, options: Options, door: Door
) -> None:
    client, half = redis_server.client, b"cut \xed\xa0\xbd"
    put_job(client, "w1", name=half, failedReason=half, defa=half)
    client.zadd("bull:q:delayed", {"w1": 2_000_000_000_000 * 4096})
    client.hset("bull:q:meta", mapping={"opts.maxLenEvents": 10000, "version": "bullmq:5.81.5"})
    await and_back(options, door)
    report = await there(options)
    told = [f.text for f in report.findings if f.code == "not-utf8"]
    assert told and all("carried as question marks" in text for text in told)
    async with queue_of(options, "q") as queue:
        job = await queue.getJob("w1")
    shown = half.decode("utf-8", "replace")  # as BullMQ's own reader shows it
    assert job is not None and (job.name, job.failedReason) == (shown, shown)


async def test_what_jobs_got_and_gave_on_the_target_comes_back(
    redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    put_job(client, "w1", data=HALF)
    client.lpush("bull:q:wait", "w1")
    client.hset("bull:q:meta", mapping={"opts.maxLenEvents": 10000, "version": "bullmq:6.7.0"})
    assert (await run(options, Silent())).verdict is Verdict.FINE
    assert (await verify(options, Silent())).verdict is Verdict.FINE

    async def process(job: Job, token: str) -> object:
        await job.log("row \ud83d")
        await job.updateProgress({"at": "\ud83d"})
        if job.name == "broken":
            raise ValueError("no \ud83d")
        return json.loads(HALF)

    connection = {"connection": options.to}
    async with queue_of(options, "q") as queue:
        await queue.add("name \ud83d", json.loads(HALF), {"jobId": "next"})
        await queue.add("broken", {}, {"jobId": "last \ud83d"})
        worker = Worker("q", process, connection)
        ended = asyncio.Queue[str]()
        for name in ("completed", "failed"):
            worker.on(name, lambda job, *_: ended.put_nowait(job.id))
        async with asyncio.timeout(30):
            assert {await ended.get() for _ in range(3)} == {"w1", "next", "last \ud83d"}
        await worker.close()
    assert (await rollback(options, Silent())).verdict is Verdict.FINE
    for job_id in ("w1", "next"):
        found = client.hgetall(f"bull:q:{job_id}")
        for field in (b"data", b"returnvalue"):
            assert json.loads(found[field].decode()) == json.loads(HALF)
        assert json.loads(found[b"progress"].decode()) == {"at": "\ud83d"}
        assert client.lrange(f"bull:q:{job_id}:logs", 0, -1) == ["row \ufffd".encode()]
    assert client.hget("bull:q:next", "name").decode() == "name \ufffd"
    assert client.hget("bull:q:last \ufffd", "failedReason").decode() == "no \ufffd"
    assert client.zrange("bull:q:failed", 0, -1) == ["last \ufffd".encode()]
