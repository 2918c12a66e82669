"""From what a queue hands over to checked job data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from audibook.errors import InvalidJobDataError, UnknownJobError

from .data import (
    AddDiacritics,
    CombineBook,
    CombinePageAudio,
    GenerateAudio,
    JobData,
    ParseEpub,
    Trial,
)

__all__ = ["JOB_DATA", "problems_of", "read_job_data"]

JOB_DATA: Mapping[str, type[JobData]] = {
    "parse-epub": ParseEpub,
    "generate-audio": GenerateAudio,
    "combine-page-audio": CombinePageAudio,
    "combine-book": CombineBook,
    "add-diacritics": AddDiacritics,
    "add-simple-diacritics": AddDiacritics,
    "add-advanced-diacritics": AddDiacritics,
    "test-job": Trial,
}
"""The data model of each job name."""

_EXPECTED = {
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
}
_SHOWN = 100
_ENVELOPE_KEYS = ("jobId", "jobName")
_SHARED_KEYS = ("correlationId", "timestamp")


def read_job_data(name: str, payload: object) -> JobData:
    """The checked data of a job; takes the bare data and the envelope around it.

    The envelope is `{jobId, jobName, data, correlationId, timestamp}`. Raises
    UnknownJobError, or InvalidJobDataError with a sentence for each wrong field.
    """
    model = JOB_DATA.get(name)
    if model is None:
        raise UnknownJobError(f"There is no job {name!r}: use one of {', '.join(JOB_DATA)}.")
    if not isinstance(payload, Mapping):
        raise InvalidJobDataError(
            [f"The data of {name!r} must be an object, not {_kind(payload)}."]
        )
    try:
        return model.model_validate(_unwrapped(payload))
    except ValidationError as error:
        raise InvalidJobDataError(problems_of(error)) from None


def problems_of(error: ValidationError) -> list[str]:
    """One sentence for each wrong field."""
    return [_sentence(detail) for detail in error.errors()]


def _unwrapped(payload: Mapping[str, Any]) -> dict[str, Any]:
    inner = payload.get("data")
    if not isinstance(inner, Mapping) or not any(key in payload for key in _ENVELOPE_KEYS):
        return dict(payload)
    shared = {key: payload[key] for key in _SHARED_KEYS if payload.get(key) is not None}
    return {**shared, **{key: value for key, value in inner.items() if value is not None}}


def _sentence(detail: ErrorDetails) -> str:
    field = ".".join(map(str, detail["loc"])) or "The data"
    kind, value = detail["type"], detail["input"]
    if kind == "missing":
        return f"{field} is required."
    if kind == "blank":
        return f"{field} must not be empty."
    if kind == "unstorable":
        return f"{field} {detail['msg']}, not {value[:_SHOWN]!r}."
    if kind == "literal_error":
        choices = detail.get("ctx", {}).get("expected", "")
        return f"{field} must be {choices}, not {value!r}."
    if kind in _EXPECTED:
        return f"{field} {_EXPECTED[kind]}, not {_kind(value)}."
    return f"{field}: {detail['msg']}."


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an object" if isinstance(value, Mapping) else "a list"
