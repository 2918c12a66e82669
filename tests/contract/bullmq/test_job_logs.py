"""Job.log, Job.addJobLog and Queue.getJobLogs."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.backends.backend import Backend
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done
from tests.contract.bullmq.signals import Heard


async def job_with_rows(queue: Any, rows: int, **options: Any) -> Any:
    job = await queue.add("job", {}, options)
    for n in range(rows):
        await job.log(f"row {n}")
    return job


async def test_a_log_row_is_kept_and_counted(queue: Any) -> None:
    job = await queue.add("job", {})
    assert await job.log("first") == 1
    assert await job.log("second") == 2
    assert await queue.getJobLogs(job.id) == {"logs": ["first", "second"], "count": 2}


async def test_a_job_without_logs_has_an_empty_page(queue: Any) -> None:
    job = await queue.add("job", {})
    assert await queue.getJobLogs(job.id) == {"logs": [], "count": 0}


async def test_logs_of_an_unknown_job_are_empty(queue: Any) -> None:
    assert await queue.getJobLogs("unknown") == {"logs": [], "count": 0}


@pytest.mark.parametrize(
    ("start", "end", "rows"),
    [
        (0, 1, [0, 1]),
        (2, 3, [2, 3]),
        (1, -1, [1, 2, 3, 4]),
        (-2, -1, [3, 4]),
        (0, 99, [0, 1, 2, 3, 4]),
        (7, 9, []),
    ],
)
async def test_log_pages_have_inclusive_bounds_from_the_oldest_row(
    queue: Any, start: int, end: int, rows: list[int]
) -> None:
    job = await job_with_rows(queue, 5)
    page = await queue.getJobLogs(job.id, start, end)
    assert page == {"logs": [f"row {n}" for n in rows], "count": 5}


@pytest.mark.parametrize(
    ("start", "end", "rows"),
    [(0, 1, [4, 3]), (2, 3, [2, 1]), (0, -1, [4, 3, 2, 1, 0])],
)
async def test_descending_log_pages_begin_with_the_newest_row(
    queue: Any, start: int, end: int, rows: list[int]
) -> None:
    job = await job_with_rows(queue, 5)
    page = await queue.getJobLogs(job.id, start, end, False)
    assert page == {"logs": [f"row {n}" for n in rows], "count": 5}


async def test_keep_logs_keeps_the_newest_rows_only(queue: Any) -> None:
    job = await job_with_rows(queue, 5, keepLogs=2)
    assert await queue.getJobLogs(job.id) == {"logs": ["row 3", "row 4"], "count": 2}


async def test_log_returns_the_number_of_rows_kept(queue: Any) -> None:
    job = await queue.add("job", {}, {"keepLogs": 2})
    assert [await job.log(str(n)) for n in range(4)] == [1, 2, 2, 2]


async def test_add_job_log_writes_to_a_job_by_id(backend: Backend, queue: Any) -> None:
    job = await queue.add("job", {})
    assert await backend.Job.addJobLog(queue, job.id, "from outside") == 1
    assert (await queue.getJobLogs(job.id))["logs"] == ["from outside"]


async def test_add_job_log_can_keep_the_newest_rows_only(backend: Backend, queue: Any) -> None:
    job = await job_with_rows(queue, 3)
    assert await backend.Job.addJobLog(queue, job.id, "last", 2) == 2
    assert (await queue.getJobLogs(job.id))["logs"] == ["row 2", "last"]


async def test_a_processor_can_log(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> None:
        await job.log("working")

    job = await queue.add("job", {})
    await Heard(make.worker(queue, process), "completed").once()
    assert (await queue.getJobLogs(job.id))["logs"] == ["working"]


async def test_log_rows_may_hold_any_text(queue: Any) -> None:
    job = await queue.add("job", {})
    rows = ["", "two\r\nlines", "עברית 🎧", "nul\0"]
    for row in rows:
        await job.log(row)
    assert (await queue.getJobLogs(job.id))["logs"] == rows


async def test_logs_go_with_their_job(queue: Any) -> None:
    job = await job_with_rows(queue, 2)
    await job.remove()
    assert await queue.getJobLogs(job.id) == {"logs": [], "count": 0}


async def test_logs_stay_after_completion(make: Makers, queue: Any) -> None:
    job = await job_with_rows(queue, 1)
    await Heard(make.worker(queue, done), "completed").once()
    assert (await queue.getJobLogs(job.id))["count"] == 1


async def test_logs_gather_over_all_tries(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> None:
        await job.log(f"try {job.attemptsStarted}")
        raise ValueError("no")

    job = await queue.add("job", {}, {"attempts": 3})
    await Heard(make.worker(queue, process), "failed").times(3)
    assert (await queue.getJobLogs(job.id))["logs"] == ["try 1", "try 2", "try 3"]


@pytest.mark.parametrize("ascending", [True, False])
async def test_an_end_before_the_first_row_gives_none(queue: Any, ascending: bool) -> None:
    job = await queue.add("job", {})
    for row in ("one", "two"):
        await job.log(row)
    logs = await queue.getJobLogs(job.id, 0, -9, ascending)
    assert logs == {"logs": [], "count": 2}


async def test_a_row_may_be_given_as_bytes_or_as_a_number(queue: Any) -> None:
    job = await queue.add("job", {})
    await job.log("א".encode())
    await job.log(5)
    assert (await queue.getJobLogs(job.id))["logs"] == ["א", "5"]


@pytest.mark.parametrize("row", [None, True, ["a"], {"a": 1}], ids=repr)
async def test_a_row_that_is_neither_text_nor_number_is_refused(queue: Any, row: Any) -> None:
    job = await queue.add("job", {})
    with pytest.raises(Exception, match=r"NoneType|bool|list|dict|is a text"):
        await job.log(row)
    assert (await queue.getJobLogs(job.id))["count"] == 0
