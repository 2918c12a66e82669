"""What the calls answer, with the old service's field names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.responses import JSONResponse

from jetbull import Job
from jetbull.health import StreamFacts

__all__ = [
    "Added",
    "Cleaned",
    "DetailedJob",
    "Found",
    "JobList",
    "Json",
    "ListedJob",
    "NotFailed",
    "NotFound",
    "Problem",
    "Refused",
    "Retried",
    "Status",
    "StreamInfo",
    "Unknown",
    "iso_now",
]


def iso_now() -> str:
    """The time as ISO 8601 with milliseconds and Z."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Problem(BaseModel):
    """A call that failed. `message` has a sentence for each field that is missing or wrong."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    status_code: int
    message: str | list[str]
    error: str | None = None
    timestamp: str | None = None


class Answer(BaseModel):
    """All answers carry the time they were given."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    timestamp: str = Field(default_factory=iso_now)


class Json(JSONResponse):
    """An answer that holds what callers stored, whatever that is.

    pydantic writes no text with half a surrogate pair, as a file name that is not UTF-8 has, and
    nothing that is nested deeply; one such job would keep all others from being listed.
    """

    def render(self, content: Any) -> bytes:
        """JSON in ASCII."""
        return json.dumps(_plain(content), separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {
            field.serialization_alias or name: _plain(getattr(value, name))
            for name, field in fields.items()
        }
    if isinstance(value, list) and value and isinstance(value[0], BaseModel):
        return [_plain(item) for item in value]
    return value


class Added(Answer):
    """A job was added; `subject` and `ack` (the stream sequence) say where it is stored.

    Both are null when a worker had finished and removed the job before this answer, or the server
    could not be asked.
    """

    job_id: str
    subject: str | None = None
    ack: int | None = None


class StreamInfo(BaseModel):
    """The stream behind the queue."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    messages: int
    bytes: int
    first_seq: int
    last_seq: int

    @classmethod
    def of(cls, facts: StreamFacts) -> StreamInfo:
        """The facts under the names of the first NATS generation."""
        return cls(
            messages=facts.messages,
            bytes=facts.bytes,
            first_seq=facts.first_sequence,
            last_seq=facts.last_sequence,
        )


class Status(Answer):
    """Jobs per state; `total` is their sum."""

    waiting: int
    active: int
    completed: int
    failed: int
    delayed: int
    total: int
    stream_info: StreamInfo

    @classmethod
    def of(cls, counts: Mapping[str, int], facts: StreamFacts) -> Status:
        """The counts of the five states with their sum."""
        return cls.model_validate(
            {**counts, "total": sum(counts.values()), "stream_info": StreamInfo.of(facts)}
        )


class ListedJob(BaseModel):
    """A job in a list; times are epoch milliseconds, null before they happen."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    id: str
    name: str
    data: Any
    timestamp: int
    processed_on: int | None
    finished_on: int | None
    progress: Any
    attempts_made: int
    failed_reason: str | None
    stacktrace: list[str | None]
    returnvalue: Any

    @staticmethod
    def fields_of(job: Job) -> dict[str, Any]:
        """The fields by their names here."""
        return {
            "id": str(job.id),
            "name": job.name,
            "data": job.data,
            "timestamp": int(job.timestamp),
            "processed_on": int(job.processedOn or 0) or None,
            "finished_on": int(job.finishedOn or 0) or None,
            "progress": job.progress,
            "attempts_made": job.attemptsMade,
            "failed_reason": job.failedReason,
            # Bull stored null for an error that had no stack.
            "stacktrace": [None if row is None else str(row) for row in job.stacktrace],
            "returnvalue": job.returnvalue,
        }


class DetailedJob(ListedJob):
    """A job asked for by its id."""

    state: str
    opts: dict[str, Any]


class JobList(Answer):
    """The first jobs of a state; `total` is how many are listed."""

    jobs: list[ListedJob]
    status: str
    total: int


class Found(Answer):
    """A job that exists."""

    job: DetailedJob
    found: bool = True


class Unknown(Answer):
    """A job that does not exist."""

    job: None = None
    found: bool = False


class NotFound(Unknown):
    """A job to retry that does not exist."""

    message: str = "Job not found"


class Refused(Answer):
    """The call asks for something that cannot be done; nothing was changed."""

    error: str


class NotFailed(Refused):
    """A job to retry that has not failed."""

    error: str = "Can only retry failed jobs"
    current_state: str


class Cleaned(Answer):
    """Finished jobs were removed."""

    message: str
    status: str


class Retried(Answer):
    """A failed job waits again."""

    message: str
    job_id: str
