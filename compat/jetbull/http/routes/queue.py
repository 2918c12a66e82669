"""The nine calls of the old service, under /api/queue."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.convertors import StringConvertor, register_url_convertor

from jetbull.http.answers import (
    Added,
    Cleaned,
    Found,
    JobList,
    Json,
    NotFailed,
    NotFound,
    Refused,
    Retried,
    Status,
    Unknown,
)
from jetbull.http.bodies import (
    AddDiacritics,
    CombinePageAudio,
    GenerateAudio,
    NewJobBody,
    ParseEpub,
)
from jetbull.http.correlation import correlation_id

from .state import Service

__all__ = ["router"]


class _JobId(StringConvertor):
    """Whatever stands there to its end; Starlette's `path` stops at the end of a line."""

    regex = "(?s:.+)"


register_url_convertor("job_id", _JobId())
router = APIRouter(prefix="/api/queue", tags=["queue"])


@router.post("/parse-epub", status_code=201)
async def parse_epub(body: ParseEpub, request: Request, service: Service) -> Added:
    """Split an uploaded EPUB into pages and paragraphs."""
    return await _add("parse-epub", body, request, service)


@router.post("/generate-audio", status_code=201)
async def generate_audio(body: GenerateAudio, request: Request, service: Service) -> Added:
    """Speak one paragraph."""
    return await _add("generate-audio", body, request, service)


@router.post("/combine-page-audio", status_code=201)
async def combine_page_audio(body: CombinePageAudio, request: Request, service: Service) -> Added:
    """Join the audio of a page's paragraphs."""
    return await _add("combine-page-audio", body, request, service)


@router.post("/add-diacritics", status_code=201)
async def add_diacritics(body: AddDiacritics, request: Request, service: Service) -> Added:
    """Point a Hebrew book's text, in the way the book's metadata asks for."""
    return await _add("add-diacritics", body, request, service)


@router.get("/status")
async def status(service: Service) -> Status:
    """How many jobs there are in each state."""
    return await service.status()


@router.get("/jobs/{status}", response_model=JobList | Refused)
async def jobs(status: str, service: Service) -> Json:
    """The first 101 jobs in a state: waiting, active, completed, failed or delayed."""
    return Json(await service.jobs(status))


@router.get("/job/{job_id:job_id}", response_model=Found | Unknown)
async def job(job_id: str, service: Service) -> Json:
    """One job."""
    return Json(await service.job(job_id))


@router.delete("/clean/{status}")
async def clean(status: str, service: Service) -> Cleaned | Refused:
    """Remove up to 1,000 completed or failed jobs."""
    return await service.clean(status)


@router.post("/clean/{status}", status_code=201)
async def clean_from_the_web_page(status: str, service: Service) -> Cleaned | Refused:
    """As DELETE; the web page uses POST."""
    return await service.clean(status)


@router.post("/retry/{job_id:job_id}", status_code=201)
async def retry(job_id: str, service: Service) -> Retried | NotFound | NotFailed:
    """Let a failed job wait again."""
    return await service.retry(job_id)


async def _add(name: str, body: NewJobBody, request: Request, service: Service) -> Added:
    data = body.job_data()
    return await service.add(name, data, correlation_id(request, data.get("correlationId")))
