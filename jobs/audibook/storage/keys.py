"""The keys under which objects are stored: those of the original application."""

from __future__ import annotations

import re
import time

__all__ = [
    "book_audio",
    "book_audio_prefix",
    "page_audio",
    "page_audio_prefix",
    "paragraph_audio",
    "paragraph_audio_prefix",
    "upload",
    "version_ms",
]

_VERSION = re.compile(r"(\d{13})[.\-][^/]*")
_LONGEST_NAME = 200  # of 255 bytes: the time goes before it, the end of the notes' name after it
_KEPT_END = 12
_ID_CHARACTERS = 8
_UNSAFE = re.compile(r"[\\/\x00-\x1f\x7f]+")


def upload(file_name: str, book_id: str) -> str:
    """Key of an uploaded EPUB; a name longer than a file system takes is cut in its middle.
    The book's id keeps two apart that are uploaded under one name in the same moment.
    """
    written = file_name.encode("utf-8", "replace")
    if len(written) > _LONGEST_NAME:
        written = written[: _LONGEST_NAME - _KEPT_END] + written[-_KEPT_END:]
    name = _UNSAFE.sub("_", written.decode("utf-8", "ignore")).strip()
    return f"raw/{_now_ms()}-{book_id[:_ID_CHARACTERS]}-{name or 'book.epub'}"


def paragraph_audio(book_id: str, paragraph_id: str) -> str:
    """A new key for a paragraph's audio."""
    return f"{paragraph_audio_prefix(book_id, paragraph_id)}{_now_ms()}.mp3"


def paragraph_audio_prefix(book_id: str, paragraph_id: str) -> str:
    """What the keys of all versions of a paragraph's audio begin with."""
    return f"audio/{book_id}/{paragraph_id}_"


def page_audio(book_id: str, page_number: int) -> str:
    """A new key for a page's audio."""
    return f"{page_audio_prefix(book_id, page_number)}{_now_ms()}.mp3"


def page_audio_prefix(book_id: str, page_number: int) -> str:
    """What the keys of all versions of a page's audio begin with."""
    return f"books/{book_id}/pages/page-{page_number}-"


def book_audio(book_id: str) -> str:
    """A new key for the audio of a whole book."""
    return f"{book_audio_prefix(book_id)}{_now_ms()}.m4b"


def book_audio_prefix(book_id: str) -> str:
    """What the keys of all versions of a book's audio begin with."""
    return f"books/{book_id}/book-"


def version_ms(key: str, prefix: str) -> int | None:
    """When this version was made, in milliseconds since 1970.

    None for another thing's key: its id may begin with this one's.
    """
    found = _VERSION.fullmatch(key.removeprefix(prefix))
    return int(found[1]) if found else None


def _now_ms() -> int:
    # A new name for each version keeps browsers from playing a cached older one.
    return time.time_ns() // 1_000_000
