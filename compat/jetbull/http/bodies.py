"""The bodies of the four calls that add jobs."""

from __future__ import annotations

from itertools import chain
from math import isfinite
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictStr, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, PydanticCustomError

__all__ = [
    "NO_JSON_OBJECT",
    "AddDiacritics",
    "CombinePageAudio",
    "GenerateAudio",
    "NewJobBody",
    "ParseEpub",
    "sentence",
]


_DEEPEST = 250  # levels of lists and dictionaries; pydantic writes some 255


def _not_blank(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("blank", "must not be empty")
    return value


Name = Annotated[StrictStr, AfterValidator(_not_blank), Field(json_schema_extra={"pattern": r"\S"})]
"""A string that is not blank."""


def _check_json(field: str, value: Any) -> None:
    """Refuses what only Python's parser takes, and what is nested too deeply to be written."""
    level = [value]
    for _ in range(_DEEPEST):
        if any(isinstance(one, float) and not isfinite(one) for one in level):
            raise PydanticCustomError(
                "number", "{field} holds NaN or an infinite number", {"field": field}
            )
        inner = [
            one.values() if isinstance(one, dict) else one
            for one in level
            if isinstance(one, dict | list)
        ]
        level = [*chain.from_iterable(inner)]
        if not level:
            return
    raise PydanticCustomError("depth", "{field} is nested too deeply", {"field": field})


class NewJobBody(BaseModel):
    """Checked job data; fields that are not known here go into the job as they are."""

    model_config = ConfigDict(alias_generator=to_camel, extra="allow", frozen=True)

    @model_validator(mode="after")
    def _is_json(self) -> Self:
        for field, value in (self.model_extra or {}).items():
            _check_json(field, value)
        return self

    def job_data(self) -> dict[str, Any]:
        """The job's data, without fields of ours that are null."""
        known = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return {**known, **(self.model_extra or {})}


class ParseEpub(NewJobBody):
    """`parse-epub`: split an uploaded EPUB into pages and paragraphs."""

    book_id: Name
    s3_key: Name
    parsing_method: Literal["page-based", "xhtml-based"] | None = None


class GenerateAudio(NewJobBody):
    """`generate-audio`: speak one paragraph."""

    paragraph_id: Name
    book_id: Name
    content: StrictStr


class CombinePageAudio(NewJobBody):
    """`combine-page-audio`: join the audio of a page's paragraphs."""

    page_id: Name
    book_id: Name
    audio_file_keys: list[StrictStr] | None = None


class AddDiacritics(NewJobBody):
    """`add-diacritics`: point a Hebrew book's text."""

    book_id: Name
    paragraph_ids: list[StrictStr] | None = None


NO_JSON_OBJECT = "The body must be a JSON object, sent with content-type: application/json."
_EXPECTED = {"string_type": "a string", "list_type": "a list of strings"}


def sentence(detail: ErrorDetails) -> str:
    """One sentence about one wrong field."""
    place = [str(part) for part in detail["loc"] if part != "body"]
    field, kind = ".".join(place), detail["type"]
    if kind in ("number", "depth"):
        return f"{detail['msg']}."
    if kind == "json_invalid" or not field:
        return NO_JSON_OBJECT
    if kind == "missing":
        return f"{field} is required."
    if kind == "blank":
        return f"{field} must not be empty."
    if kind == "literal_error":
        return f"{field} must be {detail['ctx']['expected']}."
    if kind in _EXPECTED:
        return f"{field} must be {_EXPECTED[kind]}."
    return f"{field}: {detail['msg']}."
