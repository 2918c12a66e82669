"""A processor with everything at hand, and jobs that remember what was reported to them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from audibook import JobProcessor, Settings
from audibook.audio import decoded
from audibook.catalogue import Book, Catalogue
from audibook.storage import DirectoryStorage

__all__ = ["Studio", "make_job"]


def make_job(
    name: str = "", data: object = None, made: int = 0, attempts: int = 1
) -> SimpleNamespace:
    """A worker's job, which keeps what is reported to it."""
    progress: list[float] = []
    lines: list[str] = []

    async def report(value: float) -> None:
        progress.append(value)

    return SimpleNamespace(
        id="7",
        name=name,
        data=data,
        attemptsMade=made,
        opts={"attempts": attempts},
        updateProgress=report,
        log=lines.append,
        progress=progress,
        lines=lines,
    )


class Studio:
    """A processor with its storage and catalogue at hand."""

    def __init__(self, settings: Settings, **given: Any) -> None:
        self.storage: DirectoryStorage = given.pop("storage", None) or DirectoryStorage(
            settings.storage_dir
        )
        self.catalogue = Catalogue(settings.catalogue_url)
        self.processor = JobProcessor(
            settings, storage=self.storage, catalogue=self.catalogue, **given
        )

    async def parsed(self, epub: Path, **about: Any) -> Book:
        """Register and parse a book, and approve its text."""
        book = await self.processor.library.register(epub, **about)
        await self.processor.process_epub_parsing({"bookId": book.id, "s3Key": book.s3_key})
        await self.processor.library.approve(book.id)
        return self.catalogue.books.get(book.id)

    async def speak(self, book: Book, **options: Any) -> list[dict[str, Any]]:
        outline = await self.processor.library.outline(book.id)
        return [
            await self.processor.process_audio_generation(
                {"paragraphId": paragraph, "bookId": book.id, **options}
            )
            for paragraph in outline.paragraph_ids
        ]

    async def combine(self, book: Book, **options: Any) -> list[dict[str, Any]]:
        outline = await self.processor.library.outline(book.id)
        return [
            await self.processor.process_page_audio_combination(
                {"pageId": page, "bookId": book.id, **options}
            )
            for page in outline.page_ids
        ]

    async def seconds(self, ffmpeg: Path, key: str) -> float:
        pieces = decoded(ffmpeg, self.storage.path(key), 22_050)
        return sum([len(piece) async for piece in pieces]) / 2 / 22_050
