"""The jobs of a book as one flow: paragraphs below their page, pages below the book."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audibook import BookOutline, PageOutline

__all__ = ["BOOK", "PAGES", "PARAGRAPHS", "book_flow", "job_ids"]

PARAGRAPHS, PAGES, BOOK = "generate-audio", "combine-page-audio", "combine-book"
_OPTIONS: Mapping[str, Any] = {
    "attempts": 5,  # a killed ffmpeg costs one
    "backoff": {"type": "exponential", "delay": 1000},
    "failParentOnFailure": True,
}


def job_ids(outline: BookOutline) -> dict[str, list[str]]:
    """The ids of all jobs of the flow by job name; the same for the same outline."""
    return {
        PARAGRAPHS: [_paragraph_job(i) for i in outline.paragraph_ids],
        PAGES: [_page_job(i) for i in outline.page_ids],
        BOOK: [_book_job(outline.id)],
    }


def book_flow(outline: BookOutline, queue: str, correlation_id: str) -> dict[str, Any]:
    """The tree for FlowProducer.add; finished audio is left alone (`skipReady`)."""
    shared = {"bookId": outline.id, "skipReady": True, "correlationId": correlation_id}

    def node(name: str, job_id: str, **more: Any) -> dict[str, Any]:
        options = {**_OPTIONS, "jobId": job_id}
        if name == BOOK:  # the root has no parent to fail
            del options["failParentOnFailure"]
        return {"name": name, "queueName": queue, "data": {**shared, **more}, "opts": options}

    def page(outlined: PageOutline) -> dict[str, Any]:
        children = [
            node(PARAGRAPHS, _paragraph_job(paragraph), paragraphId=paragraph)
            for paragraph in outlined.paragraph_ids
        ]
        made = node(PAGES, _page_job(outlined.id), pageId=outlined.id, requireAll=True)
        return {**made, "children": children}

    return {**node(BOOK, _book_job(outline.id)), "children": [page(p) for p in outline.pages]}


def _paragraph_job(paragraph_id: str) -> str:
    return f"paragraph-{paragraph_id}"


def _page_job(page_id: str) -> str:
    return f"page-{page_id}"


def _book_job(book_id: str) -> str:
    return f"book-{book_id}"
