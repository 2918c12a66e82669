"""What a Job object holds before and after it was stored."""

from __future__ import annotations

import time
from itertools import combinations
from typing import Any

import pytest
from tests.contract.bullmq.backends.backend import Backend
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard


async def test_a_fresh_job_has_done_nothing_yet(queue: Any) -> None:
    job = await queue.add("job", {})
    assert (job.progress, job.attemptsMade, job.attemptsStarted, job.stalledCounter) == (0, 0, 0, 0)
    assert (job.returnvalue, job.failedReason, job.deferredFailure) == (None, None, None)
    assert (job.processedOn, job.finishedOn, job.stacktrace) == (0, 0, [])
    assert (job.token, job.repeatJobKey, job.parent, job.parentKey) == (None, None, None, None)
    assert (job.delay, job.priority, job.discarded, job.deduplication_id) == (0, 0, False, None)


async def test_a_fresh_job_read_back_has_done_nothing_either(queue: Any) -> None:
    job = await queue.getJob((await queue.add("job", {})).id)
    assert (job.progress, job.attemptsMade, job.attemptsStarted, job.stalledCounter) == (0, 0, 0, 0)
    assert (job.returnvalue, job.failedReason, job.deferredFailure) == (None, None, None)
    assert (job.processedOn, job.finishedOn, job.stacktrace) == (0, 0, [])


async def test_options_always_hold_attempts_delay_and_backoff(queue: Any) -> None:
    job = await queue.add("job", {})
    assert job.opts == {"attempts": 0, "delay": 0, "backoff": None}


@pytest.mark.parametrize(
    ("given", "order"),
    [
        ({}, ["attempts", "delay", "backoff"]),
        ({"lifo": True, "delay": 5}, ["attempts", "delay", "lifo", "backoff"]),
        ({"backoff": 9, "jobId": "a"}, ["attempts", "delay", "backoff", "jobId"]),
    ],
)
async def test_options_of_an_added_job_are_shown_as_they_were_given(
    queue: Any, given: dict[str, Any], order: list[str]
) -> None:
    job = await queue.add("job", {}, given)
    assert list(job.opts) == order


async def test_attempts_is_1_though_the_option_says_0(queue: Any) -> None:
    job = await queue.add("job", {})
    assert (job.attempts, job.opts["attempts"]) == (1, 0)


async def test_a_number_as_backoff_means_a_fixed_one(queue: Any) -> None:
    job = await queue.add("job", {}, {"backoff": 250})
    assert job.opts["backoff"] == {"type": "fixed", "delay": 250}
    assert (await queue.getJob(job.id)).opts["backoff"] == {"type": "fixed", "delay": 250}


async def test_a_job_mirrors_its_main_options(queue: Any) -> None:
    job = await queue.add(
        "job", {}, {"attempts": 4, "delay": 60_000, "removeOnComplete": 7, "removeOnFail": True}
    )
    assert (job.attempts, job.delay) == (4, 60_000)
    assert (job.removeOnComplete, job.removeOnFail) == (7, True)
    stored = await queue.getJob(job.id)
    assert (stored.attempts, stored.delay) == (4, 60_000)


async def test_a_prioritized_job_knows_its_priority(queue: Any) -> None:
    job = await queue.add("job", {}, {"priority": 9})
    assert (job.priority, (await queue.getJob(job.id)).priority) == (9, 9)


async def test_options_with_short_stored_names_come_back_with_their_long_names(queue: Any) -> None:
    options = {"keepLogs": 3, "failParentOnFailure": True, "deduplication": {"id": "d"}}
    job = await queue.add("job", {}, options)
    stored = (await queue.getJob(job.id)).opts
    assert {key: stored[key] for key in options} == options


async def test_a_deduplicated_job_knows_its_deduplication_id(queue: Any) -> None:
    job = await queue.add("job", {}, {"deduplication": {"id": "d"}})
    assert job.deduplication_id == "d"
    assert (await queue.getJob(job.id)).deduplication_id == "d"


async def test_a_job_knows_its_queue(queue: Any) -> None:
    job = await queue.add("job", {})
    assert job.queue is queue
    assert job.queueQualifiedName == queue.qualifiedName


async def test_an_active_job_knows_when_it_began_and_who_holds_it(make: Makers, queue: Any) -> None:
    await queue.add("job", {})
    before = round(time.time() * 1000)
    job = await make.worker(queue).getNextJob("my-token")
    assert job.token == "my-token"
    assert before <= job.processedOn <= round(time.time() * 1000)
    assert (job.attemptsMade, job.attemptsStarted) == (0, 1)


