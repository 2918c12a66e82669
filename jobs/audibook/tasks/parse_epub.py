"""`parse-epub`: from an uploaded EPUB to pages and paragraphs in the catalogue."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import anyio

from audibook.attempt import Attempt
from audibook.catalogue import Book, BookStatus, NewPage
from audibook.epub import Method, ParsedBook, read_epub
from audibook.languages import base_language
from audibook.messages import EpubParsed, ParseEpub
from audibook.services import Services, in_thread
from audibook.speech.language import is_hebrew
from audibook.workspace import workspace

__all__ = ["parse_epub"]

_SAMPLE_PARAGRAPHS = 50
_IN_HEBREW_LETTERS = {"he", "hbo", "arc", "yi", "lad", "jpr", "jrb"}
"""Languages that books in Hebrew letters may be in."""


async def parse_epub(services: Services, attempt: Attempt, data: ParseEpub) -> EpubParsed:
    """Parse the book and save it in one transaction; ERROR only after the last attempt.

    After a cancelled attempt the book has the status of before.
    Raises EpubError for a file that cannot be read, ObjectNotFoundError when it is not
    in storage, RecordNotFoundError for an unknown book.
    """
    started = time.monotonic()
    books = services.catalogue.books
    book = await in_thread(books.get, data.book_id)
    await in_thread(books.set_status, book.id, BookStatus.PROCESSING)
    try:
        parsed, saved = await _parse_and_save(services, attempt, data, book)
    except Exception as error:
        if attempt.is_last(error):
            try:
                await in_thread(books.stop_processing, book.id, BookStatus.ERROR)
            except Exception as second:
                # The first error is what the caller must see.
                attempt.log.error("could not set the status to ERROR: %s", second)
        raise
    except BaseException:
        with anyio.CancelScope(shield=True):
            await in_thread(books.stop_processing, book.id, _before(book))
        raise
    # Before READY, so that a crash in between repeats it; its id keeps it single.
    await _follow_up(services, attempt, data.book_id, parsed)
    await in_thread(books.set_status, data.book_id, BookStatus.READY)
    await services.discard(saved, attempt.log)
    await attempt.progress(100)
    return EpubParsed(
        book_id=data.book_id,
        paragraph_count=parsed.paragraph_count,
        duration=round((time.monotonic() - started) * 1000),
    )


def _before(book: Book) -> BookStatus:
    """The book's status without this attempt, nor one that was killed or is to be tried again."""
    if book.status is not BookStatus.PROCESSING:
        return book.status
    return BookStatus.READY if book.total_pages else BookStatus.UPLOADING


async def _parse_and_save(
    services: Services, attempt: Attempt, data: ParseEpub, book: Book
) -> tuple[ParsedBook, list[str]]:
    books = services.catalogue.books
    method = _method(data, book)
    with workspace(services.settings.work_dir) as folder:
        path = folder / "book.epub"
        await in_thread(services.storage.fetch_file, data.s3_key, path)
        await attempt.progress(10)
        parsed = await in_thread(read_epub, path, method)
    await attempt.progress(50)
    for fault in parsed.faults:
        attempt.log.warning("passed over: %s", fault)
        await attempt.note(f"Passed over: {fault}")
    pages = [
        NewPage(
            page.paragraphs,
            page.title,
            page.source_chapter,
            page.start_position,
            page.end_position,
            page.break_info,
        )
        for page in parsed.pages
    ]
    saved = await in_thread(
        services.catalogue.save_pages, data.book_id, pages, _metadata(parsed, method)
    )
    about = parsed.metadata
    language = _language(parsed)
    if about.language and language != about.language:
        await attempt.note(
            f"The book says that its language is {about.language!r}; by its letters it is Hebrew."
        )
    await in_thread(
        lambda: books.describe(
            data.book_id, title=about.title, author=about.author, language=language
        )
    )
    await attempt.progress(90)
    attempt.log.info(
        "parsed the book",
        extra={"pages": saved.page_count, "paragraphs": saved.paragraph_count},
    )
    return parsed, list(saved.orphaned_keys)


def _method(data: ParseEpub, book: Book) -> Method:
    """The job's choice, else the book's own from its upload, else one page per document."""
    own = book.metadata.get("parsingMethod")
    return data.parsing_method or ("page-based" if own == "page-based" else "xhtml-based")


def _metadata(parsed: ParsedBook, method: Method) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "averageParagraphsPerPage": parsed.paragraph_count / len(parsed.pages),
        "processingInfo": {
            "parsingMethod": method,
            "documents": list(parsed.documents),
            "charactersNotRead": {rule: n for rule, n in parsed.removed.items() if n},
            **({"documentsNotRead": list(parsed.faults)} if parsed.faults else {}),
        },
        "processedAt": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    about = parsed.metadata
    # The tables have no columns for these two.
    optional = {"publisher": about.publisher, "description": about.description}
    return metadata | {name: value for name, value in optional.items() if value}


async def _follow_up(
    services: Services, attempt: Attempt, book_id: str, parsed: ParsedBook
) -> None:
    """Ask for diacritics where the book is Hebrew; a failure does not fail the parsing."""
    if services.enqueue is None or not _wants_diacritics(parsed):
        return
    book = await in_thread(services.catalogue.books.get, book_id)
    kind = "simple" if book.metadata.get("diacriticsType") == "simple" else "advanced"
    correlation_id = f"auto-{kind}-diacritics-{book_id}"
    data = {"bookId": book_id, "correlationId": correlation_id}
    try:
        await services.enqueue(f"add-{kind}-diacritics", data, correlation_id)
    except Exception as error:
        attempt.log.warning("could not add the diacritics job: %s", error)


def _language(parsed: ParsedBook) -> str | None:
    """What the book says its language is, unless it is in Hebrew letters and says English, say."""
    told = parsed.metadata.language
    return (
        told if base_language(told or "") in _IN_HEBREW_LETTERS or not _is_hebrew(parsed) else "he"
    )


def _wants_diacritics(parsed: ParsedBook) -> bool:
    return base_language(_language(parsed) or "") == "he" and _is_hebrew(parsed)


def _is_hebrew(parsed: ParsedBook) -> bool:
    texts = [text for page in parsed.pages for text in page.paragraphs]
    return is_hebrew(" ".join(texts[:: max(1, len(texts) // _SAMPLE_PARAGRAPHS)]))
