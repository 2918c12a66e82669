"""Saving a parsed book over whatever an earlier attempt or parse left."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from .books import as_object, locked
from .database import Database
from .records import AudioStatus, NewPage, SavedPages
from .tables import OriginalParagraphRow, PageRow, ParagraphRow, TextCorrectionRow

__all__ = ["save_pages"]

_IDS = uuid.UUID("5ad1f7ac-6b2c-4f0e-9a55-3f6d3c0f6e21")
"""Namespace of the ids made here; a constant, so that a repeated parse makes the same ids."""


def save_pages(
    database: Database, book_id: str, pages: Sequence[NewPage], metadata: Mapping[str, Any]
) -> SavedPages:
    """Make the book's rows equal to `pages`, in one transaction.

    A paragraph whose parsed text is the one already there keeps its row: the
    corrections a person made, its `completed` mark and its audio. One with another text
    is replaced, surplus rows are deleted. `metadata` is merged into the book's. Saving
    the same pages twice changes nothing the second time.
    """
    saving = _Saving(book_id)
    with database.writing() as session:
        book = locked(session, book_id)
        saving.load(session)
        for number, page in enumerate(pages, start=1):
            saving.put_page(session, number, page)
        saving.drop_pages(session, len(pages))
        saving.insert_new(session)
        book.total_pages = len(pages)
        book.total_paragraphs = sum(len(page.paragraphs) for page in pages)
        book.processing_metadata = {**as_object(book.processing_metadata), **metadata}
    total = sum(len(page.paragraphs) for page in pages)
    return SavedPages(len(pages), total, saving.orphaned_keys)


@dataclass(slots=True)
class _Saving:
    book_id: str
    pages: dict[int, PageRow] = field(default_factory=dict)
    paragraphs: dict[str, dict[int, ParagraphRow]] = field(default_factory=dict)
    originals: dict[str, OriginalParagraphRow] = field(default_factory=dict)
    orphaned_keys: list[str] = field(default_factory=list)
    new_originals: list[dict[str, Any]] = field(default_factory=list)
    new_paragraphs: list[dict[str, Any]] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    def load(self, session: Session) -> None:
        """Read the book's rows, matched by number and order: older rows have random ids.

        Locked, or audio of the old text that is finished in between would count for the new.
        """
        pages = select(PageRow).where(PageRow.book_id == self.book_id).with_for_update()
        for page in session.scalars(pages):
            self.pages[page.page_number] = page
            self.paragraphs[page.id] = {}
            self.taken.add(page.id)
        rows = select(ParagraphRow).where(ParagraphRow.book_id == self.book_id).with_for_update()
        for paragraph in session.scalars(rows):
            self.paragraphs[paragraph.page_id][paragraph.order_index] = paragraph
            self.taken.add(paragraph.id)
        originals = select(OriginalParagraphRow).where(
            OriginalParagraphRow.page_id.in_(
                select(PageRow.id).where(PageRow.book_id == self.book_id)
            )
        )
        self.originals = {row.id: row for row in session.scalars(originals)}
        self.taken |= self.originals.keys()

    def put_page(self, session: Session, number: int, page: NewPage) -> None:
        row = self.pages.get(number)
        if row is None:
            row = PageRow(id=self._id(number), book_id=self.book_id, page_number=number)
            session.add(row)
            self.paragraphs[row.id] = {}
        info = dict(page.break_info)
        if page.title:
            info["title"] = page.title
        row.source_chapter = page.source_chapter
        row.start_position = page.start_position
        row.end_position = page.end_position
        row.page_break_info = info or None
        changed = False
        present = self.paragraphs[row.id]
        for order, text in enumerate(page.paragraphs):
            changed |= self._put_paragraph(session, row, number, order, text, present.get(order))
        for order in [order for order in present if order >= len(page.paragraphs)]:
            self._drop_paragraph(session, present[order])
            changed = True
        if changed:
            row.audio_status = AudioStatus.PENDING

    def drop_pages(self, session: Session, count: int) -> None:
        for number, row in self.pages.items():
            if number > count:
                self._orphan(row.audio_s3_key)
                for paragraph in self.paragraphs[row.id].values():
                    self._orphan(paragraph.audio_s3_key)
                session.delete(row)

    def insert_new(self, session: Session) -> None:
        # New rows go in as two bulk statements after the pages: a row by row insert of a
        # long novel takes seconds.
        session.flush()
        if self.new_originals:
            session.execute(insert(OriginalParagraphRow), self.new_originals)
            session.execute(insert(ParagraphRow), self.new_paragraphs)

    def _put_paragraph(
        self,
        session: Session,
        page: PageRow,
        number: int,
        order: int,
        text: str,
        row: ParagraphRow | None,
    ) -> bool:
        """Give the paragraph this text; True when it had another, or none."""
        if row is None:
            original_id = self._id(number, order, "original")
            self.new_originals.append({"id": original_id, "page_id": page.id, "content": text})
            self.new_paragraphs.append(
                {
                    "id": self._id(number, order),
                    "page_id": page.id,
                    "book_id": self.book_id,
                    "order_index": order,
                    "content": text,
                    "original_paragraph_id": original_id,
                }
            )
            return True
        original = self.originals.get(row.original_paragraph_id or "")
        if (original.content if original else row.content) == text:
            return False
        self._orphan(row.audio_s3_key)
        session.execute(delete(TextCorrectionRow).where(TextCorrectionRow.paragraph_id == row.id))
        if original is not None:
            original.content = text
        row.content = text
        row.completed = False
        row.audio_s3_key = None
        row.audio_duration = None
        row.audio_generated_at = None
        row.audio_status = AudioStatus.PENDING
        return True

    def _drop_paragraph(self, session: Session, row: ParagraphRow) -> None:
        self._orphan(row.audio_s3_key)
        if row.original_paragraph_id in self.originals:
            session.delete(self.originals[row.original_paragraph_id])
        session.delete(row)

    def _orphan(self, key: str | None) -> None:
        if key:
            self.orphaned_keys.append(key)

    def _id(self, *parts: object) -> str:
        """The id of a new row; another where rows were deleted and the rest numbered anew."""
        name = "/".join(map(str, (self.book_id, *parts)))
        while (made := str(uuid.uuid5(_IDS, name))) in self.taken:
            name += "/again"
        self.taken.add(made)
        return made
