"""`verify` finds every way in which the two sides can differ, whoever caused it and where."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator

import pytest

from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.model import QueueRef
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Report, Verdict, lines, page, sealed
from bull2jet.report.as_json import canonical
from jetbull import Job, Queue, Worker
from jetbull.ledger.hub import Target, acquire
from jetbull.ledger.job.reading import last_message
from jetbull.ledger.messages.names import COMPLETED, WAIT, state_of
from jetbull.ledger.store.store import QueueStore

from .conftest import RedisServer, make_jobs

QUEUE = QueueRef("bull", "q")


@pytest.fixture
async def carried(redis_server: RedisServer, options: Options) -> Report:
    """Twenty-four jobs on both sides, equal."""
    make_jobs(redis_server.client, 12)
    report = await run(options, Silent())
    assert report.verdict is Verdict.FINE
    return report


@pytest.fixture
async def store(carried: Report, options: Options) -> AsyncIterator[QueueStore]:
    """The target's queue, to tamper with."""
    hold = await acquire(Target((options.to,)))
    yield await hold.queue(QUEUE.prefix, QUEUE.name)
    await hold.release()


async def codes(options: Options) -> list[tuple[str, str]]:
    """What `verify` finds wrong; the exit code says so too."""
    report = await verify(options, Silent())
    wrong = [(f.code, f.job) for f in report.findings if f.severity == "left"]
    expected = Verdict.DIFFERENT if wrong else Verdict.FINE
    assert report.verdict is expected, report.summary
    return wrong


async def rewrite(store: QueueStore, job_id: str, old: bytes, new: bytes) -> None:
    """Replaces bytes of a stored job behind the ledger's back; its timer stays."""
    message = await last_message(store, job_id)
    assert message is not None and old in message.data
    timer = {k: v for k, v in message.headers.items() if k.startswith("Nats-Schedule")}
    await (await store.wire.post(message.subject, message.data.replace(old, new), timer))


async def test_two_equal_sides_verify_as_often_as_one_likes(
    carried: Report, options: Options
) -> None:
    assert await codes(options) == []
    assert await codes(options) == []


async def test_what_differs_is_not_said_to_stay_in_redis(
    store: QueueStore, options: Options
) -> None:
    await store.purge(store.names.any_state("w1"))
    report = await verify(options, Silent())
    assert report.verdict is Verdict.DIFFERENT
    above = "This differs between Redis and NATS, or is not carried and stays in Redis"
    assert f"{above} (1):" in lines(report)
    assert f"<h2>{above} (1)</h2>" in page(report)


async def test_the_report_holds_one_digest_per_state_and_side(
    carried: Report, options: Options
) -> None:
    report = await verify(options, Silent())
    (queue,) = report.queues
    assert set(queue.states) == {
        "waiting", "delayed", "prioritized", "completed", "waiting-children"
    }  # fmt: skip
    for line in queue.states.values():
        assert line.digest and line.digest == line.target_digest


@pytest.mark.parametrize(
    ("job", "field", "value"),
    [
        ("w3", "data", '{"id":"w4"}'),
        ("w3", "name", "other"),
        ("w3", "opts", '{"attempts":4}'),
        ("w3", "timestamp", "1790000000001"),
        ("w3", "atm", "1"),
        ("c2", "returnvalue", "43"),
        ("c2", "finishedOn", "1"),
        ("c2", "stc", "1"),
    ],
)
async def test_a_changed_field_in_redis_is_found(
    job: str, field: str, value: str, carried: Report, options: Options, redis_server: RedisServer
) -> None:
    redis_server.client.hset(f"bull:q:{job}", field, value)
    assert await codes(options) == [("different", job)]


@pytest.mark.parametrize(
    ("job", "old", "new"),
    [
        ("w3", b'{"id":"w3"}', b'{"id":"wX"}'),
        ("w3", b'"attempts":3', b'"attempts":4'),
        ("w3", b'"work"', b'"play"'),
        ("d2", b'{"id":"d2"}', b'{"id" :"d2"}'),
        ("c2", b'"returnvalue":42', b'"returnvalue":41'),
        ("parent1", b'{"id":"parent1"}', b'{"id":"parent2"}'),
    ],
)
async def test_a_changed_byte_on_the_target_is_found(
    job: str, old: bytes, new: bytes, store: QueueStore, options: Options
) -> None:
    await rewrite(store, job, old, new)
    assert ("different", job) in await codes(options)


@pytest.mark.parametrize("job", ["w3", "d2", "p1", "c2", "parent1"])
async def test_a_job_that_vanished_from_the_target_is_found(
    job: str, store: QueueStore, options: Options
) -> None:
    await store.purge(store.names.any_state(job))
    assert await codes(options) == [("missing", job)]


async def test_a_hash_that_vanished_from_redis_is_found(
    carried: Report, options: Options, redis_server: RedisServer
) -> None:
    redis_server.client.delete("bull:q:w3")
    assert await codes(options) == [("missing-hash", "w3")]


