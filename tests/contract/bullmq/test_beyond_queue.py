"""Methods and events of a Queue that only BullMQ for Node has."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard
from tests.contract.bullmq.situations import (
    active,
    added,
    completed,
    names,
    one_in_every_state,
    waiting_for_children,
)


async def test_the_remaining_counts(make: Makers, queue: Any) -> None:
    await one_in_every_state(make, queue)
    assert await queue.getActiveCount() == 1
    assert await queue.getPrioritizedCount() == 1
    assert await queue.getWaitingChildrenCount() == 1


@pytest.mark.parametrize("jobs", [3, 100])
async def test_delayed_jobs_due_before_a_time_are_counted(queue: Any, jobs: int) -> None:
    now = round(time.time() * 1000)
    await queue.addBulk(
        [
            {"name": "job", "opts": {"delay": hours * 3_600_000, "timestamp": now}}
            for hours in range(jobs, 0, -1)
        ]
    )
    assert await queue.getDelayedCount() == jobs
    for hours in (0, 1, 2, jobs):
        assert await queue.getDelayedCount(now + hours * 3_600_000) == max(0, hours - 1)
    assert await queue.getDelayedCount(now + jobs * 3_600_000 + 1) == jobs
    with pytest.raises(ValueError, match="timestamp must be a safe integer in milliseconds"):
        await queue.getDelayedCount("soon")


async def test_count_is_what_is_still_to_be_done(make: Makers, queue: Any) -> None:
    await one_in_every_state(make, queue)
    assert await queue.count() == 4


async def test_a_queue_tells_its_own_adds_progress_and_removals(queue: Any) -> None:
    waiting, progress = Heard(queue, "waiting"), Heard(queue, "progress")
    removed = Heard(queue, "removed")
    job = await queue.add("job", {})
    assert (await waiting.once())[0].id == job.id
    await job.updateProgress(50)
    assert await progress.once() == (job.id, 50)
    await queue.remove(job.id)
    assert await removed.once() == (job.id,)


async def test_a_queue_tells_its_own_pauses(queue: Any) -> None:
    paused, resumed = Heard(queue, "paused"), Heard(queue, "resumed")
    await queue.pause()
    await queue.resume()
    assert (await paused.once(), await resumed.once()) == ((), ())


async def test_a_queue_tells_its_own_cleaning(make: Makers, queue: Any) -> None:
    cleaned = Heard(queue, "cleaned")
    await completed(make, queue, 2)
    await queue.clean(0, 0, "completed")
    assert await cleaned.once() == (["1", "2"], "completed")


async def test_cleaning_waiting_jobs_is_told_by_one_name(queue: Any) -> None:
    cleaned = Heard(queue, "cleaned")
    for _ in range(2):
        await queue.add("job", {})
    await queue.clean(0, 1, "wait")
    await queue.clean(0, 1, "waiting")
    assert cleaned.calls == [(["1"], "wait"), (["2"], "wait")]


async def test_clean_cleans_completed_jobs_by_default(make: Makers, queue: Any) -> None:
    await completed(make, queue, 2)
    assert await queue.clean(0, 0) == ["1", "2"]


async def test_obliterate_takes_its_options_as_a_dictionary(make: Makers, queue: Any) -> None:
    await active(make, queue, 1)
    await queue.obliterate({"force": True})
    assert await queue.getJobCountByTypes() == 0


async def test_logs_and_progress_can_be_written_by_id(queue: Any) -> None:
    [job] = await added(queue, 1)
    assert await queue.addJobLog(job.id, "first") == 1
    assert await queue.addJobLog(job.id, "second", 1) == 1
    await queue.updateJobProgress(job.id, {"page": 3})
    assert (await queue.getJobLogs(job.id))["logs"] == ["second"]
    assert (await queue.getJob(job.id)).progress == {"page": 3}


async def test_meta_tells_pause_and_limits(queue: Any) -> None:
    await queue.pause()
    await queue.setGlobalConcurrency(3)
    await queue.setGlobalRateLimit(5, 1_000)
    meta = await queue.getMeta()
    assert (meta["paused"], meta["concurrency"]) == (True, 3)
    assert (meta["max"], meta["duration"]) == (5, 1_000)


async def test_a_queue_is_maxed_when_its_concurrency_is_used_up(make: Makers, queue: Any) -> None:
    await queue.setGlobalConcurrency(1)
    assert await queue.isMaxed() is False
    await active(make, queue, 1)
    assert await queue.isMaxed() is True


async def test_metrics_count_what_workers_with_metrics_finished(make: Makers, queue: Any) -> None:
    await added(queue, 3)

    async def process(job: Any, token: str) -> None:
        if job.name == "w2":
            raise ValueError("no")

    worker = make.worker(queue, process, metrics={"maxDataPoints": 60})
    await Heard(worker, "failed").once()
    done = await queue.getMetrics("completed")
    assert done["meta"]["count"] == 2
    assert (await queue.getMetrics("failed"))["meta"]["count"] == 1


async def test_prometheus_metrics_have_one_line_per_state(make: Makers, queue: Any) -> None:
    await added(queue, 2)
    text = await queue.exportPrometheusMetrics({"env": "test"})
    line = f'bullmq_job_count{{queue="{queue.name}", state="waiting", env="test"}} 2'
    assert line in text.splitlines()


async def test_workers_are_listed_under_their_node_names(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> None:
        return None

    await added(queue, 1)
    await Heard(make.worker(queue, process, name="w1"), "completed").once()
    [worker] = await queue.getWorkers()
    assert (worker["name"], worker["rawname"]) == (queue.name, f"{queue.qualifiedName}:w:w1")
    assert await queue.getWorkersCount() == 1


async def test_dependencies_are_read_in_pages(make: Makers, queue: Any) -> None:
    [parent] = await waiting_for_children(make, queue, make.queue(), 1)
    page = await queue.getDependencies(parent.id, "pending", 0, -1)
    assert page["total"] == 1
    assert len(page["items"]) == 1


async def test_a_scheduler_takes_its_template_as_a_dictionary(queue: Any) -> None:
    job = await queue.upsertJobScheduler(
        "hourly",
        {"every": 3_600_000},
        {"name": "tick", "data": {"n": 1}, "opts": {"attempts": 2}},
    )
    assert (job.name, job.data) == ("tick", {"n": 1})
    assert (await queue.getJob(job.id)).opts["attempts"] == 2


async def test_cancelling_a_waiting_job_by_queue_removes_it(queue: Any) -> None:
    await added(queue, 2)
    assert await queue.cancelJob("1", "not needed") is True
    assert names(await queue.getWaiting()) == ["w1"]


async def test_cancelling_a_running_job_by_queue_reaches_its_worker(
    make: Makers, queue: Any
) -> None:
    async def process(job: Any, token: str, signal: Any) -> None:
        await signal.wait()
        signal.throw_if_aborted()

    await added(queue, 1)
    worker = make.worker(queue, process)
    failed = Heard(worker, "failed")
    await Heard(worker, "active").once()
    assert await queue.cancelJob("1", "too slow") is True
    _, error = await failed.once()
    assert str(error) == "too slow"


async def test_cancelling_an_unknown_job_by_queue_answers_false(queue: Any) -> None:
    assert await queue.cancelJob("unknown", "why") is False


async def test_ids_are_listed_without_their_jobs(queue: Any) -> None:
    jobs = [*await added(queue, 3), *await added(queue, 1, "d", delay=60_000)]
    ids = [job.id for job in jobs]
    assert await queue.getRanges(["waiting", "delayed", "wait"]) == [*ids[2::-1], ids[3]]
    assert await queue.getRanges("wait", 0, 1, True) == ids[:2]
    assert await queue.getRanges([]) == []


async def test_the_default_options_can_be_read_but_not_changed(make: Makers) -> None:
    queue = make.queue(defaultJobOptions={"attempts": 2})
    queue.defaultJobOptions["attempts"] = 5
    assert queue.defaultJobOptions == {"attempts": 2}


async def test_the_default_options_stand_under_those_of_a_scheduler(make: Makers) -> None:
    defaults = {"attempts": 2, "removeOnComplete": True}
    queue = make.queue(defaultJobOptions=defaults)
    repeat = {"every": 3_600_000}
    first = await queue.upsertJobScheduler("hourly", repeat, "tick", {}, {"attempts": 3})
    record = await queue.getJobScheduler("hourly")
    assert record["template"]["opts"] == {"attempts": 3, "removeOnComplete": True}

    await Heard(make.worker(queue, lambda job: None), "completed").once()
    [following] = await queue.getDelayed()
    for job in (first, following):
        assert (job.opts["attempts"], job.opts["removeOnComplete"]) == (3, True)
    assert await queue.getCompletedCount() == 0


async def test_all_that_has_a_connection_can_be_waited_for(make: Makers, queue: Any) -> None:
    producers = [make.flow_producer(), make.events_producer(queue)]
    for one in (queue, make.worker(queue), make.events(queue), *producers):
        await one.waitUntilReady()
    for one in (*producers, make.events(queue)):
        await one.disconnect()
    assert await queue.getJobCountByTypes() == 0


@pytest.mark.parametrize(("limit", "ttl"), [(5, 0), (None, -2)])
async def test_the_time_left_is_0_below_a_given_number_of_jobs(
    queue: Any, limit: int | None, ttl: int
) -> None:
    arguments = [] if limit is None else [limit]
    assert await queue.getRateLimitTtl(*arguments) == ttl


async def test_an_obliterated_queue_leaves_no_consumer(make: Makers, queue: Any) -> None:
    await added(queue, 1)
    await added(queue, 1, priority=3)

    async def process(job: Any, token: str) -> None:
        return None

    worker = make.worker(queue, process)
    await Heard(worker, "completed").times(2)
    await worker.close()
    await queue.obliterate()
    store = await queue.ledger()
    left = await store.wire.api(f"CONSUMER.NAMES.{store.names.space.jobs}", {})
    assert left["consumers"] in (None, [])


@pytest.mark.parametrize("state", ["waiting", "bogus"])
async def test_only_finished_jobs_can_be_retried_at_once(queue: Any, state: str) -> None:
    with pytest.raises(ValueError, match=f"^state is '{state}': "):
        await queue.retryJobs({"state": state})
