"""Where the chapters of a book lie in its joined audio."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise

from audibook.audio import Chapter, Span
from audibook.catalogue import Page
from audibook.languages import chapter_title
from audibook.services import Services, in_thread

from .combine_page import is_ready

__all__ = ["Begun", "chapters_begun", "placed_chapters"]

Begun = tuple[float, str | None]
"""The seconds into a page's audio at which a chapter begins, and its title."""

_TOLERANCE_S = 0.5


async def chapters_begun(services: Services, page: Page) -> list[Begun]:
    """The chapters that begin on the page.

    Those within it lie where the paragraphs before them end; they are left out where none of their
    paragraphs is in the audio, and where it is of other paragraphs than there are now.
    """
    if page.chapters is None:
        return [(0.0, page.title)]
    if not any(order for order, _ in page.chapters):
        return [(0.0, title) for _, title in page.chapters]
    paragraphs = await in_thread(services.catalogue.paragraphs.of_page, page.id)
    parts = [(p.order_index, p.audio_duration or 0.0) for p in paragraphs if is_ready(p)]
    orders = [order for order, _ in parts]
    begins = list(accumulate((seconds for _, seconds in parts), initial=0.0))
    if abs(begins[-1] - (page.audio_duration or 0.0)) > _TOLERANCE_S:
        return [(0.0, title) for order, title in page.chapters if order == 0]
    firsts = [bisect_left(orders, order) for order, _ in page.chapters]
    return [
        (begins[first], title)
        for (_, title), (first, after) in zip(
            page.chapters, pairwise([*firsts, len(orders)]), strict=True
        )
        if first < after
    ]


def placed_chapters(
    pages: Sequence[Page],
    begun: Sequence[Sequence[Begun]],
    spans: Sequence[Span],
    language: str,
) -> list[Chapter]:
    """The chapters in order; pages of one document under the same title are one.

    One without a title is called by its number, in the book's language.
    A page on which none begins goes on with the chapter before it. The pause before a page
    belongs to none.
    """
    chapters: list[Chapter] = []
    last: tuple[int | None, str | None] | None = None
    for page, starts, span in zip(pages, begun, spans, strict=True):
        for offset, title in starts if chapters or starts else [(0.0, page.title)]:
            at = span.start + offset if chapters else span.start
            if last != (page.source_chapter, title):
                if offset and chapters:
                    chapters[-1] = _until(chapters[-1], at)
                named = title or chapter_title(len(chapters) + 1, language)
                chapters.append(Chapter(named, at, span.end))
            last = page.source_chapter, title
        chapters[-1] = _until(chapters[-1], span.end)
    return chapters


def _until(chapter: Chapter, end: float) -> Chapter:
    return Chapter(chapter.title, chapter.start, end)
