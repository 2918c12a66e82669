"""The result of each job, with the field names of the original application."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

__all__ = [
    "BookCombined",
    "DiacriticsAdded",
    "EpubParsed",
    "JobResult",
    "NothingToPoint",
    "PageCombined",
    "ParagraphSpoken",
    "TrialDone",
]


class JobResult(BaseModel):
    """A result; `model_dump(by_alias=True)` gives what the queue stores."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class _Processed(JobResult):
    processed: Literal[True] = True


class EpubParsed(_Processed):
    """Of `parse-epub`."""

    book_id: str
    paragraph_count: int
    duration: int
    """Milliseconds the job took."""


class ParagraphSpoken(_Processed):
    """Of `generate-audio`."""

    paragraph_id: str
    duration: float
    """Seconds of audio."""
    s3_key: str
    processing_time: int
    """Milliseconds the job took."""


class PageCombined(_Processed):
    """Of `combine-page-audio`."""

    page_id: str
    page_number: int
    book_id: str
    s3_key: str
    total_duration: float
    """Seconds of audio."""
    paragraph_count: int
    duration: int
    """Milliseconds the job took."""


class BookCombined(_Processed):
    """Of `combine-book`."""

    book_id: str
    s3_key: str
    total_duration: float
    """Seconds of audio."""
    page_count: int
    chapter_count: int
    duration: int
    """Milliseconds the job took."""


class DiacriticsAdded(BaseModel):
    """Of the diacritics jobs, in the snake case of the original's Python worker."""

    status: Literal["completed"] = "completed"
    processed_count: int
    error_count: int
    success_rate_percentage: float
    total_duration_seconds: float
    processing_duration_seconds: float
    total_paragraphs: int
    book_id: str
    correlation_id: str | None


class NothingToPoint(BaseModel):
    """Of the diacritics jobs for a book without text."""

    status: Literal["completed"] = "completed"
    processed_count: int = 0
    error_count: int = 0
    message: str = "No paragraphs found"
    duration_seconds: float


class TrialDone(_Processed):
    """Of `test-job`."""

    message: Any
