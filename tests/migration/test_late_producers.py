"""What old programs add to Redis after a run is taken in by the next one, and alarms nobody."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence

import bullmq
import pytest

from bull2jet.commands.rollback import rollback
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Report, Verdict
from bull2jet.target.jetstream import JetStreamQueue
from bull2jet.transfer.carry import Carrier

from .conftest import RedisServer, make_jobs, put_job
from .working import queue_of

NIGHTLY = {"pattern": "0 0 3 1 1 *", "tz": "UTC"}


@pytest.fixture
async def producer(redis_server: RedisServer) -> AsyncIterator[bullmq.Queue]:
    """The queue `q` of the real BullMQ."""
    queue = bullmq.Queue("q", {"connection": {"host": "127.0.0.1", "port": redis_server.port}})
    yield queue
    await queue.close()


def left(report: Report) -> int:
    return sum(line.left or 0 for queue in report.queues for line in queue.states.values())


async def test_verify_counts_late_jobs_as_left_and_names_the_command_that_fetches_them(
    producer: bullmq.Queue, options: Options
) -> None:
    await producer.add("work", {"n": 1})
    await run(options, Silent())
    await producer.add("work", {"n": 2})
    report = await verify(options, Silent())
    assert (report.verdict, left(report), report.differing) == (Verdict.LEFT, 1, 0)
    assert report.next is not None and report.next.startswith("bull2jet run ")
    assert (await run(options, Silent())).summary == "1 job carried, 0 left in Redis."
    assert (await verify(options, Silent())).verdict is Verdict.FINE


async def test_schedulers_that_an_old_program_declares_again_keep_one_pending_job(
    producer: bullmq.Queue, options: Options, redis_server: RedisServer
) -> None:
    """At its next start, say; up to BullMQ 5.34 that writes the job that was taken over anew."""
    client, hour = redis_server.client, 3_600_000
    await producer.upsertJobScheduler("nightly", NIGHTLY, "tick", {"n": 1})
    await producer.upsertJobScheduler("hourly", {"every": hour}, "tick", {"n": 1})
    await run(options, Silent())
    slot = int(client.zscore("bull:q:bull2jet:repeat", "nightly"))
    nightly = f"repeat:nightly:{slot}"
    async with queue_of(options, "q") as target:
        wanted = {job.id for job in await target.getJobs()}
        assert len(wanted) == 2 and nightly in wanted
        await producer.upsertJobScheduler("hourly", {"every": hour}, "tick", {"n": 1})
        client.hset(f"bull:q:{nightly}", "timestamp", int(time.time() * 1000) + 1)
        client.zadd("bull:q:delayed", {nightly: slot * 4096})
        client.zadd("bull:q:repeat", {"nightly": slot})
        assert left(await verify(options, Silent())) == 2
        fetched = await run(options, Silent())
        assert (fetched.verdict, left(fetched)) == (Verdict.FINE, 0), fetched.findings
        report = await verify(options, Silent())
        assert (report.verdict, left(report)) == (Verdict.FINE, 0), report.findings
        assert {job.id for job in await target.getJobs()} == wanted


async def test_numbers_that_both_sides_have_given_part_and_no_job_is_left_behind(
    producer: bullmq.Queue, options: Options, redis_server: RedisServer
) -> None:
    """New programs are deployed before the run, and old ones are forgotten after it."""
    async with queue_of(options, "q") as target:
        news = [str((await target.add("new", {"n": n})).id) for n in range(3)]
        first = [str((await producer.add("old", {"n": n})).id) for n in range(3)]
        await producer.add("old", {"n": 3}, {"priority": 2})
        done = str((await producer.add("old", {}, {"jobId": "mine"})).id)
        assert set(news) & set(first)
        report = await run(options, Silent())
        assert report.verdict is Verdict.FINE, report.findings
        assert (await verify(options, Silent())).verdict is Verdict.FINE
        news += [str((await target.add("new", {"n": n})).id) for n in range(3)]
        late = [str((await producer.add("old", {"n": n})).id) for n in range(4, 9)]
        await producer.add("old", {"n": 9}, {"priority": 2})
        assert set(news) & set(late)
        report = await run(options, Silent())
        assert report.verdict is Verdict.FINE, report.findings
        checked = await verify(options, Silent())
        assert (checked.verdict, left(checked)) == (Verdict.FINE, 0), checked.findings
        jobs = {job.id: job for job in await target.getJobs()}
        assert [jobs[job_id].name for job_id in news] == ["new"] * 6
        olds = [job for job_id, job in jobs.items() if job.name == "old"]
        assert sorted(job.data["n"] for job in olds if job.id != done) == list(range(10))
        waiting = [job.data.get("n") for job in await target.getWaiting() if job.name == "old"]
        assert waiting == [0, 1, 2, None, 4, 5, 6, 7, 8]
    assert (await rollback(options, Silent())).verdict is Verdict.FINE
    assert await producer.getJobCountByTypes("waiting", "paused", "prioritized") == 17


async def test_a_new_program_that_gives_a_number_in_the_middle_of_a_run_keeps_it(
    options: Options, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = redis_server.client
    client.hset("bull:q:meta", "opts.maxLenEvents", 10000)
    for number in range(1, 7):
        put_job(client, str(number))
        client.lpush("bull:q:wait", number)
    remove, later = JetStreamQueue.remove, [{"id": "new"}]
    async with queue_of(options, "q") as target:
        await target.add("new", {"id": "new"})

        async def be_quicker(queue: JetStreamQueue, job_ids: Sequence[str]) -> None:
            await remove(queue, job_ids)
            if later:
                await target.add("new", later.pop())

        monkeypatch.setattr(JetStreamQueue, "remove", be_quicker)
        report = await run(options, Silent())
        assert report.verdict is Verdict.FINE, report.findings
        assert report.summary == "6 jobs carried, 0 left in Redis."
        waiting = {job.id: job.data["id"] for job in await target.getWaiting()}
    late = [f"{n}-1790000000000" if n in "12" else n for n in "123456"]
    assert [job_id for job_id in waiting if job_id not in ("1", "2")] == late
    assert (waiting["1"], waiting["2"]) == ("new", "new")
    assert [waiting[job_id] for job_id in late] == list("123456")
    assert (await verify(options, Silent())).verdict is Verdict.FINE


async def test_old_programs_of_two_versions_may_go_on_adding_to_two_lists_during_a_run(
    options: Options, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a paused queue BullMQ 5 adds to `paused`, BullMQ for Python 3 to `wait`."""
    client = redis_server.client
    make_jobs(client, 8)
    client.hset("bull:q:meta", "version", "bullmq:5.81.5")
    later = [("wait", "python"), ("paused", "node")]
    carry = Carrier._pass

    async def add_before(carrier: Carrier) -> int:
        if later:
            line, job_id = later.pop(0)
            put_job(client, job_id)
            client.lpush(f"bull:q:{line}", job_id)
        return await carry(carrier)

    monkeypatch.setattr(Carrier, "_pass", add_before)
    report = await run(options, Silent())
    assert client.lrange("bull:q:bull2jet:paused", 0, 0) == [b"node"]
    assert (report.verdict, report.queues[0].states["waiting"].equal) == (Verdict.FINE, 10)
