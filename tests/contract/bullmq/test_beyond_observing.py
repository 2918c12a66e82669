"""Looking at a queue from outside, and reaching into it: what only Node has, or nobody."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done
from tests.contract.bullmq.signals import PATIENCE, Heard
from tests.contract.bullmq.situations import active, added, waiting_for_children

import jetbull
from jetbull.ledger.belongings.logs import append_row
from jetbull.ledger.queue import metrics

MINUTE = 60_000


async def test_a_queue_tells_the_version_that_keeps_it(queue: Any) -> None:
    assert await queue.getVersion() == f"jetbull:{jetbull.__version__}"
    assert (await queue.getMeta())["version"] == f"jetbull:{jetbull.__version__}"


async def test_meta_of_a_fresh_queue(queue: Any) -> None:
    meta = await queue.getMeta()
    assert (meta["paused"], meta["maxLenEvents"]) == (False, 10_000)
    assert "concurrency" not in meta


async def test_listeners_of_a_queue_are_listed(make: Makers, queue: Any) -> None:
    assert await queue.getQueueEvents() == []
    events = make.events(queue)
    await events.waitUntilReady()
    [listener] = await queue.getQueueEvents()
    assert listener == {"name": queue.name, "rawname": f"{queue.qualifiedName}:qe"}


async def test_a_queue_without_metrics_has_none(make: Makers, queue: Any) -> None:
    await added(queue, 1)
    await Heard(make.worker(queue, done), "completed").once()
    none = {"meta": {"count": 0, "prevTS": 0, "prevCount": 0}, "data": [], "count": 0}
    assert await queue.getMetrics("completed") == none


async def test_metrics_have_a_point_per_minute_newest_first(
    queue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await queue.ledger()
    recorder = metrics.MetricsRecorder(4)
    begin = 30_000_000 * MINUTE
    finished = {0: 3, 1: 1, 3: 2, 4: 5}  # minute -> jobs; the last one is not over
    for minute, jobs in finished.items():
        monkeypatch.setattr(metrics, "now_ms", lambda minute=minute: begin + minute * MINUTE)
        for _ in range(jobs):
            await recorder.count(store, "completed")
    told = await queue.getMetrics("completed")
    assert told["meta"] == {"count": 11, "prevTS": begin + 4 * MINUTE, "prevCount": 6}
    assert (told["data"], told["count"]) == ([2, 0, 1, 3], 4)
    assert (await queue.getMetrics("completed", 1, 2))["data"] == [0, 1]


async def test_metrics_of_more_minutes_than_the_server_gives_in_one_answer(
    queue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await queue.ledger()
    recorder, begin = metrics.MetricsRecorder(2_000), 1_000
    for minute in range(begin, begin + 1_100):
        monkeypatch.setattr(metrics, "now_ms", lambda minute=minute: minute * MINUTE)
        await recorder.count(store, "completed")
    told = await queue.getMetrics("completed")
    assert (told["meta"]["count"], told["count"]) == (1_100, 1_099)
    assert "bullmq_job_completed_total" in await queue.exportPrometheusMetrics()
    monkeypatch.setattr(metrics, "now_ms", lambda: (begin + 3_000) * MINUTE)
    await recorder.count(store, "completed")
    assert (await queue.getMetrics("completed"))["count"] == 2_000


async def test_metrics_keep_no_more_minutes_than_asked_for(
    queue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await queue.ledger()
    recorder = metrics.MetricsRecorder(2)
    for minute in range(100, 106):
        monkeypatch.setattr(metrics, "now_ms", lambda minute=minute: minute * MINUTE)
        await recorder.count(store, "failed")
    told = await queue.getMetrics("failed")
    assert (told["meta"]["count"], told["data"]) == (6, [1, 1])


async def test_prometheus_text_of_a_queue(make: Makers) -> None:
    queue = make.queue('say "hi"\\')
    await added(queue, 1)
    worker = make.worker(queue, done, metrics={"maxDataPoints": 1})
    await Heard(worker, "completed").once()
    lines = (await queue.exportPrometheusMetrics({"env": "a\nb"})).splitlines()
    labels = r'queue="say \"hi\"\\", {}env="a\nb"'
    assert "bullmq_job_count{" + labels.format('state="completed", ') + "} 1" in lines
    assert "bullmq_job_completed_total{" + labels.format("") + "} 1" in lines
    assert "bullmq_job_failed_total{" + labels.format("") + "} 0" in lines
    assert "# TYPE bullmq_job_count gauge" in lines


async def test_counts_are_recorded_with_the_meter_of_the_telemetry(make: Makers) -> None:
    recorded: list[tuple[int, dict[str, str]]] = []

    class Meter:
        def createGauge(self, name: str, options: dict[str, str]) -> Any:
            assert name == "bullmq.queue.jobs"
            return self

        def record(self, value: int, attributes: dict[str, str]) -> None:
            recorded.append((value, attributes))

    class Telemetry:
        meter = Meter()

    queue = make.queue(telemetry=Telemetry())
    await added(queue, 2)
    assert await queue.recordJobCountsMetric("waiting") == {"waiting": 2}
    labels = {"bullmq.queue.name": queue.name, "bullmq.queue.jobs.state": "waiting"}
    assert recorded == [(2, labels)]


async def test_processed_dependencies_have_their_values(make: Makers, queue: Any) -> None:
    low = make.queue()
    [parent] = await waiting_for_children(make, queue, low, 1)
    await Heard(make.worker(low, done), "completed").once()
    page = await queue.getDependencies(parent.id, "processed", 0, -1)
    assert [item["v"] for item in page["items"]] == ["done"]
    assert [job.name for job in page["jobs"]] == ["child"]
    assert (await queue.getDependencies(parent.id, "pending"))["total"] == 0


async def test_dependencies_are_jobs_of_their_own_queue(make: Makers, queue: Any) -> None:
    low = make.queue()
    [parent] = await waiting_for_children(make, queue, low, 1)
    [job] = (await queue.getDependencies(parent.id))["jobs"]
    assert (job.queueName, await job.getState()) == (low.name, "waiting")
    await job.remove()
    assert await low.getWaitingCount() == 0
    assert await queue.getJobState(parent.id) == "waiting"


async def test_traces_of_jobs_that_are_gone_can_be_removed(queue: Any) -> None:
    [job] = await added(queue, 1)
    await job.log("stays")
    await append_row(await queue.ledger(), "gone", "row")
    assert await queue.removeOrphanedJobs() == 1
    assert await queue.removeOrphanedJobs() == 0
    assert (await queue.getJobLogs(job.id))["count"] == 1


async def test_a_worker_that_does_not_renew_its_locks_loses_them(make: Makers, queue: Any) -> None:
    runs: list[int] = []
    again = asyncio.Event()

    async def process(job: Any, token: str) -> None:
        runs.append(job.attemptsStarted)
        if len(runs) == 1:
            await asyncio.wait_for(again.wait(), PATIENCE)
        again.set()

    await added(queue, 1)
    options = {"lockDuration": 300, "skipLockRenewal": True, "concurrency": 2}
    worker = make.worker(queue, process, **options)
    await Heard(worker, "stalled").once()
    await asyncio.wait_for(again.wait(), PATIENCE)
    assert runs == [1, 2]


async def test_a_worker_that_skips_the_stalled_check_finds_none(make: Makers, queue: Any) -> None:
    [job] = await active(make, queue, 1)
    await job.extendLock("token-0", 100)
    idle = make.worker(queue, done, skipStalledCheck=True)
    await idle.waitUntilReady()
    await asyncio.sleep(0.5)
    assert await job.getState() == "active"
    by_hand = make.worker(queue)
    stalled = Heard(by_hand, "stalled")
    await by_hand.startStalledCheckTimer()
    assert await stalled.once() == (job.id,)


async def test_a_rate_limited_worker_looks_again_after_the_maximum_delay(
    make: Makers, queue: Any
) -> None:
    limits = {"limiter": {"max": 1, "duration": 60_000}, "maximumRateLimitDelay": 100}
    worker = make.worker(queue, done, **limits)
    completed = Heard(worker, "completed")
    await added(queue, 2)
    await completed.once()
    began = time.monotonic()
    # Nobody is told when the window's record itself goes; only looking again finds out.
    store = await queue.ledger()
    await store.purge(store.names.aux("gate", "rate"))
    await completed.times(2)
    assert time.monotonic() - began < 5


WORKER = """
import asyncio, sys
from jetbull import Worker

