"""Queue.add: what the caller gets back and what is stored."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers


async def test_add_returns_a_job_with_the_given_name_and_data(queue: Any) -> None:
    job = await queue.add("paint", {"color": "red"})
    assert (job.name, job.data) == ("paint", {"color": "red"})


async def test_generated_ids_are_strings_counting_from_1(queue: Any) -> None:
    ids = [(await queue.add("job", {})).id for _ in range(3)]
    assert ids == ["1", "2", "3"]


async def test_a_queue_that_is_opened_again_counts_on_without_a_gap(make: Makers) -> None:
    name = "counted"
    for first in (1, 6, 11):
        queue = make.queue(name)
        jobs = [await queue.add("job", {}) for _ in range(5)]
        assert [job.id for job in jobs] == [str(first + number) for number in range(5)]
        await queue.close()


async def test_two_queues_count_their_ids_separately(make: Makers) -> None:
    first = await make.queue().add("job", {})
    second = await make.queue().add("job", {})
    assert (first.id, second.id) == ("1", "1")


async def test_an_added_job_is_waiting(queue: Any) -> None:
    job = await queue.add("job", {})
    assert await job.getState() == "waiting"
    assert await job.isWaiting()


async def test_an_added_job_can_be_read_back_by_its_id(queue: Any) -> None:
    job = await queue.add("paint", {"color": "red"}, {"attempts": 3})
    stored = await queue.getJob(job.id)
    assert (stored.id, stored.name, stored.data) == (job.id, "paint", {"color": "red"})
    assert stored.opts["attempts"] == 3


async def test_getting_an_unknown_id_gives_none(queue: Any) -> None:
    assert await queue.getJob("unknown") is None


async def test_the_timestamp_is_the_time_of_the_add_in_ms(queue: Any) -> None:
    before = round(time.time() * 1000)
    job = await queue.add("job", {})
    after = round(time.time() * 1000)
    assert before <= job.timestamp <= after
    assert (await queue.getJob(job.id)).timestamp == job.timestamp


async def test_a_given_timestamp_is_kept(queue: Any) -> None:
    job = await queue.add("job", {}, {"timestamp": 1_700_000_000_000})
    assert (await queue.getJob(job.id)).timestamp == 1_700_000_000_000


@pytest.mark.parametrize(
    "data",
    [
        {},
        [],
        None,
        "",
        "text",
        0,
        1.5,
        True,
        {"nested": [{"deep": [None, {"x": 1}]}]},
        {"שלום": "עולם 🎧", "line": "a\r\nb\0c"},
        [1, "two", None],
    ],
    ids=repr,
)
async def test_data_comes_back_as_the_json_that_was_given(queue: Any, data: Any) -> None:
    job = await queue.add("job", data)
    assert (await queue.getJob(job.id)).data == data


async def test_integers_beyond_double_precision_are_kept_exactly(queue: Any) -> None:
    job = await queue.add("job", {"n": 2**63 + 1, "negative": -(2**53) - 1})
    stored = await queue.getJob(job.id)
    assert stored.data == {"n": 2**63 + 1, "negative": -(2**53) - 1}


async def test_data_of_several_megabytes_comes_back_whole(queue: Any) -> None:
    text = "åäö" * 1_000_000
    job = await queue.add("job", {"text": text})
    assert (await queue.getJob(job.id)).data["text"] == text


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
async def test_data_that_is_not_json_is_refused(queue: Any, number: float) -> None:
    with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
        await queue.add("job", {"n": number})
    assert await queue.getJobCounts("waiting") == {"waiting": 0}


async def test_data_the_encoder_does_not_know_is_refused(queue: Any) -> None:
    with pytest.raises(TypeError, match="Object of type object is not JSON serializable"):
        await queue.add("job", {"value": object()})


@pytest.mark.parametrize("option", ["delay", "priority", "timestamp"])
async def test_an_option_that_is_true_instead_of_a_number_is_refused(
    queue: Any, option: str
) -> None:
    with pytest.raises(Exception, match=r"bool|is a number, not True"):
        await queue.add("job", {}, {option: True})
    assert await queue.getJobCountByTypes() == 0


async def test_changing_a_priority_to_true_is_refused_and_leaves_the_job_as_it_was(
    queue: Any,
) -> None:
    job = await queue.add("job", {"a": 1}, {"delay": 60_000})
    with pytest.raises(Exception, match=r"bool|is a number, not True"):
        await job.changePriority({"priority": True})
    stored = await queue.getJob(job.id)
    assert (stored.name, stored.data, stored.priority) == ("job", {"a": 1}, 0)


async def test_a_delay_and_a_priority_that_are_false_are_none(queue: Any) -> None:
    job = await queue.add("job", {}, {"delay": False, "priority": False})
    assert await queue.getJobState(job.id) == "waiting"
    stored = await queue.getJob(job.id)
    assert (stored.delay, stored.priority) == (0, 0)


async def test_the_callers_options_are_not_changed(queue: Any) -> None:
    options = {"attempts": 2, "backoff": 50}
    await queue.add("job", {}, options)
    assert options == {"attempts": 2, "backoff": 50}


async def test_default_job_options_apply_to_every_job(make: Makers) -> None:
    queue = make.queue(defaultJobOptions={"attempts": 5, "removeOnComplete": True})
    job = await queue.add("job", {})
    stored = await queue.getJob(job.id)
    assert (stored.opts["attempts"], stored.opts["removeOnComplete"]) == (5, True)


async def test_a_jobs_own_options_win_over_the_defaults(make: Makers) -> None:
    queue = make.queue(defaultJobOptions={"attempts": 5, "delay": 60_000})
    job = await queue.add("job", {}, {"attempts": 2})
    stored = await queue.getJob(job.id)
    assert (stored.opts["attempts"], stored.opts["delay"]) == (2, 60_000)


async def test_none_as_options_means_no_options(queue: Any) -> None:
    job = await queue.add("job", {}, None)
    assert await job.getState() == "waiting"


async def test_options_the_queue_does_not_know_are_kept(queue: Any) -> None:
    job = await queue.add("job", {}, {"myOwn": {"note": 1}})
    assert (await queue.getJob(job.id)).opts["myOwn"] == {"note": 1}


@pytest.mark.parametrize("name", ["", "with space", "a.b.*.>", "a:b", "שלום 🎧", "line\r\nbreak"])
async def test_any_text_can_be_a_job_name(queue: Any, name: str) -> None:
    job = await queue.add(name, {})
    assert (await queue.getJob(job.id)).name == name


async def test_a_queue_can_be_used_by_another_instance_of_the_same_name(make: Makers) -> None:
    queue = make.queue()
    job = await queue.add("job", {"n": 1})
    other = make.queue(queue.name)
    assert (await other.getJob(job.id)).data == {"n": 1}


async def test_two_prefixes_never_share_jobs(make: Makers) -> None:
    queue = make.queue()
    job = await queue.add("job", {})
    stranger = make.queue(queue.name, prefix=f"{make.prefix}-other")
    assert await stranger.getJob(job.id) is None
    assert await stranger.getWaitingCount() == 0


async def test_a_queue_knows_its_qualified_name_and_keys(make: Makers) -> None:
    queue = make.queue()
    assert queue.qualifiedName == f"{make.prefix}:{queue.name}"
    assert queue.toKey("wait") == f"{make.prefix}:{queue.name}:wait"
    assert queue.prefix == make.prefix


async def test_the_options_of_a_queue_stay_readable(make: Makers) -> None:
    queue = make.queue(defaultJobOptions={"attempts": 2})
    assert queue.opts["defaultJobOptions"] == {"attempts": 2}
    assert queue.jobsOpts == {"attempts": 2}


async def test_the_prefix_is_bull_unless_given(make: Makers) -> None:
    queue = make.backend.Queue("plain", make.backend.connection)
    assert (queue.prefix, queue.qualifiedName) == ("bull", "bull:plain")
    await queue.close()


def test_a_queue_can_be_made_without_a_running_loop(make: Makers) -> None:
    assert make.queue("made-outside").name == "made-outside"


async def test_a_name_that_is_a_number_is_stored_as_text(queue: Any) -> None:
    job = await queue.add(5, {})
    assert (await queue.getJob(job.id)).name == "5"


async def test_a_job_without_a_name_is_refused(queue: Any) -> None:
    with pytest.raises(Exception, match=r"Command arguments|A job needs a name"):
        await queue.add(None, {})
    with pytest.raises(Exception, match=r"can not serialize|^The name of a job is a text, not <f"):
        await queue.add(test_a_job_without_a_name_is_refused, {})
    with pytest.raises(Exception, match=r"Command arguments|^The name of a job is a text, not \["):
        await queue.addBulk([{"name": ["a"], "data": {}}])
    assert await queue.getJobCountByTypes() == 0
