"""The calls that clean and retry, and the service call that cancels."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from tests.unit.http.interface import taken
from tests.unit.http.outcomes import completed, failed

from jetbull import Job, Queue, Worker
from jetbull.http import QueueService


@pytest.mark.parametrize(("method", "code"), [("DELETE", 200), ("POST", 201)])
@pytest.mark.parametrize("status", ["completed", "failed"])
async def test_finished_jobs_of_one_state_are_cleaned(
    api: httpx.AsyncClient, queue: Queue, method: str, code: int, status: str
) -> None:
    await completed(queue, "done")
    await failed(queue, "broken")
    await queue.add("n", {})
    answer = await api.request(method, f"/api/queue/clean/{status}")
    assert taken(answer, code) == {"message": f"Cleaned {status} jobs", "status": status}
    kept = {"completed": "failed", "failed": "completed"}[status]
    counts = await queue.getJobCounts("completed", "failed", "waiting")
    assert counts == {status: 0, kept: 1, "waiting": 1}


@pytest.mark.parametrize("status", ["waiting", "active", "delayed", "all"])
async def test_other_jobs_are_not_cleaned(
    api: httpx.AsyncClient, queue: Queue, status: str
) -> None:
    await queue.add("n", {})
    answer = await api.delete(f"/api/queue/clean/{status}")
    assert taken(answer, 200) == {"error": "Can only clean completed or failed jobs"}
    assert await queue.count() == 1


async def test_a_failed_job_waits_again(api: httpx.AsyncClient, queue: Queue) -> None:
    await failed(queue, "broken")
    body = taken(await api.post("/api/queue/retry/broken"), 201)
    assert body == {"message": "Job broken added back to queue", "jobId": "broken"}
    assert await queue.getJobState("broken") == "waiting"


async def test_an_unknown_job_is_not_retried(api: httpx.AsyncClient) -> None:
    body = taken(await api.post("/api/queue/retry/nobody"), 201)
    assert body == {"job": None, "found": False, "message": "Job not found"}


async def test_a_job_that_has_not_failed_is_not_retried(
    api: httpx.AsyncClient, queue: Queue
) -> None:
    await queue.add("n", {}, {"jobId": "waits"})
    await completed(queue, "done")
    # `completed` took the job that waited first.
    states = {job_id: await queue.getJobState(job_id) for job_id in ("waits", "done")}
    for job_id, state in states.items():
        body = taken(await api.post(f"/api/queue/retry/{job_id}"), 201)
        assert body == {"error": "Can only retry failed jobs", "currentState": state}


async def test_cancelling_a_page_removes_its_waiting_jobs_and_stops_a_running_one(
    api: httpx.AsyncClient, queue: Queue
) -> None:
    name = "combine-page-audio"
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def process(job: Job, token: str, signal: Any) -> None:
        started.set()
        await signal.wait()
        cancelled.set()
        raise RuntimeError("stopped")

    options = {"connection": queue.opts["connection"], "prefix": queue.opts["prefix"]}
    worker = Worker(queue.name, process, options)
    running = await queue.add(name, {"pageId": "p", "bookId": "b"})
    await asyncio.wait_for(started.wait(), 10)
    await queue.add(name, {"pageId": "p", "bookId": "b"})
    await queue.add(name, {"pageId": "p", "bookId": "b"}, {"delay": 60_000})
    other = [
        await queue.add(name, {"pageId": "q", "bookId": "b"}),
        await queue.add("generate-audio", {"pageId": "p"}),
    ]
    answer = await QueueService(queue).cancel_page_audio_combination_job("p")
    assert answer == {"cancelledJobs": 3}
    await asyncio.wait_for(cancelled.wait(), 10)
    await worker.close(force=True)
    left = await queue.getJobs(["waiting", "delayed", "active", "failed"])
    assert {job.id for job in left} - {running.id} == {job.id for job in other}
