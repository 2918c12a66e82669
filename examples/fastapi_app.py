"""A web service that hands work to a queue and answers how far it is.

    pip install ".[server,api]"  # in a clone
    uvicorn fastapi_app:app          # in this folder; then
    curl -X POST 'localhost:8000/reports?year=2026'

The worker lives in the same process here; in production run it by `jetbull worker` elsewhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request

from jetbull import Job, Queue, QueueEvents, Worker

NAME = "example-reports"


async def make_report(job: Job, token: str) -> str:
    await job.updateProgress(50)
    return f"the report of {job.data['year']}"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """One Queue per process, opened and closed with the service."""
    async with Queue(NAME) as queue, QueueEvents(NAME) as events, Worker(NAME, make_report):
        app.state.queue, app.state.events = queue, events
        yield


app = FastAPI(lifespan=lifespan)


def the_queue(request: Request) -> Queue:
    queue: Queue = request.app.state.queue
    return queue


Reports = Annotated[Queue, Depends(the_queue)]


@app.post("/reports", status_code=202)
async def order(year: int, queue: Reports) -> dict[str, Any]:
    """Stored when this answers: the report will be made, whatever happens to this process."""
    job = await queue.add("report", {"year": year}, {"attempts": 3, "backoff": 1000})
    return {"id": job.id}


@app.get("/reports/{job_id}")
async def look(job_id: str, queue: Reports) -> dict[str, Any]:
    """How far it is."""
    job = await queue.getJob(job_id)
    if job is None:
        raise HTTPException(404, "no such report")
    return {"state": await job.getState(), "progress": job.progress, "result": job.returnvalue}


@app.get("/reports/{job_id}/result")
async def wait(job_id: str, queue: Reports, request: Request) -> dict[str, Any]:
    """Waits for it, at most ten seconds."""
    job = await queue.getJob(job_id)
    if job is None:
        raise HTTPException(404, "no such report")
    return {"result": await job.waitUntilFinished(request.app.state.events, 10_000)}