async def main():
    async def process(job, token, signal):
        await signal.wait()
        raise RuntimeError(f"heard: {signal.reason}")

    options = {"connection": sys.argv[1], "prefix": sys.argv[2]}
    async with Worker(sys.argv[3], process, options) as worker:
        ended = asyncio.Event()
        worker.on("failed", lambda job, error: ended.set())
        await ended.wait()

asyncio.run(main())
"""


async def test_a_job_in_another_process_is_cancelled_from_here(make: Makers, queue: Any) -> None:
    [job] = await added(queue, 1)
    arguments = [make.backend.connection["connection"], make.prefix, queue.name]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, *arguments)
    events = make.events(queue)
    await Heard(events, "active").once()
    assert await queue.cancelJob(job.id, "too late") is True
    assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
    assert (await queue.getJob(job.id)).failedReason == "heard: too late"


async def test_a_processor_without_a_signal_does_not_hear(make: Makers, queue: Any) -> None:
    may_end = asyncio.Event()

    async def process(job: Any, token: str) -> None:
        await asyncio.wait_for(may_end.wait(), PATIENCE)

    [job] = await added(queue, 1)
    worker = make.worker(queue, process)
    completed = Heard(worker, "completed")
    await Heard(worker, "active").once()
    assert await queue.cancelJob(job.id, "in vain") is False
    may_end.set()
    await completed.once()


@pytest.mark.parametrize("options", [{"delay": 60_000}, {"priority": 3}, {}])
async def test_cancelling_a_job_that_waits_removes_it(queue: Any, options: dict[str, int]) -> None:
    removed = Heard(queue, "removed")
    job = await queue.add("job", {}, options)
    assert await queue.cancelJob(job.id) is True
    assert await job.getState() == "unknown"
    assert removed.calls == [(job.id,)]


async def test_a_finished_job_cannot_be_cancelled(make: Makers, queue: Any) -> None:
    [job] = await added(queue, 1)
    await Heard(make.worker(queue, done), "completed").once()
    assert await queue.cancelJob(job.id) is False
    assert await job.getState() == "completed"


async def test_the_next_job_of_a_scheduler_cannot_be_cancelled(queue: Any) -> None:
    job = await queue.upsertJobScheduler("s", {"every": 3_600_000}, "tick", {})
    assert await queue.cancelJob(job.id) is False


async def test_nobody_hears_of_a_removal_that_a_scheduler_refuses(queue: Any) -> None:
    job = await queue.upsertJobScheduler("hourly", {"every": 3_600_000, "startDate": 4e12})
    removed = Heard(queue, "removed")
    await job.remove()
    assert await job.getState() == "delayed"
    assert removed.calls == []
