"""The data of each job, with the field names of the original application."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictStr,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from audibook.epub import Method

__all__ = [
    "AddDiacritics",
    "CombineBook",
    "CombinePageAudio",
    "GenerateAudio",
    "JobData",
    "ParseEpub",
    "Trial",
]


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def _checked(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("blank", "must not be empty")
    if _UNSTORABLE.search(value):
        raise PydanticCustomError("unstorable", "must be text that can be stored")
    return value


Name = Annotated[StrictStr, AfterValidator(_checked)]
"""A string that is not blank, and that every database takes."""


def _as_text(value: Any) -> Any:
    return str(value) if type(value) in (int, float) else value


Correlation = Annotated[StrictStr, BeforeValidator(_as_text)]
"""Names a request in logs and results; callers may count them."""


class JobData(BaseModel):
    """What every job's data may hold; further fields are kept as they are."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="allow", frozen=True
    )

    correlation_id: Correlation | None = None
    timestamp: Any = None


class ParseEpub(JobData):
    """`parse-epub`: split an uploaded EPUB into pages and paragraphs."""

    book_id: Name
    s3_key: Name = Field(alias="s3Key")
    parsing_method: Method | None = None
    """The book's own choice, else `xhtml-based`, when not given."""


class GenerateAudio(JobData):
    """`generate-audio`: speak one paragraph as the database holds it."""

    paragraph_id: Name
    book_id: Name
    content: StrictStr | None = None
    """Only logged when it differs from the database's text."""
    skip_ready: StrictBool = False
    """Leave a paragraph alone whose audio is there and says the present text."""


class CombinePageAudio(JobData):
    """`combine-page-audio`: join the audio of a page's completed paragraphs."""

    page_id: Name
    book_id: Name
    audio_file_keys: Any = None
    """Accepted for old callers and ignored."""
    skip_ready: StrictBool = False
    """Leave a page alone whose audio is there and holds the present paragraphs."""
    require_all: StrictBool = False
    """Fail while a completed paragraph has no ready audio, instead of leaving it out."""


class CombineBook(JobData):
    """`combine-book`: join the audio of a book's pages into one M4B with chapters."""

    book_id: Name
    skip_ready: StrictBool = False
    """Leave a book alone whose audio is there and holds the present pages."""


class AddDiacritics(JobData):
    """`add-diacritics`, `add-simple-diacritics`, `add-advanced-diacritics`: point a Hebrew book."""

    book_id: Name
    paragraph_ids: list[str] | None = None
    """Only these paragraphs; all of the book when empty or not given, as in the original."""


class Trial(JobData):
    """`test-job`: show that jobs pass."""

    message: Any = None
