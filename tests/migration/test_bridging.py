"""`run --follow`: what old producers go on adding to Redis reaches the target's workers at once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from typing import Any

import bullmq
import pytest

from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Report, Verdict

from .commands import begun
from .conftest import Load, RedisServer, make_jobs, put_job
from .working import worker_on


class Told(Silent):
    """Progress that can be waited for."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self.heard = asyncio.Event()

    def say(self, sentence: str) -> None:
        self.sentences.append(sentence)
        self.heard.set()

    async def until(self, part: str) -> None:
        async with asyncio.timeout(20):
            while not any(part in sentence for sentence in self.sentences):
                self.heard.clear()
                await self.heard.wait()


@contextlib.asynccontextmanager
async def bridge(options: Options, queue: str = "q") -> AsyncIterator[list[Report]]:
    """A bridge that is up; its report is there when the block has ended."""
    told = Told()
    reports: list[Report] = []

    async def follow() -> None:
        reports.append(await run(options.model_copy(update={"follow": True}), told))

    task = asyncio.create_task(follow())
    await told.until(f"the bridge of bull:{queue} is up")
    try:
        yield reports
    finally:
        signal.raise_signal(signal.SIGINT)  # as the operator's Ctrl-C
        await task


def address(server: RedisServer) -> dict[str, object]:
    """How BullMQ is told where Redis is."""
    return {"host": "127.0.0.1", "port": server.port}


@pytest.fixture
async def producer(redis_server: RedisServer) -> AsyncIterator[bullmq.Queue]:
    """An old program that still adds to Redis."""
    queue = bullmq.Queue("q", {"connection": address(redis_server)})
    yield queue
    await queue.close()


async def test_new_jobs_of_old_producers_run_on_the_target_in_order(
    producer: bullmq.Queue, options: Options
) -> None:
    first = await producer.add("work", {"n": 0})
    async with bridge(options) as reports, worker_on(options, "q") as shift:
        await shift.until(str(first.id))
        ids = [str((await producer.add("work", {"n": n})).id) for n in range(1, 31)]
        await shift.until(*ids)
    assert shift.taken == [str(first.id), *ids]
    assert reports[0].verdict is Verdict.FINE
    assert reports[0].summary == "31 jobs carried, 0 left in Redis."
    assert (await verify(options, Silent())).differing == 0
    assert await producer.getJobCounts("waiting", "paused") == {"waiting": 0, "paused": 0}


async def test_each_kind_of_job_arrives_as_what_it_is(
    producer: bullmq.Queue, options: Options, redis_server: RedisServer
) -> None:
    await producer.add("work", {})
    async with bridge(options), worker_on(options, "q") as shift:
        await shift.queue.pause()
        await producer.add("work", {}, {"jobId": "later", "delay": 3_600_000})
        await producer.add("work", {}, {"jobId": "second", "priority": 2})
        await producer.add("work", {}, {"jobId": "first", "priority": 1})
        await producer.add("work", {}, {"jobId": "once", "deduplication": {"id": "x"}})
        await producer.upsertJobScheduler("tick", {"every": 86_400_000}, "tick")
        flow = bullmq.FlowProducer(address(redis_server))
        child = {"name": "c", "queueName": "q", "opts": {"jobId": "child"}}
        await flow.add(
            {"name": "p", "queueName": "q", "opts": {"jobId": "parent"}, "children": [child]}
        )
        ids = ("later", "second", "first", "once", "child", "parent")
        states = dict.fromkeys(ids, "")
        async with asyncio.timeout(20):
            while "unknown" in states.values() or "" in states.values():
                for job_id in ids:
                    states[job_id] = await shift.queue.getJobState(job_id)
                await asyncio.sleep(0.02)  # the target tells nobody when a job is carried to it
        assert states == {
            "later": "delayed", "second": "prioritized", "first": "prioritized",
            "once": "waiting", "child": "waiting", "parent": "waiting-children",
        }  # fmt: skip
        assert await shift.queue.getDeduplicationJobId("x") == "once"
        await shift.queue.resume()
        await shift.until("first", "second", "once", "child", "parent")
        assert shift.taken.index("first") < shift.taken.index("second")
        assert [s["key"] for s in await shift.queue.getJobSchedulers()] == ["tick"]
        await flow.close()


async def test_an_old_worker_gets_nothing_while_the_bridge_is_up(
    producer: bullmq.Queue, options: Options, redis_server: RedisServer
) -> None:
    await producer.add("work", {})
    worker = bullmq.Worker("q", None, {"connection": address(redis_server), "autorun": False})
    async with bridge(options), worker_on(options, "q") as shift:
        waiting = asyncio.create_task(worker.getNextJob("token"))
        ids = [str((await producer.add("work", {"n": n})).id) for n in range(20)]
        await shift.until(*ids)
        assert not waiting.done() or waiting.result() is None
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await worker.close(force=True)


async def test_ids_of_new_producers_stay_clear_of_those_of_old_ones(
    producer: bullmq.Queue, options: Options
) -> None:
    await producer.add("work", {})
    async with bridge(options) as reports, worker_on(options, "q") as shift:
        new = [str((await shift.queue.add("new", {})).id) for _ in range(5)]
        old = [str((await producer.add("work", {})).id) for _ in range(5)]
        await shift.until(*new, *old)
    assert len({*new, *old}) == 10
    assert reports[0].verdict is Verdict.FINE


