"""`combine-book`: join the audio of all pages into one M4B with chapters, cover and tags."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from audibook.attempt import Attempt
from audibook.audio import AAC_BOOK, BookTags, join, write_m4b
from audibook.catalogue import AudioStatus, Book, Page
from audibook.epub import read_cover
from audibook.errors import (
    AudioToolError,
    EpubError,
    NotReadyError,
    ObjectNotFoundError,
    RecordNotFoundError,
)
from audibook.messages import BookCombined, CombineBook
from audibook.services import Services, in_thread
from audibook.storage import keys
from audibook.workspace import workspace

from .chapters import Begun, chapters_begun, placed_chapters
from .fingerprint import audio_notes, fingerprint, is_stored
from .parts import fetched_parts

__all__ = ["combine_book"]

_NAMED_PAGES = 5
_PICTURES = {
    b"\x89PNG\r\n": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF8": ".gif",
    b"RIFF": ".webp",
}


@dataclass(frozen=True, slots=True)
class _Contents:
    """What the book's audio is made of; `mark` is their fingerprint."""

    book: Book
    pages: list[Page]
    begun: list[list[Begun]]
    tags: BookTags
    mark: str


@dataclass(frozen=True, slots=True)
class _Finished:
    """What the book's metadata keeps about its audio, under `audiobook`."""

    s3Key: str
    duration: float
    chapters: list[dict[str, Any]]
    createdAt: str


async def combine_book(services: Services, attempt: Attempt, data: CombineBook) -> BookCombined:
    """Join the pages in order, with a pause between them.

    Every page must have ready audio: raises NotReadyError naming those that have not.
    The outcome is kept in the book's processingMetadata under `audiobook`.
    """
    started = time.monotonic()
    contents = await _contents(services, data.book_id)
    _check_ready(contents.pages)
    before = _finished(contents.book)
    if data.skip_ready and before and await is_stored(services, before.s3Key, contents.mark):
        finished = before
        attempt.log.info("the book's audio is there already", extra={"key": before.s3Key})
    else:
        finished = await _join_and_store(services, attempt, contents)
    await attempt.progress(100)
    return BookCombined(
        book_id=contents.book.id,
        s3_key=finished.s3Key,
        total_duration=round(finished.duration, 3),
        page_count=len(contents.pages),
        chapter_count=len(finished.chapters),
        duration=round((time.monotonic() - started) * 1000),
    )


async def _contents(services: Services, book_id: str) -> _Contents:
    book = await in_thread(services.catalogue.books.get, book_id)
    pages = await in_thread(services.catalogue.pages.of_book, book.id)
    tags = BookTags(book.title, book.author, book.tts_voice or book.tts_model, book.language)
    begun = [await chapters_begun(services, page) for page in pages]
    parts = [(page.audio_s3_key, starts) for page, starts in zip(pages, begun, strict=True)]
    pause = services.settings.chapter_pause_ms / 1000
    mark = fingerprint(parts, asdict(tags), pause, book.s3_key)
    return _Contents(book, pages, begun, tags, mark)


def _check_ready(pages: list[Page]) -> None:
    if not pages:
        raise NotReadyError("The book has no pages yet: run parse-epub first.")
    missing = [p for p in pages if p.audio_status is not AudioStatus.READY or not p.audio_s3_key]
    if missing:
        named = ", ".join(str(page.page_number) for page in missing[:_NAMED_PAGES])
        more = f" and {len(missing) - _NAMED_PAGES} more" if len(missing) > _NAMED_PAGES else ""
        raise NotReadyError(
            f"Pages without ready audio: {named}{more}; run combine-page-audio on them first."
        )


def _finished(book: Book) -> _Finished | None:
    kept = book.metadata.get("audiobook")
    try:
        return _Finished(**kept) if isinstance(kept, dict) else None
    except TypeError:  # written by another version
        return None


async def _join_and_store(services: Services, attempt: Attempt, contents: _Contents) -> _Finished:
    book, pages, tags = contents.book, contents.pages, contents.tags
    stored = [(page.audio_s3_key, page.audio_duration) for page in pages if page.audio_s3_key]
    key = keys.book_audio(book.id)
    with workspace(services.settings.work_dir) as folder:
        joined = folder / f"book{AAC_BOOK.suffix}"
        spans = await join(
            services.ffmpeg,
            fetched_parts(services, attempt, folder, stored),
            joined,
            AAC_BOOK,
            sample_rate=AAC_BOOK.sample_rate or 22_050,
            pause=services.settings.chapter_pause_ms / 1000,
        )
        chapters = placed_chapters(pages, contents.begun, spans, book.language)
        cover = await _cover(services, attempt, book, folder)
        path = folder / "book.m4b"
        write = partial(write_m4b, services.ffmpeg, joined, path, tags=tags, chapters=chapters)
        try:
            await write(cover=cover)
        except AudioToolError as error:
            if cover is None:
                raise
            # A damaged picture must not cost the audio of a whole book.
            await _without_cover(attempt, error)
            await write()
        joined.unlink()
        notes = audio_notes(contents.mark, spans[-1].end)
        await in_thread(services.storage.put_file, key, path, AAC_BOOK.content_type, notes)
    finished = _Finished(
        s3Key=key,
        duration=spans[-1].end,
        chapters=[asdict(chapter) for chapter in chapters],
        createdAt=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )
    try:
        return await _finish(services, attempt, contents, finished)
    except RecordNotFoundError:
        await services.discard([key], attempt.log)  # no row will ever point to it
        raise


async def _finish(
    services: Services, attempt: Attempt, contents: _Contents, finished: _Finished
) -> _Finished:
    """Keep the audio with the book; what was kept before is deleted."""
    book_id, key = contents.book.id, finished.s3Key
    now = await _contents(services, book_id)
    current = _finished(now.book)
    made = current if current != _finished(contents.book) else None
    if made is not None and await is_stored(services, made.s3Key, now.mark):
        # By another attempt, where a worker has lost this job and went on with it.
        await services.discard([key], attempt.log)
        return made
    metadata = {"audiobook": asdict(finished)}
    await in_thread(lambda: services.catalogue.books.describe(book_id, metadata=metadata))
    previous = current.s3Key if current else None
    prefix = keys.book_audio_prefix(book_id)
    await services.discard_versions(prefix, key, previous, attempt.log)
    return finished


async def _cover(services: Services, attempt: Attempt, book: Book, folder: Path) -> Path | None:
    """The cover picture in a file of its own; a book without one gets none."""
    source = folder / "book.epub"
    try:
        await in_thread(services.storage.fetch_file, book.s3_key, source)
        found = await in_thread(read_cover, source)
    except (EpubError, ObjectNotFoundError) as error:
        await _without_cover(attempt, error)
        return None
    if found is None:
        return None
    picture, name = found
    suffix = next((s for start, s in _PICTURES.items() if picture.startswith(start)), None)
    if suffix is None:
        await _without_cover(attempt, f"{name!r} is no PNG, JPEG, GIF or WebP.")
        return None
    path = folder / f"cover{suffix}"
    await in_thread(path.write_bytes, picture)
    return path


async def _without_cover(attempt: Attempt, why: object) -> None:
    attempt.log.warning("no cover: %s", why)
    await attempt.note(f"The audiobook has no cover: {why}")
