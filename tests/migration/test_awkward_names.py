"""Queues that are unusual but sound: odd ids, names and prefixes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bull2jet.commands.finalize import finalize
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict
from bull2jet.source.door import Door

from .conftest import RedisServer, make_jobs, put_job
from .there_and_back import and_back, there
from .working import worker_on

IDS = [
    "a:b:c", "0:", "with space", "star*", "tail>", "dot.dot", "Straße", "日本🎧", "-", "=41",
    "new\nline", "tab\t", "quote\"'", "back\\slash", "percent%20", "[x]?", "a" * 300,
]  # fmt: skip


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


async def test_a_queue_whose_name_is_no_text_is_carried_there_and_back(
    redis_server: RedisServer, options: Options, door: Door
) -> None:
    client, root = redis_server.client, b"bull:\xff"
    client.hset(root + b":meta", "version", "bullmq:6.7.0")
    for job_id in (b"1", b"2"):
        fields = {"name": "work", "data": "{}", "opts": "{}", "timestamp": 1_790_000_000_000}
        client.hset(root + b":" + job_id, mapping=fields)
        client.lpush(root + b":wait", job_id)
    await and_back(options, door)
    await there(options)
    async with worker_on(options, "\udcff") as shift:
        await shift.until("1", "2")


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


async def test_a_queue_that_may_have_the_prefix_of_its_neighbours_and_a_name_with_a_colon_is_named(
    redis_server: RedisServer, old: Any, options: Options
) -> None:
    for queue, prefix in (("orders", "shop"), ("eu:orders", "shop"), ("bills", "shop:us")):
        await old(queue, prefix=prefix).add("work", {})
    redis_server.client.hset("shop:us:bills:meta", "version", "bullmq:5.13.0")
    report = await there(options)
    (doubt,) = [found for found in report.findings if found.code == "doubtful-prefix"]
    assert doubt.queue == "shop:eu:orders"
    assert doubt.text.endswith("if it is 'eu:orders' with the prefix 'shop', give --prefix shop.")


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
