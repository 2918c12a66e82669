"""The books of the catalogue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audibook.errors import RecordNotFoundError

from .database import Database
from .records import Book, BookStatus
from .tables import BookRow, now

__all__ = ["Books", "as_object", "locked", "record"]


class Books:
    """Reads and changes rows of `books`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        *,
        book_id: str,
        title: str,
        s3_key: str,
        author: str | None = None,
        language: str = "he",
        metadata: Mapping[str, Any] | None = None,
        tts_model: str | None = None,
        tts_voice: str | None = None,
        tts_settings: Mapping[str, Any] | None = None,
    ) -> bool:
        """Add a book; one with this id already there is left as it is, which gives False."""
        book = BookRow(
            id=book_id,
            title=title,
            author=author,
            language=language,
            s3_key=s3_key,
            status=BookStatus.UPLOADING,
            processing_metadata=dict(metadata or {}),
            tts_model=tts_model,
            tts_voice=tts_voice,
            tts_settings=dict(tts_settings) if tts_settings else None,
        )
        try:
            with self._database.writing() as session:
                if session.get(BookRow, book_id) is not None:
                    return False
                session.add(book)
        except IntegrityError:
            if self.find(book_id) is None:
                raise
            return False  # added by another process in between
        return True

    def find(self, book_id: str) -> Book | None:
        """The book with this id, or None."""
        with self._database.reading() as session:
            row = session.get(BookRow, book_id)
            return None if row is None else record(row)

    def get(self, book_id: str) -> Book:
        """The book with this id; raises RecordNotFoundError when there is none."""
        book = self.find(book_id)
        if book is None:
            raise not_found(book_id)
        return book

    def ids(self) -> list[str]:
        """Ids of all books, oldest first."""
        with self._database.reading() as session:
            statement = select(BookRow.id).order_by(BookRow.created_at, BookRow.id)
            return list(session.scalars(statement))

    def set_status(self, book_id: str, status: BookStatus) -> None:
        """Set the status; raises RecordNotFoundError when there is no such book."""
        with self._database.writing() as session:
            locked(session, book_id).status = status

    def stop_processing(self, book_id: str, status: BookStatus) -> None:
        """Leave PROCESSING for `status`; a book in another state is left as it is."""
        with self._database.writing() as session:
            session.execute(
                update(BookRow)
                .where(BookRow.id == book_id, BookRow.status == BookStatus.PROCESSING)
                .values(status=status, updated_at=now())
            )

    def describe(
        self,
        book_id: str,
        *,
        title: str | None = None,
        author: str | None = None,
        language: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Replace what is given and not blank; merge `metadata` into what is there."""
        with self._database.writing() as session:
            row = locked(session, book_id)
            if title and title.strip():
                row.title = title.strip()
            if author and author.strip():
                row.author = author.strip()
            if language and language.strip():
                row.language = language.strip()
            if metadata:
                row.processing_metadata = {**as_object(row.processing_metadata), **metadata}


def as_object(value: object) -> dict[str, Any]:
    """A JSON object from a column which may hold one, the text of one, or anything else."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    return dict(value) if isinstance(value, dict) else {}


def record(row: BookRow) -> Book:
    """The plain record of a row."""
    return Book(
        id=row.id,
        title=row.title,
        author=row.author,
        language=row.language,
        s3_key=row.s3_key,
        status=row.status,
        total_pages=row.total_pages,
        total_paragraphs=row.total_paragraphs,
        metadata=as_object(row.processing_metadata),
        tts_model=row.tts_model,
        tts_voice=row.tts_voice,
        tts_settings=as_object(row.tts_settings),
    )


def locked(session: Session, book_id: str) -> BookRow:
    """The row, locked against other writers until the transaction ends."""
    row = session.get(BookRow, book_id, with_for_update=True)
    if row is None:
        raise not_found(book_id)
    return row


def not_found(book_id: str) -> RecordNotFoundError:
    """The error for a book that does not exist."""
    return RecordNotFoundError(f"Book not found: {book_id}")
