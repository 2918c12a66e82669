"""What the catalogue hands out: plain, frozen records of books, pages and paragraphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = [
    "AudioStatus",
    "Book",
    "BookStatus",
    "FixType",
    "NewPage",
    "Page",
    "Paragraph",
    "SavedPages",
]


class BookStatus(StrEnum):
    """How far a book has come."""

    UPLOADING = "UPLOADING"
    PROCESSING = "PROCESSING"
    READY = "READY"
    ERROR = "ERROR"


class AudioStatus(StrEnum):
    """How far the audio of a page or paragraph has come."""

    PENDING = "PENDING"
    GENERATING = "GENERATING"
    READY = "READY"
    ERROR = "ERROR"


class FixType(StrEnum):
    """Why a person corrected a word."""

    VOWELIZATION = "vowelization"
    DISAMBIGUATION = "disambiguation"
    PUNCTUATION = "punctuation"
    SENTENCE_BREAK = "sentence_break"
    DIALOGUE_MARKING = "dialogue_marking"
    EXPANSION = "expansion"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Book:
    """A book as stored; `metadata` and `tts_settings` are `{}` where the row holds no object."""

    id: str
    title: str
    author: str | None
    language: str
    s3_key: str
    status: BookStatus
    total_pages: int | None
    total_paragraphs: int | None
    metadata: Mapping[str, Any]
    tts_model: str | None
    tts_voice: str | None
    tts_settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """A page as stored; `audio_duration` in seconds.

    `chapters` begin with its paragraphs of these orders, under these titles; None where the page
    as a whole is one.
    """

    id: str
    book_id: str
    page_number: int
    source_chapter: int | None
    title: str | None
    chapters: Sequence[tuple[int, str]] | None
    audio_s3_key: str | None
    audio_status: AudioStatus
    audio_duration: float | None


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph as stored; `audio_duration` in seconds."""

    id: str
    page_id: str
    book_id: str
    order_index: int
    content: str
    completed: bool
    audio_s3_key: str | None
    audio_status: AudioStatus
    audio_duration: float | None


@dataclass(frozen=True, slots=True)
class NewPage:
    """A parsed page to be saved; its number is its place in the list, from 1."""

    paragraphs: Sequence[str]
    title: str | None = None
    source_chapter: int | None = None
    start_position: int = 0
    end_position: int = 0
    break_info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SavedPages:
    """Outcome of saving a book's pages.

    `orphaned_keys` are the audio objects no row points to any more; delete them from
    storage now that the rows are switched.
    """

    page_count: int
    paragraph_count: int
    orphaned_keys: Sequence[str]
