"""After the migration a jetbull worker goes on where the old one stopped."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from bull2jet.commands.run import run
from bull2jet.model import State
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.source.discovery import discover
from bull2jet.source.door import Door
from jetbull import Job

from .conftest import Load, RedisServer, put_job
from .reading import read, the
from .test_reading_golden_dumps import ALL, BULLMQ
from .working import queue_of, worker_on

MODERN = ["bullmq-5", "bullmq-6", "bullmq-python"]


async def running_order(door: Door, name: str) -> list[str]:
    """Ids as the old library would take them: stalled ones first, then waiting, by priority."""
    jobs, _ = await read(door, the(await discover(door), name))
    order = [job.id for job in jobs.get(State.ACTIVE, []) if not job.locked]
    for state in (State.WAITING, State.PRIORITIZED):
        order += [job.id for job in jobs.get(state, [])]
    return order


def due_in(client: Any, job_id: str, ms: int) -> int:
    """Makes a delayed job of `audio` due so soon; when that is."""
    due = int(time.time() * 1000) + ms
    assert client.zadd("bull:audio:delayed", {job_id: due * 4096}, xx=True, ch=True)
    return due


@pytest.mark.parametrize("dump", ALL)
async def test_waiting_jobs_run_in_the_order_of_the_old_library(
    dump: str, load: Load, options: Options, door: Door
) -> None:
    load(dump)
    expected = await running_order(door, "audio")
    assert len(expected) > 10
    await run(options, Silent())
    async with worker_on(options, "audio") as shift:
        await shift.until(*expected)
    assert [job_id for job_id in shift.taken if job_id in expected] == expected


@pytest.mark.parametrize("dump", ALL)
async def test_a_delayed_job_runs_at_its_time(
    dump: str, load: Load, options: Options, redis_server: RedisServer
) -> None:
    load(dump)
    due = due_in(redis_server.client, "tie-a", 900)
    await run(options, Silent())
    async with worker_on(options, "audio") as shift:
        await shift.until("tie-a")
        tie_b = await shift.queue.getJob("tie-b")
        assert tie_b is not None and await tie_b.getState() == "delayed"
    assert shift.at["tie-a"] >= due


@pytest.mark.parametrize("dump", ALL)
async def test_an_overdue_job_runs_after_those_that_wait(
    dump: str, load: Load, options: Options, redis_server: RedisServer, door: Door
) -> None:
    load(dump)
    due_in(redis_server.client, "tie-a", -60_000)
    due_in(redis_server.client, "tie-b", -90_000)
    await run(options, Silent())
    waiting = await running_order(door, "audio")
    async with worker_on(options, "audio") as shift:
        await shift.until("tie-a", "tie-b", *waiting)
    assert shift.taken.index("tie-b") < shift.taken.index("tie-a")


@pytest.mark.parametrize("dump", ALL)
async def test_old_ids_answer_and_new_ids_go_on_behind_them(
    dump: str, load: Load, options: Options, redis_server: RedisServer
) -> None:
    load(dump)
    counter = int(redis_server.client.get("bull:audio:id"))
    await run(options, Silent())
    async with queue_of(options, "audio") as queue:
        done = await queue.getJob("1")
        assert done is not None and await done.getState() == "completed"
        assert done.returnvalue == {"file": "1.mp3", "seconds": 12.5}
        assert (await queue.getJobLogs("1"))["logs"] == ["started", "half way"]
        failed = await queue.getJob("2")
        assert failed is not None and failed.failedReason == "cannot speak: no voice"
        assert failed.attemptsMade == 2 and len(failed.stacktrace) == 2
        fresh = await queue.add("speak", {"page": 99})
        assert fresh.id == str(counter + 1)


@pytest.mark.parametrize("dump", ALL)
async def test_a_failed_job_can_be_retried(dump: str, load: Load, options: Options) -> None:
    load(dump)
    await run(options, Silent())
    async with worker_on(options, "audio") as shift:
        failed = await shift.queue.getJob("2")
        assert failed is not None
        await failed.retry()
        await shift.until("2")
    async with queue_of(options, "audio") as queue:
        again = await queue.getJob("2")
        assert again is not None and again.returnvalue == "done 2"
        assert again.attemptsMade == 3


@pytest.mark.parametrize("dump", ALL)
async def test_a_paused_queue_stays_paused_and_keeps_its_order(
    dump: str, load: Load, options: Options
) -> None:
    load(dump)
    await run(options, Silent())
    async with worker_on(options, "resting place") as shift:
        assert await shift.queue.isPaused()
        if dump in MODERN:
            assert await shift.queue.getGlobalConcurrency() == 3
        assert shift.taken == []
        await shift.queue.resume()
        await shift.until("1", "2", "3")
    assert shift.taken == ["3", "1", "2"]


async def test_the_age_of_a_finished_job_counts_from_its_end_in_redis(
    redis_server: RedisServer, options: Options
) -> None:
    client, now = redis_server.client, int(time.time() * 1000)
    for job_id, minutes in (("old", 90), ("young", 30)):
        ended = now - minutes * 60_000
        put_job(client, job_id, returnvalue="1", processedOn=ended, finishedOn=ended)
        client.zadd("bull:q:completed", {job_id: ended})
    put_job(client, "next", opts='{"removeOnComplete":{"age":3600}}')
    client.lpush("bull:q:wait", "next")
    client.set("bull:q:id", 1)
    await run(options, Silent())
    async with worker_on(options, "q") as shift:
        await shift.until("next")
    async with queue_of(options, "q") as queue:
        assert [job.id for job in await queue.getCompleted()] == ["next", "young"]


@pytest.mark.parametrize("dump", BULLMQ)
async def test_a_parent_runs_when_its_last_child_is_done(
    dump: str, load: Load, options: Options
) -> None:
    load(dump)
    await run(options, Silent())
    async with worker_on(options, "pages") as pages, worker_on(options, "books") as books:
        assert "book-plain" not in books.taken
        broken = await pages.queue.getJob("plain-broken")
        idle = await pages.queue.getJob("plain-idle")
        assert broken is not None and idle is not None
        await broken.updateData({"kind": "mended"})
        await broken.retry()
        await idle.promote()
        await books.until("book-plain")
        parent = await books.queue.getJob("book-plain")
        assert parent is not None
        values = await parent.getChildrenValues()
    assert values == {
        "bull:pages:plain-done": {"pages": [1, 2, 3]},
        "bull:pages:plain-broken": "done plain-broken",
        "bull:pages:plain-idle": "done plain-idle",
    }


@pytest.mark.parametrize("dump", MODERN)
async def test_policies_of_failed_children_hold_after_the_migration(
    dump: str, load: Load, options: Options
) -> None:
    load(dump)
    await run(options, Silent())
    async with worker_on(options, "books") as books:
        await books.until("book-continue", "book-fail")
        ignored = await books.queue.getJob("book-ignore")
        assert ignored is not None
        assert await ignored.getFailedChildrenValues() == {"bull:pages:ignore-broken": "torn page"}
    async with queue_of(options, "books") as queue:
        failed = await queue.getJob("book-fail")
        assert failed is not None and await failed.getState() == "failed"
        assert failed.failedReason == "child bull:pages:fail-broken failed"
    assert "book-fail" not in books.taken


@pytest.mark.parametrize("dump", MODERN)
async def test_a_deduplication_id_still_stands_for_its_job(
    dump: str, load: Load, options: Options
) -> None:
    load(dump)
    await run(options, Silent())
    async with queue_of(options, "audio") as queue:
        owner = await queue.getDeduplicationJobId("once")
        again = await queue.add("speak", {}, {"deduplication": {"id": "once"}})
        assert owner is not None and again.id == owner
        timed = "a while" if dump == "bullmq-python" else "for-a-while"
        assert await queue.getDeduplicationJobId(timed) is not None


@pytest.mark.parametrize("dump", ALL)
async def test_schedulers_go_on_at_their_next_slot_with_one_pending_job(
    dump: str, load: Load, options: Options, redis_server: RedisServer
) -> None:
    load(dump)
    slots = {
        int(score)
        for _, score in redis_server.client.zrange("bull:audio:repeat", 0, -1, withscores=True)
    }
    await run(options, Silent())
    async with queue_of(options, "audio") as queue:
        schedulers = await queue.getJobSchedulers(0, -1, True)
        assert {row["next"] for row in schedulers} == slots
        jobs = [*await queue.getDelayed(), *await queue.getWaiting()]
        pending = sorted(str(j.id) for j in jobs if str(j.id).startswith("repeat:"))
        assert pending == sorted(f"repeat:{row['key']}:{row['next']}" for row in schedulers)


@pytest.mark.parametrize("dump", ["bull-3", "bull-4", "bullmq-1", "bullmq-3", "bullmq-5"])
async def test_a_repeatable_job_of_an_old_library_makes_its_next_iteration(
    dump: str, load: Load, options: Options, redis_server: RedisServer
) -> None:
    load(dump)
    await run(options, Silent())
    async with queue_of(options, "audio") as queue:
        (tick,) = [s for s in await queue.getJobSchedulers() if s["name"] == "tick"]
        now = await queue.getJob(f"repeat:{tick['key']}:{tick['next']}")
        assert now is not None
        if await now.getState() == "delayed":
            await now.promote()
    async with worker_on(options, "audio") as shift:
        await shift.until(str(now.id))
        after = await shift.queue.getJobScheduler(tick["key"])
        assert after is not None and after["next"] > tick["next"]
        assert (after["next"] - tick["next"]) % 86_400_000 == 0
        following = await shift.queue.getJob(f"repeat:{tick['key']}:{after['next']}")
        assert following is not None and following.data == {"what": "every"}


_REPEATABLE = ["bull-3", "bull-4", "bullmq-1", "bullmq-2", "bullmq-3", "bullmq-4", "bullmq-5"]


@pytest.mark.parametrize("dump", _REPEATABLE)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_a_program_that_declares_its_repeatable_jobs_as_ever_does_not_double_them(
    dump: str, when: str, load: Load, options: Options
) -> None:
    load(dump)
    rules: dict[str, Any] = {
        "nightly": {"repeat": {"cron": "0 3 1 1 *", "tz": "Europe/Berlin"}},
        "tick": {"repeat": {"every": 86_400_000, "limit": 9}, "jobId": "ticker"},
        "season": {"repeat": {"cron": "0 0 1 1 *", "endDate": "2037-01-01T00:00:00.000Z"}},
    }
    async with queue_of(options, "audio") as queue:
        if when == "before":
            for name, opts in rules.items():
                await queue.add(name, {}, opts)
        await run(options, Silent())
        carried = {s["key"]: s["next"] for s in await queue.getJobSchedulers()}
        for name, opts in rules.items():
            await queue.add(name, {}, opts)
        assert {s["key"]: s["next"] for s in await queue.getJobSchedulers()} == carried
        names = sorted(s["name"] for s in await queue.getJobSchedulers() if s["name"] in rules)
        assert names == sorted(rules)
        jobs = [job.name for job in await queue.getJobs(["waiting", "delayed"])]
        assert sorted(name for name in jobs if name in rules) == names
        assert await queue.removeRepeatable("tick", {"every": 86_400_000}, "ticker") is True
        assert await queue.removeRepeatableByKey("nightly:::Europe/Berlin:0 3 1 1 *") is True


@pytest.mark.parametrize("dump", ALL)
async def test_data_reaches_the_worker_as_it_was_given(
    dump: str, load: Load, options: Options, redis_server: RedisServer
) -> None:
    load(dump)
    stored = {
        name: redis_server.client.hget(f"bull:audio:payload-{name}", "data")
        for name in ("order", "unicode", "numbers", "empty", "list", "nothing", "text")
    }
    await run(options, Silent())
    async with queue_of(options, "audio") as queue:
        for name, text in stored.items():
            job = await queue.getJob(f"payload-{name}")
            assert isinstance(job, Job) and job.data == json.loads(text)
