"""The books from outside the jobs: uploading, outline, approval and the finished audio."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .catalogue import Catalogue
from .epub import Metadata, read_metadata
from .errors import EpubError, NotReadyError
from .services import in_thread
from .storage import Storage
from .storage.keys import upload

__all__ = ["BookOutline", "Library", "PageOutline", "RegisteredBook"]

_IDS = uuid.UUID("0f3c1d52-90f5-4a57-8f62-7a1a4b4a7a10")
"""Namespace of the ids made here; a constant, so that the same file is the same book."""
_EPUB_TYPE = "application/epub+zip"


@dataclass(frozen=True, slots=True)
class RegisteredBook:
    """A book in the catalogue with its EPUB in storage; `new` if it was not there before."""

    id: str
    s3_key: str
    new: bool


@dataclass(frozen=True, slots=True)
class PageOutline:
    """A page and its paragraphs, in reading order."""

    id: str
    number: int
    title: str | None
    paragraph_ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class BookOutline:
    """What a book consists of, in reading order."""

    id: str
    title: str
    author: str | None
    pages: Sequence[PageOutline]

    @property
    def page_ids(self) -> list[str]:
        """Ids of all pages, in order."""
        return [page.id for page in self.pages]

    @property
    def paragraph_ids(self) -> list[str]:
        """Ids of all paragraphs, in order."""
        return [paragraph for page in self.pages for paragraph in page.paragraph_ids]


class Library:
    """Books in a catalogue and a storage; blocking work is done in threads."""

    def __init__(self, catalogue: Catalogue, storage: Storage) -> None:
        self._catalogue = catalogue
        self._storage = storage

    async def register(
        self,
        epub: Path,
        *,
        tts_model: str | None = None,
        tts_voice: str | None = None,
        tts_settings: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> RegisteredBook:
        """Upload the file and add its book, as an upload form would.

        The same file is the same book: a second call changes nothing. A file that is no
        EPUB is taken as well; `parse-epub` will say what is wrong with it.
        """
        book_id = await in_thread(_book_id, epub)
        known = await in_thread(self._catalogue.books.find, book_id)
        if known is not None and await in_thread(self._storage.info, known.s3_key) is not None:
            return RegisteredBook(book_id, known.s3_key, new=False)
        about = await in_thread(_metadata, epub)
        key = known.s3_key if known is not None else upload(epub.name, book_id)
        await in_thread(self._storage.put_file, key, epub, _EPUB_TYPE)
        added = await in_thread(
            lambda: self._catalogue.books.add(
                book_id=book_id,
                title=about.title or epub.stem.encode("utf-8", "replace").decode(),
                author=about.author,
                language=about.language or "und",
                s3_key=key,
                metadata=metadata,
                tts_model=tts_model,
                tts_voice=tts_voice,
                tts_settings=tts_settings,
            )
        )
        if added or known is not None:
            return RegisteredBook(book_id, key, new=added)
        # Another call has registered the same file meanwhile.
        first = await in_thread(self._catalogue.books.get, book_id)
        if first.s3_key != key:
            await in_thread(self._storage.delete, key)
        return RegisteredBook(book_id, first.s3_key, new=False)

    async def outline(self, book_id: str) -> BookOutline:
        """The book's pages and paragraphs in order; raises RecordNotFoundError."""
        book = await in_thread(self._catalogue.books.get, book_id)
        pages = await in_thread(self._catalogue.pages.of_book, book_id)
        paragraphs: dict[str, list[str]] = {page.id: [] for page in pages}
        for paragraph in await in_thread(self._catalogue.paragraphs.of_book, book_id):
            paragraphs[paragraph.page_id].append(paragraph.id)
        return BookOutline(
            book.id,
            book.title,
            book.author,
            [PageOutline(p.id, p.page_number, p.title, paragraphs[p.id]) for p in pages],
        )

    async def approve(self, book_id: str) -> int:
        """Mark all paragraphs completed, as a person does after correcting them.

        Only completed paragraphs go into the audio of a page. Gives how many changed.
        """
        return await in_thread(self._catalogue.paragraphs.mark_completed, book_id)

    async def fetch_audiobook(self, book_id: str, target: Path) -> float:
        """Copy the finished M4B to `target`; gives its length in seconds.

        Raises NotReadyError before `combine-book` has made it.
        """
        book = await in_thread(self._catalogue.books.get, book_id)
        made = book.metadata.get("audiobook")
        if not isinstance(made, dict):
            raise NotReadyError(f"The audio of {book.title!r} is not made yet: run combine-book.")
        target.parent.mkdir(parents=True, exist_ok=True)
        await in_thread(self._storage.fetch_file, str(made["s3Key"]), target)
        return float(made["duration"])


def _book_id(epub: Path) -> str:
    with epub.open("rb") as file:
        return str(uuid.uuid5(_IDS, hashlib.file_digest(file, "sha256").hexdigest()))


def _metadata(epub: Path) -> Metadata:
    try:
        return read_metadata(epub)
    except EpubError:
        return Metadata()
