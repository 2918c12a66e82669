"""Whatever is broken in a job or scheduler is named, one line each; everything else is carried."""

from __future__ import annotations

from typing import Any

import pytest

from bull2jet.commands.run import run
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import lines

from .conftest import put_job
from .findings import carried, left, problems
from .working import queue_of, worker_on


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


async def test_an_id_listed_twice_is_carried_once(client: Any, options: Options) -> None:
    client.zadd("bull:q:completed", {"w3": 1_790_000_000_000})
    client.rpush("bull:q:wait", "w5")
    assert await left(options) == []
    async with worker_on(options, "q") as shift:
        await shift.until("w1", "w8")
        job = await shift.queue.getJob("w3")
        assert job is not None and await job.getState() == "completed"
    assert shift.taken.count("w5") == 1


async def test_infinite_times_are_carried_as_never(client: Any, options: Options) -> None:
    """`delay: Infinity`, which Bull took."""
    put_job(client, "never", delay="Infinity")
    client.zadd("bull:q:delayed", {"never": "inf"})
    client.zadd("bull:q:parent1:unsuccessful", {"bull:q:c1": "inf"})
    assert await left(options) == []
    async with worker_on(options, "q") as shift:
        assert await shift.queue.getJobState("never") == "delayed"


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
