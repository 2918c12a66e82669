"""Names of options that are nearly right."""

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
