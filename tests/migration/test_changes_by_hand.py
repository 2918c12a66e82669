"""`verify` finds what was changed by hand on the target, also once its workers may run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bull2jet.commands.finalize import finalize
from bull2jet.commands.run import run
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict
from jetbull import Job, Queue
from jetbull.ledger.hub import Target, acquire
from jetbull.ledger.job.reading import last_message

from .conftest import RedisServer, make_jobs, put_job
from .test_verifying import QUEUE, codes, rewrite


def put_rules(client: Any) -> None:
    """A scheduler whose next job is far off, limits, and a parent whose child is delayed."""
    slot = 2_000_000_000_000
    make_jobs(client, 1)
    rule = {"name": "tick", "ic": 1, "every": 60_000, "offset": slot % 60_000}
    client.hset("bull:q:repeat:s", mapping=rule)
    client.zadd("bull:q:repeat", {"s": slot})
    put_job(client, f"repeat:s:{slot}", rjk="s")
    parent = json.dumps({"id": "book", "queueKey": "bull:q"})
    put_job(client, "page", parent=parent, parentKey="bull:q:book")
    put_job(client, "book")
    client.zadd("bull:q:waiting-children", {"book": 1_790_000_000_000})
    client.sadd("bull:q:book:dependencies", "bull:q:page")
    client.zadd("bull:q:delayed", {f"repeat:s:{slot}": slot * 4096, "page": slot * 4096 + 1})
    client.hset("bull:q:meta", mapping={"concurrency": 3, "max": 10, "duration": 1000})


@pytest.mark.parametrize(
    ("subject", "code"),
    [
        ("jbq.bull.q.sched.s", "rule-differs"),
        ("jbq.bull.q.meta.queue", "rule-differs"),
        ("jbd.bull.q.book.pend.bull=3Aq=3Apage", "different"),
    ],
)
async def test_what_is_taken_away_on_the_target_by_hand_is_found_also_once_its_workers_may_run(
    redis_server: RedisServer, options: Options, subject: str, code: str
) -> None:
    put_rules(redis_server.client)
    assert (await run(options, Silent())).verdict is Verdict.FINE
    assert await codes(options) == []
    hold = await acquire(Target((options.to,)))
    await (await hold.queue(QUEUE.prefix, QUEUE.name)).purge(subject)
    await hold.release()
    assert [found for found, _ in await codes(options)] == [code]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"queue":"q"', b'"queue":"elsewhere"'),
        (b'"prefix":"bull"', b'"prefix":"cow"'),
        (b'"parentKey":"bull:q:book"', b'"parentKey":"bull:q:other"'),
    ],
)
async def test_a_child_that_would_tell_another_parent_is_found(
    redis_server: RedisServer, options: Options, old: bytes, new: bytes
) -> None:
    put_rules(redis_server.client)
    assert (await run(options, Silent())).verdict is Verdict.FINE
    hold = await acquire(Target((options.to,)))
    await rewrite(await hold.queue(QUEUE.prefix, QUEUE.name), "page", old, new)
    await hold.release()
    assert await codes(options) == [("different", "page")]


@pytest.mark.parametrize(
    "timer",
    [
        {"Nats-Schedule": "@at 2040-01-01T00:00:00Z"},
        {"Nats-Schedule": "@at 2030-01-01T00:00:00Z"},
        {"Nats-Schedule-Target": "jb.bull.q.wait.-.w1"},
    ],
)
async def test_a_delayed_job_that_would_come_at_another_time_or_as_another_job_is_found(
    redis_server: RedisServer, options: Options, timer: dict[str, str]
) -> None:
    put_rules(redis_server.client)
    assert (await run(options, Silent())).verdict is Verdict.FINE
    hold = await acquire(Target((options.to,)))
    store = await hold.queue(QUEUE.prefix, QUEUE.name)
    message = await last_message(store, "page")
    assert message is not None
    known = {k: v for k, v in message.headers.items() if k.startswith("Nats-Schedule")}
    await (await store.wire.post(message.subject, message.data, {**known, **timer}))
    await hold.release()
    assert await codes(options) == [("different", "page")]


async def test_a_delayed_job_that_would_come_in_another_queue_is_found_whatever_its_own_is_called(
    redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    put_job(client, "page")
    client.rename("bull:q:page", "bull:delayed:page")
    client.hset("bull:delayed:meta", mapping={"version": "bullmq:6.7.0"})
    client.zadd("bull:delayed:delayed", {"page": 2_000_000_000_000 * 4096})
    assert (await run(options, Silent())).verdict is Verdict.FINE
    assert await codes(options) == []
    hold = await acquire(Target((options.to,)))
    store = await hold.queue("bull", "delayed")
    message = await last_message(store, "page")
    assert message is not None
    timer = {k: v for k, v in message.headers.items() if k.startswith("Nats-Schedule")}
    timer["Nats-Schedule-Target"] = "jb.bull.other.wait.-.page"
    await (await store.wire.post(message.subject, message.data, timer))
    await hold.release()
    assert await codes(options) == [("different", "page")]


async def test_a_delayed_job_whose_delay_is_changed_as_usual_is_no_difference(
    redis_server: RedisServer, options: Options
) -> None:
    put_rules(redis_server.client)
    await run(options, Silent())
    queue = Queue("q", {"connection": options.to})
    job = await Job.fromId(queue, "page")
    assert job is not None
    for delay in (10_000_000_000_000, 3_600_000, 500):
        await job.changeDelay(delay)
        assert await codes(options) == []
    await queue.close()


async def test_a_scheduler_that_is_removed_as_usual_is_no_difference(
    redis_server: RedisServer, options: Options
) -> None:
    put_rules(redis_server.client)
    await run(options, Silent())
    queue = Queue("q", {"connection": options.to})
    assert await queue.removeJobScheduler("s") == 0
    await queue.removeGlobalConcurrency()
    await queue.close()
    assert await codes(options) == []


async def test_a_scheduler_that_is_stored_again_as_programs_do_at_their_start_is_no_difference(
    redis_server: RedisServer, options: Options, tmp_path: Path
) -> None:
    put_rules(redis_server.client)
    await run(options, Silent())
    queue = Queue("q", {"connection": options.to})
    await queue.upsertJobScheduler("s", {"every": 60_000}, "tick")
    assert [row["next"] for row in await queue.getJobSchedulers()] == [2_000_000_000_000]
    assert await codes(options) == []
    # As where Redis' slot is that of another zone: the same rule stands at an earlier one.
    redis_server.client.zadd("bull:q:bull2jet:repeat", {"s": 2_000_000_060_000})
    assert await codes(options) == []
    redis_server.client.zadd("bull:q:bull2jet:repeat", {"s": 2_000_000_000_000})
    await queue.upsertJobScheduler("s", {"every": 90_000}, "tick", {"other": "data"})
    await queue.close()
    assert await codes(options) == []
    final = options.model_copy(update={"archive": tmp_path / "archive.jsonl.gz"})
    assert (await finalize(final, Silent())).verdict is Verdict.FINE


async def test_jobs_are_no_differences_whose_end_stood_in_a_part_of_the_event_log_that_was_cut(
    redis_server: RedisServer, options: Options
) -> None:
    make_jobs(redis_server.client, 4)
    await run(options, Silent())
    queue = Queue("q", {"connection": options.to})
    store = await queue.ledger()
    for job_id in ("w1", "w2", "w3"):
        assert await queue.remove(job_id) == 1
        await store.event_log.flush()
    assert await codes(options) == []
    await queue.trimEvents(1)
    await queue.close()
    assert await codes(options) == []


async def test_a_priority_that_no_worker_would_ask_for_is_a_difference(
    redis_server: RedisServer, options: Options
) -> None:
    make_jobs(redis_server.client, 8)
    await run(options, Silent())
    hold = await acquire(Target((options.to,)))
    await (await hold.queue(QUEUE.prefix, QUEUE.name)).purge("jbq.bull.q.level.3")
    await hold.release()
    assert await codes(options) == [("different", "p1"), ("different", "p2")]


BOOKS = [
    ("jbd.bull.q.book.processed.bull=3Aq=3Aone", b'"ok"', b'"no"'),
    ("jbd.bull.q.book.failed.bull=3Aq=3Atwo", b'"torn"', b'"lost"'),
    ("jbd.bull.q.book.unsuccessful.bull=3Aq=3Asix", b"1790000000001", b""),
]


def put_books(client: Any) -> None:
    """A parent that has been told of three children, and waits for a fourth."""
    put_rules(client)
    client.hset("bull:q:book:processed", "bull:q:one", '"ok"')
    client.hset("bull:q:book:failed", "bull:q:two", "torn")
    client.zadd("bull:q:book:unsuccessful", {"bull:q:six": 1_790_000_000_001})


@pytest.mark.parametrize(("subject", "old", "new"), BOOKS)
async def test_what_a_parent_was_told_of_its_children_may_neither_change_nor_go(
    redis_server: RedisServer, options: Options, subject: str, old: bytes, new: bytes
) -> None:
    put_books(redis_server.client)
    assert (await run(options, Silent())).verdict is Verdict.FINE
    assert await codes(options) == []
    hold = await acquire(Target((options.to,)))
    store = await hold.queue(QUEUE.prefix, QUEUE.name)
    message = await store.wire.get_last(store.names.space.jobs, subject)
    assert message is not None and message.data == old
    if new:
        await store.put(subject, new, {})
        assert await codes(options) == [("different", "book")]
        await store.put(subject, old, {})
        assert await codes(options) == []
    await store.purge(subject)
    assert await codes(options) == [("different", "book")]
    await hold.release()


@pytest.mark.parametrize(
    ("job", "old", "new"),
    [
        ("c1", b'"finishedOn"', b'"attemptsMade":3,"finishedOn"'),
        ("d1", b'"delay":1000', b'"delay":9000'),
        ("p1", b'"priority":3', b'"priority":7'),
        ("late", b'"priority":4', b'"priority":5'),
    ],
)
async def test_counters_delays_and_priorities_that_nobody_has_changed_as_usual_are_found(
    redis_server: RedisServer, options: Options, job: str, old: bytes, new: bytes
) -> None:
    client = redis_server.client
    make_jobs(client, 4)
    put_job(client, "late", delay=1000, priority=4)
    client.zadd("bull:q:delayed", {"late": 2_000_000_000_000 * 4096 + 9})
    assert (await run(options, Silent())).verdict is Verdict.FINE
    hold = await acquire(Target((options.to,)))
    store = await hold.queue(QUEUE.prefix, QUEUE.name)
    await rewrite(store, job, old, new)
    assert ("different", job) in await codes(options)
    await hold.release()


async def test_a_try_of_a_waiting_job_that_nobody_made_is_found(
    redis_server: RedisServer, options: Options
) -> None:
    make_jobs(redis_server.client, 4)
    assert (await run(options, Silent())).verdict is Verdict.FINE
    hold = await acquire(Target((options.to,)))
    store = await hold.queue(QUEUE.prefix, QUEUE.name)
    message = await last_message(store, "w1")
    assert message is not None
    head, _, rest = message.data.partition(b"\n")
    wanted = json.dumps({**json.loads(head or b"{}"), "attemptsMade": 1}).encode()
    await store.put(message.subject, wanted + b"\n" + rest, {})
    assert ("different", "w1") in await codes(options)
    await hold.release()


async def rewrite_beside(options: Options, kind: str, key: str, old: bytes, new: bytes) -> None:
    """Replaces bytes of a message that stands beside the jobs."""
    hold = await acquire(Target((options.to,)))
    store = await hold.queue(QUEUE.prefix, QUEUE.name)
    subject = store.names.aux(kind, key)
    message = await store.wire.get_last(store.names.space.jobs, subject)
    assert message is not None and old in message.data
    await store.put(subject, message.data.replace(old, new), {})
    await hold.release()


async def test_another_rule_of_a_scheduler_whose_carried_job_still_waits_is_found(
    redis_server: RedisServer, options: Options
) -> None:
    put_rules(redis_server.client)
    assert (await run(options, Silent())).verdict is Verdict.FINE
    await rewrite_beside(options, "sched", "s", b'"every":60000', b'"every":70000')
    assert [code for code, _ in await codes(options)] == ["rule-differs"]


async def test_a_remembered_add_that_cannot_be_read_is_named(client: Any, options: Options) -> None:
    client.set("bull:q:de:once", "w1")
    client.hset("bull:q:dn:once", mapping={"name": "n", "data": "{}", "opts": "{}", "jid": "77"})
    assert (await run(options, Silent())).verdict is Verdict.FINE
    await rewrite_beside(options, "dedup", "once", b"timestamp", b"timestomp")
    assert [code for code, _ in await codes(options)] == ["rule-differs"]