async def test_an_id_that_redis_no_longer_lists_is_found(
    carried: Report, options: Options, redis_server: RedisServer
) -> None:
    redis_server.client.lrem("bull:q:bull2jet:wait", 1, "w3")
    assert await codes(options) == [("unlisted", "w3")]


async def test_jobs_that_neither_side_knows_any_more_are_found(
    carried: Report, options: Options, redis_server: RedisServer
) -> None:
    """Gone from the target, which its events explain, and from the list of what was carried."""
    queue = Queue("q", {"connection": options.to})
    for number in range(1, 13):
        await queue.remove(f"w{number}")
    await queue.close()
    redis_server.client.lrem("bull:q:bull2jet:wait", 0, "w3")
    assert await codes(options) == [("unlisted", "")]
    redis_server.client.delete("bull:q:bull2jet:wait")
    assert await codes(options) == [("unlisted", "")]


async def test_lost_log_rows_are_found_on_either_side(
    store: QueueStore, options: Options, redis_server: RedisServer
) -> None:
    redis_server.client.lpop("bull:q:c1:logs")
    await store.wire.api(
        f"STREAM.PURGE.{store.names.space.logs}", {"filter": store.names.log("c2")}
    )
    assert await codes(options) == [("different", "c1"), ("different", "c2")]


async def test_a_swapped_order_in_redis_is_found(
    carried: Report, options: Options, redis_server: RedisServer
) -> None:
    client = redis_server.client
    client.lset("bull:q:bull2jet:wait", 0, "w11")
    client.lset("bull:q:bull2jet:wait", 1, "w12")
    assert await codes(options) == [("order", "")]
    report = await verify(options, Silent())
    assert report.queues[0].states["waiting"].in_order is False


@pytest.mark.parametrize(("state", "first"), [(WAIT, "w1"), (COMPLETED, "c1")])
async def test_a_swapped_order_on_the_target_is_found(
    state: str, first: str, store: QueueStore, options: Options
) -> None:
    message = await last_message(store, first)
    assert message is not None and state_of(message.subject) == state
    await (await store.wire.post(message.subject, message.data, {}))  # now it is the last
    assert await codes(options) == [("order", "")]


async def test_a_changed_scheduler_is_found(redis_server: RedisServer, options: Options) -> None:
    client = redis_server.client
    make_jobs(client, 4)
    client.zadd("bull:q:repeat", {"daily": 2_000_000_000_000})
    client.hset("bull:q:repeat:daily", mapping={"name": "n", "ic": 1, "every": 1000})
    client.hset("bull:q:meta", mapping={"concurrency": 3})
    assert (await run(options, Silent())).verdict is Verdict.FINE
    client.zadd("bull:q:bull2jet:repeat", {"daily": 2_000_000_001_000})
    assert await codes(options) == [("rule-differs", "")]


async def test_a_counter_that_fell_back_is_found_and_one_that_old_programs_raise_is_no_difference(
    redis_server: RedisServer, store: QueueStore, options: Options
) -> None:
    redis_server.client.incrby("bull:q:id", 3)
    assert await codes(options) == []
    await (await store.wire.post(store.names.counter("id"), b"", {"Nats-Incr": "-1"}))
    assert await codes(options) == [("rule-differs", "")]


async def test_jobs_that_live_on_are_no_differences(store: QueueStore, options: Options) -> None:
    connection = {"connection": options.to}
    done: list[str] = []

    async def process(job: Job, token: str) -> str:
        await job.log("here")
        done.append(job.id or "")
        if job.id == "w2":
            raise ValueError("no")
        return "ok"

    worker = Worker("q", process, {**connection, "removeOnComplete": {"count": 8}})
    queue = Queue("q", connection)
    try:
        while len(done) < 12:
            await worker_event(worker)
    finally:
        await worker.close()
        await queue.close()
    assert await codes(options) == []
    report = await verify(options, Silent())
    assert report.queues[0].states["waiting"].moved_on == 12
    assert {f.code for f in report.findings} == {"gone-since"}


async def worker_event(worker: Worker) -> None:
    """Until the worker has finished one more job."""
    seen = asyncio.Event()
    for name in ("completed", "failed"):
        worker.once(name, lambda *_: seen.set())
    await asyncio.wait_for(seen.wait(), 20)


async def test_a_report_cannot_be_changed_unnoticed(carried: Report, options: Options) -> None:
    report = await verify(options, Silent())
    document = json.loads(sealed(report))
    seal = document.pop("seal")
    assert seal == "sha256:" + hashlib.sha256(canonical(document)).hexdigest()


async def test_what_redis_has_lost_of_untouched_jobs_is_no_life_of_theirs_on_the_target(
    redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    make_jobs(client, 4)
    client.hset("bull:q:parent1:processed", "bull:q:one", '"ok"')
    assert (await run(options, Silent())).verdict is Verdict.FINE
    client.delete("bull:q:parent1:processed", "bull:q:c1:logs")
    client.delete("bull:q:parent1:dependencies")
    client.hset("bull:q:d1", "delay", 7)
    client.hset("bull:q:w3", "priority", 5)
    wrong = {job for _, job in await codes(options)}
    assert wrong == {"parent1", "c1", "d1", "w3"}
