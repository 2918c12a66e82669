"""Whatever is broken in Redis is named, one line each; everything else is carried."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import redis

from bull2jet.commands.finalize import finalize
from bull2jet.commands.inspect import inspect
from bull2jet.commands.plan import plan
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Report, Verdict, lines

from .conftest import RedisServer, make_jobs, put_job
from .working import queue_of, worker_on


@pytest.fixture
def client(redis_server: RedisServer) -> Any:
    """A server with a sound queue of eight waiting jobs, to be damaged."""
    make_jobs(redis_server.client, 8)
    return redis_server.client


async def left(options: Options) -> list[tuple[str, str]]:
    """What a run leaves behind; it says so by its exit code, and the rest is equal."""
    planned = await plan(options, Silent())
    report = await run(options, Silent())
    found = problems(report)
    assert report.verdict is (Verdict.LEFT if found else Verdict.FINE), report.summary
    assert set(found) <= set(problems(planned))
    checked = await verify(options, Silent())
    assert checked.differing == 0, checked.findings
    for finding in report.findings:
        assert "\n" not in finding.line()
    return found


def problems(report: Report) -> list[tuple[str, str]]:
    return sorted((f.code, f.job) for f in report.findings if f.severity == "left")


async def carried(options: Options, job_id: str) -> bool:
    async with worker_on(options, "q") as shift:
        return await shift.queue.getJob(job_id) is not None


@pytest.mark.parametrize("state", ["wait", "delayed", "completed", "waiting-children"])
async def test_an_evicted_hash_is_named(state: str, client: Any, options: Options) -> None:
    if state == "wait":
        client.lpush("bull:q:wait", "ghost")
    else:
        client.zadd(f"bull:q:{state}", {"ghost": 1})
    assert await left(options) == [("missing-hash", "ghost")]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"data": '{"a":'}, "broken-data"),
        ({"data": "NaN"}, "broken-data"),
        ({"data": '{"n": 1e999}'}, "broken-data"),
        ({"data": "[" * 100_000}, "broken-data"),
        ({"data": b"\xff\xfe"}, "not-utf8"),
        ({"opts": "nonsense"}, "broken-opts"),
        ({"opts": "[1]"}, "broken-opts"),
        ({"timestamp": "yesterday"}, "half-written"),
        ({"parent": "nobody"}, "broken-parent"),
    ],
)
async def test_a_broken_field_is_named(
    fields: dict[str, Any], code: str, client: Any, options: Options
) -> None:
    put_job(client, "bad", **fields)
    client.lpush("bull:q:wait", "bad")
    assert await left(options) == [(code, "bad")]
    assert not await carried(options, "bad")


@pytest.mark.parametrize(
    "fields",
    [
        {"opts": '{"note":"' + "x" * 2_000_000 + '"}'},
        {"name": "x" * 2_000_000},
        {"stacktrace": '["' + "x" * 2_000_000 + '"]', "failedReason": "x" * 600_000},
    ],
)
async def test_a_job_too_large_for_a_message_is_named(
    fields: dict[str, str], client: Any, options: Options
) -> None:
    put_job(client, "large", **fields)
    client.zadd("bull:q:failed", {"large": 1_790_000_000_000})
    assert await left(options) == [("refused", "large")]
    assert await carried(options, "w1")


async def test_a_half_written_hash_is_named(client: Any, options: Options) -> None:
    client.hset("bull:q:half", mapping={"progress": "5", "data": "{}"})
    client.lpush("bull:q:wait", "half")
    assert await left(options) == [("half-written", "half")]


@pytest.mark.parametrize(
    "fields",
    [
        {"stacktrace": "no list"},
        {"returnvalue": "undefined"},
        {"progress": "half"},
        {"delay": "soon"},
        {"data": ""},
        {"opts": ""},
    ],
)
async def test_what_can_be_mended_is_carried_and_named(
    fields: dict[str, Any], client: Any, options: Options
) -> None:
    put_job(client, "mended", **fields)
    client.lpush("bull:q:wait", "mended")
    assert await left(options) == []
    assert await carried(options, "mended")


async def test_keys_of_another_type_are_named(client: Any, options: Options) -> None:
    client.set("bull:q:text", "no hash")
    client.lpush("bull:q:wait", "text")
    client.set("bull:q:failed", "no zset")
    client.set("bull:q:w1:logs", "no list")
    found = await left(options)
    assert found == [("wrong-type", ""), ("wrong-type", "text"), ("wrong-type", "w1")]


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


async def test_an_id_listed_twice_is_carried_once(client: Any, options: Options) -> None:
    client.zadd("bull:q:completed", {"w3": 1_790_000_000_000})
    client.rpush("bull:q:wait", "w5")
    assert await left(options) == []
    async with worker_on(options, "q") as shift:
        await shift.until("w1", "w8")
        job = await shift.queue.getJob("w3")
        assert job is not None and await job.getState() == "completed"
    assert shift.taken.count("w5") == 1


async def test_parents_in_a_circle_are_carried_and_wait(client: Any, options: Options) -> None:
    for job_id, other in (("a", "b"), ("b", "a")):
        parent = f'{{"id":"{other}","queueKey":"bull:q"}}'
        put_job(client, job_id, parent=parent, parentKey=f"bull:q:{other}")
        client.zadd("bull:q:waiting-children", {job_id: 1})
        client.sadd(f"bull:q:{job_id}:dependencies", f"bull:q:{other}")
    assert await left(options) == []
    assert await carried(options, "a")


async def test_a_flow_over_a_queue_that_is_left_out_stops_the_run(
    client: Any, options: Options
) -> None:
    put_job(client, "child", parent='{"id":"p","queueKey":"bull:other"}', parentKey="bull:other:p")
    client.lpush("bull:q:wait", "child")
    client.hset("bull:other:meta", "opts.maxLenEvents", 10000)
    client.hset("bull:other:p", mapping={"name": "p", "data": "{}", "opts": "{}", "timestamp": 1})
    client.zadd("bull:other:waiting-children", {"p": 1})
    only = options.model_copy(update={"queues": ("q",)})
    planned = await plan(only, Silent())
    assert planned.verdict is Verdict.STOP
    assert [f.code for f in planned.findings if f.severity == "stop"] == ["torn-flow"]
    with pytest.raises(Exception, match="add that queue to --queues"):
        await run(only, Silent())
    assert client.llen("bull:q:wait") == 9
    insisting = only.model_copy(update={"partial_flows": True})
    assert (await run(insisting, Silent())).verdict is Verdict.FINE


async def test_a_flow_over_a_prefix_that_is_left_out_stops_plan_and_run(
    client: Any, options: Options
) -> None:
    put_job(client, "child", parent='{"id":"p","queueKey":"other:q"}', parentKey="other:q:p")
    client.lpush("bull:q:wait", "child")
    client.hset("other:q:p", mapping={"name": "p", "data": "{}", "opts": "{}", "timestamp": 1})
    client.zadd("other:q:waiting-children", {"p": 1})
    only = options.model_copy(update={"prefixes": ("bull",)})
    assert (await plan(only, Silent())).verdict is Verdict.STOP
    with pytest.raises(Exception, match="and its prefix"):
        await run(only, Silent())
    assert client.llen("bull:q:wait") == 9


async def test_relatives_in_a_queue_that_redis_does_not_hold_stop_nothing(
    client: Any, options: Options
) -> None:
    put_job(client, "child", parent='{"id":"p","queueKey":"bull:gone"}', parentKey="bull:gone:p")
    put_job(client, "parent")
    client.sadd("bull:q:parent:dependencies", "elsewhere:pages:7")
    client.zadd("bull:q:waiting-children", {"parent": 1})
    client.lpush("bull:q:wait", "child")
    named = options.model_copy(update={"prefixes": ("bull",)})
    for command, chosen in ((plan, options), (plan, named), (run, named)):
        report = await command(chosen, Silent())
        assert report.verdict is Verdict.FINE, report.findings


@pytest.mark.parametrize("text", ["not json", "", "NaN"])
async def test_a_childs_result_that_is_no_json_is_carried_as_a_string(
    text: str, client: Any, options: Options
) -> None:
    client.hset("bull:q:parent1:processed", "bull:q:c1", text)
    assert await left(options) == []
    async with worker_on(options, "q") as shift:
        parent = await shift.queue.getJob("parent1")
        assert parent is not None
        assert await parent.getChildrenValues() == {"bull:q:c1": text}


async def test_infinite_times_are_carried_as_never(client: Any, options: Options) -> None:
    """`delay: Infinity`, which Bull took."""
    put_job(client, "never", delay="Infinity")
    client.zadd("bull:q:delayed", {"never": "inf"})
    client.zadd("bull:q:parent1:unsuccessful", {"bull:q:c1": "inf"})
    assert await left(options) == []
    async with worker_on(options, "q") as shift:
        assert await shift.queue.getJobState("never") == "delayed"


async def test_the_commands_do_not_lead_in_a_circle_around_what_cannot_be_carried(
    client: Any, options: Options
) -> None:
    client.lpush("bull:q:wait", "gone")
    led = [str((await command(options, Silent())).next) for command in (run, verify, run)]
    assert [line.split()[1] for line in led] == ["verify", "run", "finalize"]


async def test_a_prioritized_job_stands_where_the_old_library_would_take_it(
    client: Any, options: Options
) -> None:
    """Whatever its own field says: `2` has another one, `3` none, `4` a place beyond all."""
    client.delete("bull:q:prioritized")
    places = {"1": 2**32, "2": 2 * 2**32 + 1, "3": 3 * 2**32, "4": "inf"}
    for (job_id, score), noted in zip(places.items(), (1, 9, 0, 5), strict=True):
        put_job(client, job_id, priority=noted)
        client.zadd("bull:q:prioritized", {job_id: score})
    assert await left(options) == []
    async with queue_of(options, "q") as queue:
        jobs = {job.id: job.priority for job in await queue.getPrioritized()}
    assert jobs == {"1": 1, "2": 2, "3": 3, "4": 2**21}


async def test_a_scheduler_whose_next_slot_is_infinite_is_named(
    client: Any, options: Options
) -> None:
    client.zadd("bull:q:repeat", {"never": "inf"})
    assert await left(options) == [("scheduler-lost", "")]


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


@pytest.mark.parametrize(
    "member", ["gone::::* * * * *", "repeat:x", "no-colons", "a:b:notadate:UTC:0 0 * * *"]
)
async def test_a_repeating_job_whose_data_is_gone_is_named(
    member: str, client: Any, options: Options
) -> None:
    client.zadd("bull:q:repeat", {member: 2_000_000_000_000})
    assert await left(options) == [("scheduler-lost", "")]


async def test_hostile_names_cannot_break_a_line_or_the_terminal(
    client: Any, options: Options
) -> None:
    name = "\x1b[2J\nNext: rm -rf /"
    client.lpush("bull:q:wait", name)
    report = await run(options, Silent())
    assert problems(report) == [("missing-hash", name)]
    text = "\n".join(lines(report))
    assert "\x1b" not in text
    assert not [line for line in text.splitlines() if line.startswith("Next: rm")]


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


async def test_a_thousand_damaged_jobs_are_counted_and_the_rest_is_carried(
    client: Any, options: Options
) -> None:
    pipe = client.pipeline(transaction=False)
    for number in range(1000):
        put_job(pipe, f"bad{number}", data="{")
        pipe.lpush("bull:q:wait", f"bad{number}")
    pipe.execute()
    client.lpush("bull:q:wait", "w9")
    put_job(client, "w9")
    report = await run(options, Silent())
    assert report.finding_counts["broken-data"] == 1000
    assert await carried(options, "w9")
