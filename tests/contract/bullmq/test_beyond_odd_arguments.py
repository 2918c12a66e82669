"""What makes no sense is refused in one sentence that names it, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

import pytest
from croniter import CroniterBadCronError
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard

from jetbull import Job
from jetbull.errors import ConfigurationError

Call = Callable[[Any, Any], Awaitable[Any]]
NO_NUMBER = [None, True, "x", [], {}, float("nan"), float("inf"), object()]
NO_PLACE: list[Any] = [None, "x", 1.5, [], float("inf")]
NO_DICTIONARY = ["text", 5, ["list"], True]
HOURLY = {"every": 3_600_000}


def cases(calls: dict[str, Call]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("call", calls.values(), ids=calls.keys())


async def refused(call: Any, queue: Any, values: list[Any]) -> None:
    for value in values:
        shown = re.escape(repr(value)[:40])
        with pytest.raises(ConfigurationError, match=rf"^[A-Za-z.' ]+.* (is|at) .*{shown}"):
            await call(queue, value)
    assert await queue.getJobCountByTypes() == 0
    assert await queue.getJobSchedulersCount() == 0


@cases(
    {
        "setGlobalConcurrency": lambda q, v: q.setGlobalConcurrency(v),
        "setGlobalRateLimit-max": lambda q, v: q.setGlobalRateLimit(v, 1000),
        "setGlobalRateLimit-duration": lambda q, v: q.setGlobalRateLimit(1, v),
        "rateLimit": lambda q, v: q.rateLimit(v),
        "clean-grace": lambda q, v: q.clean(v, 10, "completed"),
        "clean-limit": lambda q, v: q.clean(0, v, "completed"),
        "trimEvents": lambda q, v: q.trimEvents(v),
        "removeOrphanedJobs": lambda q, v: q.removeOrphanedJobs(1000, v),
        "getCountsPerPriority": lambda q, v: q.getCountsPerPriority([v]),
    }
)
async def test_what_has_to_be_a_number_is_refused_by_name_when_it_is_none(
    queue: Any, call: Any
) -> None:
    await refused(call, queue, NO_NUMBER)
    assert (await queue.getMeta()).keys() == {"maxLenEvents", "version", "paused"}
    assert await queue.getRateLimitTtl() == -2


@cases(
    {
        "getJobs-start": lambda q, v: q.getJobs(["waiting"], v),
        "getJobs-end": lambda q, v: q.getJobs(["waiting"], 0, v),
        "getWaiting": lambda q, v: q.getWaiting(v),
        "getRanges": lambda q, v: q.getRanges(["waiting"], v),
        "getJobLogs": lambda q, v: q.getJobLogs("1", v),
        "getMetrics": lambda q, v: q.getMetrics("completed", v),
        "getJobSchedulers": lambda q, v: q.getJobSchedulers(v),
        "getDependencies": lambda q, v: q.getDependencies("1", "processed", v),
    }
)
async def test_a_place_in_a_list_is_a_whole_number(queue: Any, call: Any) -> None:
    await refused(call, queue, NO_PLACE)


@cases(
    {
        "add": lambda q, v: q.add("job", 1, v),
        "add-parent": lambda q, v: q.add("job", 1, {"parent": v}),
        "addBulk": lambda q, v: q.addBulk([{"name": "first"}, v]),
        "addBulk-opts": lambda q, v: q.addBulk([{"name": "first"}, {"name": "job", "opts": v}]),
        "create": lambda q, v: Job.create(q, "job", 1, v),
        "createBulk": lambda q, v: Job.createBulk(q, [{"name": "first"}, v]),
        "remove": lambda q, v: q.remove("1", v),
        "retryJobs": lambda q, v: q.retryJobs(v),
        "promoteJobs": lambda q, v: q.promoteJobs(v),
        "exportPrometheusMetrics": lambda q, v: q.exportPrometheusMetrics(v),
        "upsert": lambda q, v: q.upsertJobScheduler("mine", v),
        "upsert-opts": lambda q, v: q.upsertJobScheduler("mine", HOURLY, "job", 1, v),
    }
)
async def test_what_has_to_be_a_dictionary_is_refused_by_name_when_it_is_none(
    queue: Any, call: Any
) -> None:
    await refused(call, queue, NO_DICTIONARY)


@cases(
    {
        "flow": lambda f, v: f.add(v),
        "flow-opts": lambda f, v: f.add({"name": "root", "queueName": "q", "opts": v}),
        "flow-child": lambda f, v: f.add({"name": "root", "queueName": "q", "children": [v]}),
        "flow-options": lambda f, v: f.add({"name": "root", "queueName": "q"}, v),
        "addBulk": lambda f, v: f.addBulk([{"name": "root", "queueName": "q"}, v]),
        "getFlow": lambda f, v: f.getFlow(v),
    }
)
async def test_a_flow_that_is_no_dictionary_is_refused(make: Makers, call: Any) -> None:
    producer = make.flow_producer()
    for value in NO_DICTIONARY:
        with pytest.raises(ConfigurationError, match=re.escape(repr(value))):
            await call(producer, value)
    assert await make.queue("q").getJobCountByTypes() == 0


@pytest.mark.parametrize("types", [5, [["waiting"]], [None], b"waiting"], ids=repr)
async def test_types_are_texts(queue: Any, types: Any) -> None:
    with pytest.raises(ConfigurationError, match="types is a list of texts, not"):
        await queue.getJobs(types)


@pytest.mark.parametrize("name", [None, b"name", [], True], ids=repr)
async def test_a_queue_is_named_by_a_text(make: Makers, name: Any) -> None:
    with pytest.raises(ConfigurationError, match="The name of a queue is a text, not"):
        make.backend.Queue(name, make.options({}))


async def test_a_queue_and_a_scheduler_may_be_named_by_a_number(make: Makers) -> None:
    queue: Any = make.queue(5)  # type: ignore[arg-type]  # as in BullMQ, which writes it as text
    await queue.add("job", 1)
    await queue.upsertJobScheduler(7, HOURLY)
    assert await make.queue("5").getWaitingCount() == 2
    assert await make.queue("5").isJobScheduler("7")


@pytest.mark.parametrize("state", ["active", "waiting", "delayed", "waiting-children", None])
async def test_a_job_that_has_not_ended_is_not_retried_by_naming_its_state(
    make: Makers, queue: Any, state: Any
) -> None:
    job = await queue.add("job", 1)
    holder = make.worker(queue, None)
    assert await holder.getNextJob("token") is not None
    sentence = f"^state is {state!r}: retry takes failed or completed"
    with pytest.raises(ConfigurationError, match=sentence):
        await job.retry(state)
    assert await job.getState() == "active"
    await holder.close(force=True)


@pytest.mark.parametrize(
    ("repeat", "sentence"),
    [
        ({"pattern": "every noon"}, ".pattern is 'every noon'"),
        ({"pattern": "0 0 30 2 *"}, ".pattern is '0 0 30 2 *'"),
        ({"pattern": "0 0 * * *", "tz": "Atlantis"}, ".tz is 'Atlantis'"),
        ({**HOURLY, "endDate": "soon"}, ".endDate is a time"),
        ({**HOURLY, "startDate": float("inf")}, ".startDate is a time"),
        ({"pattern": "0 0 * * *", "startDate": 10**30}, ".startDate is no time there is"),
        ({**HOURLY, "offset": [1]}, ".offset is a number"),
        ({**HOURLY, "count": {}, "limit": "x"}, ".limit is a number"),
    ],
)
async def test_a_schedule_that_makes_no_sense_is_refused_by_the_option(
    queue: Any, repeat: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigurationError, match="^" + re.escape(sentence)):
        await queue.upsertJobScheduler("mine", repeat)
    assert await queue.getJobSchedulersCount() == 0


async def test_callers_that_caught_the_errors_of_croniter_and_zoneinfo_still_do(queue: Any) -> None:
    with pytest.raises(CroniterBadCronError):
        await queue.upsertJobScheduler("mine", {"pattern": "every noon"})
    with pytest.raises(ZoneInfoNotFoundError):
        await queue.upsertJobScheduler("mine", {"pattern": "0 0 * * *", "tz": "Atlantis"})


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", float("nan"), CIRCLE], ids=repr)
async def test_data_that_are_no_json_are_refused_with_a_note_that_names_the_job(
    queue: Any, value: Any
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        await queue.add("mine", value)
    [note] = refused.value.__notes__
    assert note.startswith("It is the data of job 'mine': text, numbers")
    job = await queue.add("mine", 1)
    with pytest.raises(ConfigurationError) as refused:
        await job.updateProgress(value)
    assert refused.value.__notes__[0].startswith("It is the progress of a job: text")
    assert (await queue.getJob(job.id)).progress == 0


@pytest.mark.parametrize("option", ["keepLogs", "stackTraceLimit", "sizeLimit"])
async def test_options_that_count_are_numbers(queue: Any, option: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{option} is a number, not 'x'"):
        await queue.add("job", 1, {option: "x"})


async def fails(job: Any, token: str) -> None:
    raise ValueError("its own reason")


async def odd(*_: Any) -> Any:
    return "soon"


@pytest.mark.parametrize(
    "settings", [{}, {"backoffStrategy": odd}], ids=["unknown", "answers no number"]
)
async def test_a_job_whose_backoff_cannot_be_told_has_failed_and_is_not_active_until_its_lock_ends(
    make: Makers, queue: Any, settings: dict[str, Any]
) -> None:
    job = await queue.add("job", 1, {"attempts": 3, "backoff": {"type": "mine"}})
    worker = make.worker(queue, fails, settings=settings)
    told, failed = Heard(worker, "error"), Heard(worker, "failed")
    async with asyncio.timeout(10):
        await failed.once()
        error, _ = await told.once()
    assert "backoff strategy" in str(error)
    stored = await queue.getJob(job.id)
    assert (await job.getState(), stored.failedReason) == ("failed", "its own reason")


async def test_a_fraction_as_limit_of_stack_traces_does_not_keep_a_job_active(
    make: Makers, queue: Any
) -> None:
    job = await queue.add("job", 1, {"stackTraceLimit": 1.5})
    await Heard(make.worker(queue, fails), "failed").once()
    assert len((await queue.getJob(job.id)).stacktrace) == 1


@pytest.mark.parametrize("age", [1e308, 10**400, -(10**400)], ids=["1e308", "huge", "huge below 0"])
async def test_numbers_larger_than_any_float_are_numbers(
    make: Makers, queue: Any, age: float
) -> None:
    much = 10**400
    options = {"removeOnFail": {"age": age}, "keepLogs": much, "stackTraceLimit": much}
    job = await queue.add("job", 1, options)
    assert await job.log("a row") == 1
    await Heard(make.worker(queue, fails), "failed").once()
    assert await queue.getFailedCount() == (1 if age > 0 else 0)
    for name in ("startDate", "endDate"):
        assert await queue.upsertJobScheduler(name, {"every": 60_000, name: much}) is not None


async def test_a_priority_may_be_changed_to_a_whole_number_that_is_a_float(
    make: Makers, queue: Any
) -> None:
    job = await queue.add("job", 1)
    await job.changePriority({"priority": 2.0})
    assert await queue.getCountsPerPriority([0, 2]) == {"0": 0, "2": 1}
    worker = make.worker(queue, None, autorun=False)
    assert (await worker.getNextJob("token")).priority == 2


async def test_a_delay_is_not_changed_to_true(queue: Any) -> None:
    job = await queue.add("job", {"a": 1}, {"delay": 60_000})
    with pytest.raises(ConfigurationError, match=r"^delay is a number, not True\.$"):
        await job.changeDelay(True)
    assert (await queue.getJob(job.id)).data == {"a": 1}
