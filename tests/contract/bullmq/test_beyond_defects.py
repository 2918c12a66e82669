"""What BullMQ for Python 3.4.4 gets wrong and jetbull does right."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done, fail
from tests.contract.bullmq.signals import Heard
from tests.contract.bullmq.situations import added


async def test_a_backoff_of_150_ms_takes_about_150_ms(make: Makers, queue: Any) -> None:
    begins: list[float] = []

    async def process(job: Any, token: str) -> None:
        begins.append(time.time())
        if len(begins) == 1:
            raise ValueError("again")

    await queue.add("job", {}, {"attempts": 2, "backoff": 150})
    await Heard(make.worker(queue, process), "completed").once()
    assert 0.15 <= begins[1] - begins[0] < 0.6


@pytest.mark.parametrize(
    "name",
    ["with space", "עברית 🎧", "line\r\nbreak", "nul\0", "a.b.*.>", "$JS.API.STREAM.DELETE.x"],
)
async def test_a_worker_runs_whatever_the_queue_is_called(make: Makers, name: str) -> None:
    queue = make.queue(name)
    await queue.add("job", {"n": 1})
    job, result = await Heard(make.worker(queue, done), "completed").once()
    assert (job.data, result) == ({"n": 1}, "done")


async def test_a_limited_worker_goes_on_as_soon_as_its_window_ends(
    make: Makers, queue: Any
) -> None:
    await added(queue, 3)
    worker = make.worker(queue, done, limiter={"max": 1, "duration": 100})
    calls = await Heard(worker, "completed").times(3)
    times = [job.processedOn for job, _ in calls]
    assert 195 <= times[2] - times[0] < 1_500


async def test_an_unknown_scheduler_is_none(queue: Any) -> None:
    assert await queue.getJobScheduler("unknown") is None


async def test_a_scheduler_changed_while_its_queue_is_paused_has_one_pending_job(
    queue: Any,
) -> None:
    await queue.upsertJobScheduler("s", {"every": 3_600_000}, "now")
    await queue.pause()
    yearly = await queue.upsertJobScheduler("s", {"pattern": "0 0 1 1 *"}, "yearly")
    assert [job.id for job in await queue.getJobs()] == [yearly.id]


async def test_the_last_job_of_a_pattern_is_the_last_before_its_end_date(
    make: Makers, queue: Any
) -> None:
    completed = Heard(make.worker(queue, done), "completed")
    repeat = {"pattern": "* * * * * *", "endDate": int(time.time() * 1000) + 1_000}
    job = await queue.upsertJobScheduler("second", repeat)
    assert (await completed.once())[0].id == job.id
    assert (await queue.getJobScheduler("second"))["iterationCount"] == 1
    assert await queue.getDelayedCount() == 0


async def test_logging_to_a_missing_job_is_an_error(queue: Any) -> None:
    [job] = await added(queue, 1)
    await job.remove()
    with pytest.raises(TypeError, match=f"^Missing key for job {job.id}. addLog$"):
        await job.log("lost")
    assert await queue.getJobLogs(job.id) == {"logs": [], "count": 0}


async def test_an_exception_in_a_listener_is_not_the_failure_of_the_job(
    make: Makers, queue: Any
) -> None:
    def listener(job: Any, result: Any) -> None:
        if job.name == "w0":
            raise RuntimeError("listener")

    jobs = await added(queue, 2)
    worker = make.worker(queue, done)
    failed, errors = Heard(worker, "failed"), Heard(worker, "error")
    completed = Heard(worker, "completed")
    worker.on("completed", listener)
    await completed.times(2)
    assert [await job.getState() for job in jobs] == ["completed", "completed"]
    assert failed.calls == []
    assert [str(call[0]) for call in errors.calls] == ["listener"]


async def test_a_job_remembers_the_name_of_the_worker_that_took_it(
    make: Makers, queue: Any
) -> None:
    [job] = await added(queue, 1)
    await Heard(make.worker(queue, done, name="painter"), "completed").once()
    assert (await queue.getJob(job.id)).processedBy == "painter"


@pytest.mark.parametrize(
    ("priority", "message"),
    [
        (1.5, "Priority should not be float"),
        (-1, "Priority should be between 0 and 2097152"),
        (2_097_153, "Priority should be between 0 and 2097152"),
    ],
)
async def test_impossible_priorities_are_refused(queue: Any, priority: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        await queue.add("job", {}, {"priority": priority})
    assert await queue.getJobCountByTypes() == 0


@pytest.mark.parametrize("job_id", ["0:5", "0:1:2"])
async def test_an_id_that_bullmq_would_never_run_is_refused(queue: Any, job_id: str) -> None:
    with pytest.raises(ValueError, match=r"^JobId cannot start with '0:'"):
        await queue.add("job", {}, {"jobId": job_id})
    assert await queue.getJobCountByTypes() == 0


async def test_a_number_that_was_chosen_as_an_id_is_passed_over(make: Makers, queue: Any) -> None:
    for number in ("2", "4", "8"):
        await queue.add("chosen", {}, {"jobId": number})
    single = await queue.add("counted", {})
    several = await queue.addBulk([{"name": "counted", "data": {}} for _ in range(4)])
    once = [{"name": "once", "data": {}, "opts": {"deduplication": {"id": i}}} for i in "ab"]
    jobs = [single, *several, *await queue.addBulk(once)]
    assert len({"2", "4", "8", *(job.id for job in jobs)}) == 3 + len(jobs)
    completed = Heard(make.worker(queue, done), "completed")
    assert len({job.id for job, _ in await completed.times(3 + len(jobs))}) == 3 + len(jobs)


async def test_a_size_limit_refuses_larger_data(queue: Any) -> None:
    job = await queue.add("fits", {"t": "x" * 10}, {"sizeLimit": 20})
    assert await job.getState() == "waiting"
    message = r"^The size of job large exceeds the limit 20 bytes"
    with pytest.raises(ValueError, match=message):
        await queue.add("large", {"t": "x" * 100}, {"sizeLimit": 20})


async def test_a_size_limit_counts_bytes_and_not_letters(queue: Any) -> None:
    with pytest.raises(ValueError, match="exceeds the limit 12 bytes"):
        await queue.add("job", "אבגדהוז", {"sizeLimit": 12})
    assert await queue.getWaitingCount() == 0


async def test_jitter_shortens_a_backoff_at_random(make: Makers, queue: Any) -> None:
    backoff = {"type": "fixed", "delay": 100_000, "jitter": 0.5}
    await added(queue, 12, attempts=2, backoff=backoff)
    calls = await Heard(make.worker(queue, fail), "failed").times(12)
    delays = [job.delay for job, _ in calls]
    assert all(50_000 <= delay <= 100_000 for delay in delays)
    assert len(set(delays)) > 1


@pytest.mark.parametrize("jitter", [-0.1, 1.1])
async def test_impossible_jitter_is_refused(queue: Any, jitter: float) -> None:
    backoff = {"type": "fixed", "delay": 100, "jitter": jitter}
    with pytest.raises(ValueError, match=r"^Jitter should be between 0 and 1"):
        await queue.add("job", {}, {"attempts": 2, "backoff": backoff})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attempts": "3"}, r"^attempts is a number, not '3'\.$"),
        ({"removeOnComplete": "yes"}, r"take true, a number or \{count, age\}, not 'yes'\.$"),
        ({"removeOnFail": {"count": "2"}}, r"not \{'count': '2'\}\.$"),
        ({"delay": "5.5"}, r"^delay is a number, not '5\.5'\.$"),
        ({"delay": float("inf")}, r"^delay is a number, not inf\.$"),
        ({"attempts": True}, r"^attempts is a number, not True\.$"),
        ({"timestamp": "2026-01-01"}, r"^timestamp is a number, not '2026-01-01'\.$"),
        ({"timestamp": [1], "delay": 5}, r"^timestamp is a number, not \[1\]\.$"),
        ({"priority": "one"}, r"^priority is a number, not 'one'\.$"),
        ({"priority": "-1"}, r"^Priority should be between 0 and 2097152$"),
        ({"backoff": {"type": "fixed", "delay": "x"}}, r"^backoff\.delay is a number, not 'x'\.$"),
        ({"backoff": "exponential"}, r"^backoff is a number .*, not 'exponential'\.$"),
        ({"backoff": True}, r"^backoff is a number .*, not True\.$"),
        ({"backoff": float("inf")}, r"^backoff\.delay is a number, not inf\.$"),
        (
            {"removeOnComplete": {"age": float("nan")}},
            r"a number or \{count, age\}, not \{'age': nan",
        ),
        (
            {"deduplication": {"id": "i", "ttl": "x"}},
            r"^deduplication\.ttl is a number, not 'x'\.$",
        ),
        ({"deduplication": "id"}, r"^deduplication is a dictionary with an id, not 'id'\.$"),
    ],
)
async def test_options_of_a_wrong_type_are_refused_when_the_job_is_added(
    queue: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        await queue.add("job", {}, options)
    with pytest.raises(ValueError, match=message):
        await queue.addBulk([{"name": "job", "data": {}, "opts": options}])
    assert await queue.getJobCountByTypes() == 0


class _SpeechlessError(Exception):
    def __str__(self) -> str:
        raise ValueError("nothing to say")


async def test_an_error_whose_text_cannot_be_made_fails_the_job(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> None:
        raise _SpeechlessError

    await added(queue, 1)
    job, error = await Heard(make.worker(queue, process), "failed").once()
    assert isinstance(error, _SpeechlessError)
    assert (await job.getState(), job.failedReason) == ("failed", "<exception str() failed>")


async def test_a_timestamp_of_none_is_now(queue: Any) -> None:
    job = await queue.add("job", {}, {"timestamp": None, "delay": 60_000})
    stored = await queue.getJob(job.id)
    assert abs(stored.timestamp - time.time() * 1000) < 60_000
    assert await queue.clean(0, 0, "delayed") == [job.id]


@pytest.mark.parametrize(
    ("repeat", "message"),
    [
        ({"every": 0.5}, r"^\.every is at least 1 ms, not 0\.5\.$"),
        ({"every": -1000}, r"^\.every is at least 1 ms, not -1000\.$"),
        ({"every": float("inf")}, r"^\.every is a number, not inf\.$"),
        ({"every": "often"}, r"^\.every is a number, not 'often'\.$"),
        ({"every": 1000, "limit": "few"}, r"^\.limit is a number, not 'few'\.$"),
        ({"pattern": 5}, r"^\.pattern is a text, not 5\.$"),
        ({"pattern": "* * * * *", "tz": 1}, r"^\.tz is a text, not 1\.$"),
    ],
)
async def test_a_scheduler_that_cannot_go_on_is_refused(
    queue: Any, repeat: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        await queue.upsertJobScheduler("odd", repeat)
    assert await queue.getJobSchedulersCount() == 0


async def test_the_limit_of_a_scheduler_may_be_a_whole_number_in_text(
    make: Makers, queue: Any
) -> None:
    await queue.upsertJobScheduler("thrice", {"every": "20", "limit": "3"})
    calls = await Heard(make.worker(queue, done), "completed").times(3)
    assert [job.opts["repeat"]["count"] for job, _ in calls] == [1, 2, 3]
    assert await queue.getDelayedCount() == 0


async def test_a_bulk_with_a_job_whose_parent_is_nowhere_adds_nothing(queue: Any) -> None:
    orphan = {"parent": {"id": "nobody", "queue": queue.qualifiedName}}
    rows = [{"name": "a", "data": {}}, {"name": "b", "data": {}, "opts": orphan}]
    with pytest.raises(TypeError, match=f"parent job {queue.qualifiedName}:nobody. addJob"):
        await queue.addBulk(rows)
    assert await queue.count() == 0
