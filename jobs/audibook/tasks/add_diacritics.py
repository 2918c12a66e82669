"""`add-diacritics`, `add-simple-diacritics`, `add-advanced-diacritics`: point a Hebrew book."""

from __future__ import annotations

import time
from dataclasses import dataclass

from audibook.attempt import Attempt
from audibook.catalogue import Book, Paragraph
from audibook.diacritics import Kind, Pointer, is_pointed
from audibook.errors import DiacriticsError
from audibook.messages import AddDiacritics, DiacriticsAdded, NothingToPoint
from audibook.services import Services, in_thread
from audibook.speech.language import is_hebrew

__all__ = ["add_diacritics"]


@dataclass(slots=True)
class _Counts:
    processed: int = 0
    failed: int = 0
    changed: int = 0
    first_error: str = ""


async def add_diacritics(
    services: Services, attempt: Attempt, data: AddDiacritics
) -> DiacriticsAdded | NothingToPoint:
    """Point every paragraph that needs it; its audio goes back to PENDING.

    Left as they are: paragraphs a person has completed, text that is not Hebrew, and
    text that is pointed already, so the job can be repeated. A text that fails keeps
    its content and counts as an error; raises DiacriticsError when all of them fail.
    The book's own choice of `simple` or `advanced` goes before the job's name; where
    neither says anything it is `advanced`.
    """
    started = time.monotonic()
    book = await in_thread(services.catalogue.books.get, data.book_id)
    paragraphs = await in_thread(services.catalogue.paragraphs.of_book, book.id)
    wanted = set(data.paragraph_ids or ())
    texts = [p for p in paragraphs if p.content.strip() and (not wanted or p.id in wanted)]
    if not texts:
        return NothingToPoint(duration_seconds=_since(started))
    fetched = time.monotonic()
    counts = _Counts()
    pointer: Pointer | None = None
    for number, paragraph in enumerate(texts):
        if paragraph.completed or not is_hebrew(paragraph.content) or is_pointed(paragraph.content):
            counts.processed += 1
        else:
            if pointer is None:
                pointer = await in_thread(services.diacritics.pointer, _kind(attempt, book))
            await _point(services, attempt, pointer, paragraph, counts)
        await attempt.progress(100 * (number + 1) / len(texts))
    if counts.failed and not counts.changed:
        raise DiacriticsError(
            f"None of {counts.failed} texts could be given diacritics; the first failed with: "
            f"{counts.first_error}"
        )
    return DiacriticsAdded(
        processed_count=counts.processed,
        error_count=counts.failed,
        success_rate_percentage=round(100 * counts.processed / len(texts), 1),
        total_duration_seconds=_since(started),
        processing_duration_seconds=_since(fetched),
        total_paragraphs=len(texts),
        book_id=book.id,
        correlation_id=data.correlation_id,
    )


async def _point(
    services: Services, attempt: Attempt, pointer: Pointer, paragraph: Paragraph, counts: _Counts
) -> None:
    try:
        pointed = await in_thread(pointer.point, paragraph.content)
    except Exception as error:
        counts.failed += 1
        counts.first_error = counts.first_error or str(error)
        attempt.log.warning(
            "a text got no diacritics: %s", error, extra={"paragraphId": paragraph.id}
        )
        return
    # False when somebody completed or edited the paragraph meanwhile: theirs counts.
    replaced = await in_thread(
        services.catalogue.paragraphs.replace_text, paragraph.id, paragraph.content, pointed
    )
    counts.processed += 1
    counts.changed += replaced


def _kind(attempt: Attempt, book: Book) -> Kind:
    own = book.metadata.get("diacriticsType")
    if own not in {"simple", "advanced"}:
        own = "simple" if attempt.name == "add-simple-diacritics" else "advanced"
    return "simple" if own == "simple" else "advanced"


def _since(moment: float) -> float:
    return round(time.monotonic() - moment, 3)
