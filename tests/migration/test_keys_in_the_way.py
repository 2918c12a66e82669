"""Keys and ids of others are told from a queue's own and never overwritten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bull2jet.commands.finalize import finalize
from bull2jet.commands.inspect import inspect
from bull2jet.commands.plan import plan
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict

from .conftest import RedisServer, make_jobs, put_job
from .findings import problems


@pytest.mark.parametrize("job_id", ["wait", "paused", "meta-paused", "marker"])
async def test_a_job_that_stands_where_the_queue_is_stopped_stops_the_run_unharmed(
    job_id: str, client: Any, options: Options
) -> None:
    client.rename("bull:q:wait", "bull:q:line")
    put_job(client, job_id)
    client.zadd("bull:q:delayed", {job_id: 2_000_000_000_000 * 4096})
    before = {key: client.dump(key) for key in client.keys("*")}
    with pytest.raises(Exception, match=f"'bull:q:{job_id}' is a hash"):
        await run(options, Silent())
    assert {key: client.dump(key) for key in client.keys("*")} == before


@pytest.mark.parametrize("name", ["wait", "inflight:wait", "refused:delayed", "repeat", "aside"])
async def test_a_job_that_stands_where_bull2jet_keeps_what_moves_stops_the_run_unharmed(
    name: str, client: Any, options: Options
) -> None:
    put_job(client, f"bull2jet:{name}")
    client.zadd("bull:q:delayed", {f"bull2jet:{name}": 2_000_000_000_000 * 4096})
    before = {key: client.dump(key) for key in client.keys("*")}
    for command in (inspect, plan):
        assert (await command(options, Silent())).verdict is Verdict.STOP
    with pytest.raises(Exception, match=f"'bull:q:bull2jet:{name}' is a hash"):
        await run(options, Silent())
    assert {key: client.dump(key) for key in client.keys("*")} == before


async def test_jobs_whose_ids_only_begin_like_bull2jets_keys_are_carried(
    client: Any, options: Options, tmp_path: Path
) -> None:
    put_job(client, "bull2jet:mine")
    client.lpush("bull:q:wait", "bull2jet:mine")
    sure = options.model_copy(update={"yes": True, "archive": tmp_path / "old.jsonl.gz"})
    for command in (inspect, plan, run, verify, finalize):
        report = await command(sure, Silent())
        assert report.verdict is Verdict.FINE, report.findings
    assert client.keys("*") == []


async def test_foreign_keys_and_orphans_are_named_and_never_touched(
    client: Any, options: Options, redis_server: RedisServer
) -> None:
    client.set("bull:q:somebody:else", "1")
    put_job(client, "orphan")
    client.rpush("bull:q:nobody:logs", "row")
    client.set("bull:other", "1")
    report = await inspect(options, Silent())
    assert problems(report) == [
        ("foreign-key", ""), ("orphan-job", "orphan"), ("orphan-part", "nobody")
    ]  # fmt: skip
    assert report.verdict is Verdict.FINE
    await run(options, Silent())
    for key in ("bull:q:somebody:else", "bull:q:orphan", "bull:q:nobody:logs", "bull:other"):
        assert client.exists(key)


async def test_keys_of_other_programs_that_look_like_a_queues_cost_a_question_each(
    client: Any, options: Options
) -> None:
    make_jobs(client, 2)
    with client.pipeline(transaction=False) as pipe:
        for number in range(200):
            pipe.set(f"user:{number}:id", number)
            pipe.hset(f"session:{number}:meta", "seen", 1)
            pipe.sadd(f"team:{number}:active", "ada")
        pipe.execute()
    client.config_resetstat()
    report = await inspect(options, Silent())
    assert [line.queue for line in report.queues] == ["bull:q"]
    (counter,) = [finding for finding in report.findings if finding.code == "bare-counter"]
    assert "199 more" in counter.text
    assert client.info("commandstats")["cmdstat_type"]["calls"] < 3 * 200 + 200


async def test_an_id_that_stands_on_the_target_already_is_not_overwritten(
    client: Any, options: Options
) -> None:
    from jetbull import Queue

    queue = Queue("q", {"connection": options.to})
    await queue.add("new", {"mine": True}, {"jobId": "w3"})
    assert await left_with(options) == [("id-taken", "w3")]
    job = await queue.getJob("w3")
    assert job is not None and job.data == {"mine": True}
    await queue.close()


async def left_with(options: Options) -> list[tuple[str, str]]:
    return problems(await run(options, Silent()))
