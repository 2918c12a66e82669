"""What the commands make of a whole database, and where they lead."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from bull2jet.commands.inspect import inspect
from bull2jet.commands.plan import plan
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict

from .conftest import RedisServer, put_job


async def test_between_run_and_finalize_inspect_and_plan_know_what_was_taken_over(
    client: Any, options: Options
) -> None:
    await run(options, Silent())
    seen = await inspect(options, Silent())
    (note,) = seen.findings
    assert (note.code, seen.verdict) == ("taken-over", Verdict.FINE)
    assert "16 jobs taken over" in note.text
    planned = await plan(options, Silent())
    assert planned.verdict is Verdict.FINE and not planned.findings


async def test_the_commands_do_not_lead_in_a_circle_around_what_cannot_be_carried(
    client: Any, options: Options
) -> None:
    client.lpush("bull:q:wait", "gone")
    led = [str((await command(options, Silent())).next) for command in (run, verify, run)]
    assert [line.split()[1] for line in led] == ["verify", "run", "finalize"]


async def test_a_queue_of_bullmq_pro_stops_the_run(client: Any, options: Options) -> None:
    client.hset("bull:q:meta", "version", "bullmq-pro:7.1.0")
    report = await inspect(options, Silent())
    assert report.verdict is Verdict.STOP and report.next is None
    with pytest.raises(Exception, match="BullMQ Pro"):
        await run(options, Silent())


@pytest.mark.parametrize("key", ["groups", "groups:limit", "groups:max", "groups:paused"])
async def test_groups_of_jobs_stop_the_run_where_no_version_is_noted(
    key: str, client: Any, options: Options
) -> None:
    """As a FlowProducer of BullMQ Pro leaves them, or a queue told to write no metadata."""
    client.hdel("bull:q:meta", "version")
    put_job(client, "grouped", gid="customer")
    client.lpush("bull:q:groups:customer", "grouped")
    client.zadd(f"bull:q:{key}", {"customer": 1})
    report = await inspect(options, Silent())
    assert [f.code for f in report.findings if f.severity == "stop"] == ["bullmq-pro"]
    with pytest.raises(Exception, match="BullMQ Pro"):
        await run(options, Silent())


async def test_an_empty_database_is_a_no_go(redis_server: RedisServer, options: Options) -> None:
    report = await inspect(options, Silent())
    assert report.verdict is Verdict.STOP
    assert report.summary == "No-go: no queue of Bull or BullMQ was found in this database."
    with redis.Redis(port=redis_server.port, db=3) as other:
        other.set("key", "value")
    report = await inspect(options, Silent())
    assert report.summary.endswith(
        "Databases with keys here: 3 (1); the address ends with /number."
    )