async def test_a_chosen_id_that_both_sides_use_belongs_to_who_came_first(
    producer: bullmq.Queue, options: Options, redis_server: RedisServer
) -> None:
    await producer.add("work", {})
    async with bridge(options) as reports, worker_on(options, "q") as shift:
        await shift.queue.add("new", {"mine": True}, {"jobId": "same"})
        await producer.add("work", {"theirs": True}, {"jobId": "same"})
        last = await producer.add("work", {})
        await shift.until("same", str(last.id))
    assert shift.taken.count("same") == 1
    assert [(f.code, f.job) for f in reports[0].findings if f.severity == "left"] == [
        ("id-taken", "same")
    ]
    assert redis_server.client.hget("bull:q:same", "data") == b'{"theirs":true}'
    assert (await verify(options, Silent())).differing == 0


async def test_a_job_that_was_still_active_finishes_in_redis_and_tells_its_parent(
    redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    make_jobs(client, 1)
    parent = '{"id":"mother","queueKey":"bull:q"}'
    put_job(client, "child", parent=parent, parentKey="bull:q:mother", ats=1)
    client.lpush("bull:q:active", "child")
    client.set("bull:q:child:lock", "old", px=600_000)
    put_job(client, "mother")
    client.zadd("bull:q:waiting-children", {"mother": 1})
    client.sadd("bull:q:mother:dependencies", "bull:q:child")
    worker = bullmq.Worker("q", None, {"connection": address(redis_server), "autorun": False})
    async with bridge(options) as reports, worker_on(options, "q") as shift:
        job = await bullmq.Job.fromId(worker, "child")
        await job.moveToCompleted("from the old side", "old", False)
        await shift.until("mother")
        mother = await shift.queue.getJob("mother")
        assert mother is not None
        assert await mother.getChildrenValues() == {"bull:q:child": "from the old side"}
    assert "child" not in shift.taken
    assert reports[0].verdict is Verdict.LEFT  # it was active when the run ended
    assert (await verify(options, Silent())).differing == 0
    await worker.close(force=True)


async def test_flows_that_come_late_are_carried_parents_first(
    producer: bullmq.Queue, options: Options, redis_server: RedisServer
) -> None:
    await producer.add("work", {})
    pages = bullmq.Queue("pages", {"connection": address(redis_server)})
    await pages.add("work", {})
    flow = bullmq.FlowProducer(address(redis_server))
    async with bridge(options), worker_on(options, "q") as q, worker_on(options, "pages"):
        for number in range(30):
            child = {"name": "c", "queueName": "pages", "opts": {"removeOnComplete": True}}
            opts = {"jobId": f"book{number}"}
            tree = {"name": "p", "queueName": "q", "opts": opts, "children": [child, child]}
            await flow.add(tree)
        await q.until(*(f"book{number}" for number in range(30)))
    await flow.close()
    await pages.close()


async def test_history_that_was_left_out_is_not_swept_up_later(
    redis_server: RedisServer, options: Options
) -> None:
    make_jobs(redis_server.client, 8)
    chosen = options.model_copy(update={"history": 0})
    async with bridge(chosen), worker_on(options, "q") as shift:
        await shift.until("w8")
        assert await shift.queue.getJob("c1") is None
    assert redis_server.client.zcard("bull:q:completed") == 2
    await run(options, Silent())
    assert redis_server.client.zcard("bull:q:completed") == 2


async def test_bull_producers_are_heard_too(
    load: Load, redis_server: RedisServer, options: Options
) -> None:
    load("bull-4")
    client = redis_server.client
    async with bridge(options, "limited"), worker_on(options, "limited") as shift:
        fields = {"name": "__default__", "data": "{}", "opts": "{}", "timestamp": 1, "delay": 0}
        client.hset("bull:limited:late", mapping={**fields, "priority": 0})
        client.lpush("bull:limited:paused", "late")
        client.publish("bull:limited:waiting@token", "late")
        await shift.until("late")


async def test_the_operator_ends_the_bridge_and_stragglers_are_named(
    producer: bullmq.Queue, options: Options, redis_server: RedisServer
) -> None:
    await producer.add("work", {})
    port = producer.redisConnection.conn.connection_pool.connection_kwargs.get("port")
    assert port == redis_server.port
    with begun("run", options.redis, "--to", options.to, "--follow") as process:
        assert process.stderr is not None
        while "the bridge of bull:q is up" not in await asyncio.to_thread(process.stderr.readline):
            assert process.poll() is None
        await producer.add("work", {})
        while "still writes to this Redis" not in await asyncio.to_thread(process.stderr.readline):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, _ = await asyncio.to_thread(process.communicate)
    assert process.returncode == 0
    assert "straggler [bull:q]: a client at 127.0.0.1:" in out
    assert "Next: bull2jet verify" in out


class Meanwhile(Silent):
    """Adds to Redis while the run compares the jobs, as an old producer does that goes on."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def begin(self, queue: str, state: str, total: int) -> None:
        if not state.startswith("verify"):
            return
        job_id = str(self.client.incr("bull:q:id"))
        put_job(self.client, job_id, deid=f"only-{job_id}")
        self.client.set(f"bull:q:de:only-{job_id}", job_id)
        self.client.lpush("bull:q:wait", job_id)


async def test_a_producer_that_adds_while_the_sides_are_compared_makes_no_difference(
    redis_server: RedisServer, options: Options
) -> None:
    make_jobs(redis_server.client, 4)
    report = await run(options, Meanwhile(redis_server.client))
    assert not report.differing, report.findings
    assert (await run(options, Silent())).verdict is Verdict.FINE
    assert (await verify(options, Silent())).verdict is Verdict.FINE
