"""Queues written by BullMQ's ports to other languages, which fill hashes and options their way."""

from __future__ import annotations

from typing import Any

from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict
from bull2jet.source.door import Door

from .conftest import RedisServer, put_job
from .there_and_back import and_back, there
from .working import worker_on

PHP = {
    # no `Queue` notes itself in `meta`, ids are made by the program, every option is written
    "data": "[]",
    "opts": '{"attempts":0,"delay":0,"jobId":"7b0b7f62-9f3e-4f1c-8d0e-5c7a2d1e9a10"}',
}
ELIXIR = {
    "opts": '{"at":3,"attempts":3,"bo":{"type":"fixed","delay":5},'
    '"backoff":{"type":"fixed","delay":5},"ro":true,"remove_on_complete":true}',
}


async def test_jobs_of_bullmq_for_php_are_carried_and_run(
    redis_server: RedisServer, options: Options, door: Door
) -> None:
    """Nothing but its jobs tells that this is a queue, and these are taken over."""
    job_id = "7b0b7f62-9f3e-4f1c-8d0e-5c7a2d1e9a10"
    put_job(redis_server.client, job_id, **PHP)
    redis_server.client.lpush("bull:q:wait", job_id)
    redis_server.client.xadd("bull:q:events", {"event": "added", "jobId": job_id})
    await and_back(options, door)
    await there(options)
    async with worker_on(options, "q") as shift:
        await shift.until(job_id)


async def test_jobs_of_bullmq_for_elixir_are_carried_and_options_without_meaning_are_named(
    redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    client.hset("bull:q:meta", mapping={"version": "bullmq:5.65.1", "opts.maxLenEvents": "10000"})
    put_job(client, "1", **ELIXIR)
    client.lpush("bull:q:wait", "1")
    put_job(client, "2", returnvalue="done", finishedOn=1_790_000_000_001, atm=1, ats=1)
    client.zadd("bull:q:completed", {"2": 1_790_000_000_001})
    report = await run(options, Silent())
    assert report.verdict is Verdict.FINE, report.findings
    told = {(finding.code, finding.job): finding.text for finding in report.findings}
    assert "'remove_on_complete' is BullMQ's for Elixir" in told["option-without-meaning", "1"]
    assert ("broken-returnvalue", "2") in told
    assert (await verify(options, Silent())).verdict is Verdict.FINE
    async with worker_on(options, "q") as shift:
        await shift.until("1")


async def test_a_queue_of_bullmq_for_rust_is_known(client: Any, options: Options) -> None:
    client.delete("bull:q:meta")
    client.hset("bull:q:meta", "library", "bullmq-official:0.1.0")
    await there(options)


async def test_a_version_that_a_port_has_noted_is_not_taken_for_one_of_bullmq_pro(
    client: Any, options: Options
) -> None:
    client.hset("bull:q:meta", "version", "bullmq-official:0.1.0")
    await there(options)