async def test_a_completed_job_holds_its_result_and_times(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> dict[str, int]:
        return {"pages": 3}

    job = await queue.add("job", {})
    await Heard(make.worker(queue, process), "completed").once()
    stored = await queue.getJob(job.id)
    assert stored.returnvalue == {"pages": 3}
    assert stored.timestamp <= stored.processedOn <= stored.finishedOn
    assert (stored.attemptsMade, stored.attemptsStarted) == (1, 1)
    assert stored.failedReason is None


async def test_a_failed_job_holds_its_reason_and_times(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> None:
        raise ValueError("paper jam")

    job = await queue.add("job", {})
    await Heard(make.worker(queue, process), "failed").once()
    stored = await queue.getJob(job.id)
    assert stored.failedReason == "paper jam"
    assert stored.timestamp <= stored.processedOn <= stored.finishedOn
    assert (stored.attemptsMade, stored.attemptsStarted) == (1, 1)
    assert stored.returnvalue is None


async def test_from_id_reads_a_job(backend: Backend, queue: Any) -> None:
    job = await queue.add("paint", {"n": 1})
    stored = await backend.Job.fromId(queue, job.id)
    assert (stored.id, stored.name, stored.data) == (job.id, "paint", {"n": 1})


async def test_from_id_of_an_unknown_job_is_none(backend: Backend, queue: Any) -> None:
    assert await backend.Job.fromId(queue, "unknown") is None


def test_from_json_reads_the_stored_strings(backend: Backend, queue: Any) -> None:
    raw = {
        "name": "paint",
        "data": '{"n":1}',
        "opts": '{"attempts":3,"kl":5,"fpof":true}',
        "timestamp": "1700000000000",
        "delay": "25",
        "priority": "4",
        "processedOn": "1700000000100",
        "finishedOn": "1700000000200",
        "progress": "40",
        "returnvalue": '{"ok":true}',
        "failedReason": "paper jam",
        "stacktrace": '["line"]',
        "atm": "2",
        "ats": "3",
        "stc": "1",
        "defa": "later",
        "rjk": "every-day",
        "parentKey": "bull:up:7",
        "parent": '{"id":"7","queueKey":"bull:up"}',
    }
    job = backend.Job.fromJSON(queue, raw, "12")
    assert (job.id, job.name, job.data) == ("12", "paint", {"n": 1})
    assert job.opts["keepLogs"] == 5
    assert job.opts["failParentOnFailure"] is True
    assert (job.timestamp, job.delay, job.priority) == (1_700_000_000_000, 25, 4)
    assert (job.processedOn, job.finishedOn) == (1_700_000_000_100, 1_700_000_000_200)
    assert (job.progress, job.returnvalue) == (40, {"ok": True})
    assert (job.failedReason, job.stacktrace) == ("paper jam", ["line"])
    assert (job.attemptsMade, job.attemptsStarted, job.stalledCounter) == (2, 3, 1)
    assert (job.deferredFailure, job.repeatJobKey) == ("later", "every-day")
    assert job.parentKey == "bull:up:7"
    assert job.parent == {"id": "7", "queueKey": "bull:up"}


def test_from_json_understands_the_attempts_of_older_versions(backend: Backend, queue: Any) -> None:
    job = backend.Job.fromJSON(queue, {"name": "old", "attemptsMade": "2"}, "1")
    assert job.attemptsMade == 2


def test_from_json_keeps_a_return_value_that_is_not_json(backend: Backend, queue: Any) -> None:
    job = backend.Job.fromJSON(queue, {"name": "old", "returnvalue": "plain text"}, "1")
    assert job.returnvalue == "plain text"


FAILURE_POLICIES = [
    "removeDependencyOnFailure",
    "failParentOnFailure",
    "continueParentOnFailure",
    "ignoreDependencyOnFailure",
]


@pytest.mark.parametrize("policy", FAILURE_POLICIES)
async def test_one_failure_policy_is_kept(queue: Any, policy: str) -> None:
    job = await queue.add("job", {}, {policy: True})
    assert (await queue.getJob(job.id)).opts[policy] is True


@pytest.mark.parametrize(("first", "second"), list(combinations(FAILURE_POLICIES, 2)))
async def test_two_failure_policies_are_refused_and_named_in_order(
    queue: Any, first: str, second: str
) -> None:
    message = f"^The following options cannot be used together: {first}, {second}$"
    with pytest.raises(ValueError, match=message):
        await queue.add("job", {}, {second: True, first: True})
