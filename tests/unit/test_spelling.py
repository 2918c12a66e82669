"""Names of options, events and states that are nearly right."""

from __future__ import annotations

import pytest

from jetbull import Job, Queue, Worker


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("atempts", "attempts"),
        ("remove_on_complete", "removeOnComplete"),
        ("removeOnFailed", "removeOnFail"),
        ("job_id", "jobId"),
    ],
)
def test_a_miswritten_option_of_a_job_is_told_with_what_was_meant(written: str, meant: str) -> None:
    told = f"^'{written}' is no option of a job and changes nothing: did you mean '{meant}'"
    with pytest.warns(UserWarning, match=told):
        job: Job = Job(Queue("emails"), "welcome", {}, {written: 1})
    assert job.opts[written] == 1  # kept, as in BullMQ


async def test_a_miswritten_option_of_a_worker_or_queue_is_told_with_what_was_meant() -> None:
    with pytest.warns(UserWarning, match="no option of a worker .* mean 'concurrency'"):
        worker = Worker("emails", None, {"concurency": 4})
    await worker.close()
    with pytest.warns(UserWarning, match="no option of a queue .* mean 'defaultJobOptions'"):
        Queue("emails", {"default_job_options": {}})


async def test_what_is_no_option_and_like_none_is_the_callers_own_affair() -> None:
    queue = Queue("emails", {"tenant": "north"})
    Job(queue, "welcome", {}, {"group": "north", "timeout": 5})
    await Worker("emails", None, {"tenant": "north", "connectionName": "mailer"}).close()


async def test_a_listener_of_an_event_that_is_nearly_one_is_told_what_was_meant() -> None:
    worker = Worker("emails", None)
    with pytest.warns(UserWarning, match="'complete' is an event .* mean 'completed'"):
        worker.on("complete", print)
    with pytest.warns(UserWarning, match="'Failed' is an event .* mean 'failed'"):
        worker.once("Failed", print)
    for own in ("completed:7", "completed:name", "ink is low", "retries-exhausted", "locksRenewed"):
        worker.on(own, print)
    await worker.close()


def test_a_state_that_is_nearly_one_is_told_what_was_meant() -> None:
    queue = Queue("emails")
    with pytest.warns(UserWarning, match="'complete' is no state of a job.* mean 'completed'"):
        assert queue.sanitizeJobTypes(["complete", "failed"]) == ["complete", "failed"]
    with pytest.warns(UserWarning, match="'waiting_children' is no .* mean 'waiting-children'"):
        queue.sanitizeJobTypes("waiting_children")
    queue.sanitizeJobTypes(["wait", "waiting", "prioritized", "repeat"])
