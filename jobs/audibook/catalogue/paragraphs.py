"""The paragraphs of the catalogue, their text and their audio."""

from __future__ import annotations

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from audibook.errors import RecordNotFoundError, TextChangedError

from .database import Database
from .records import AudioStatus, Paragraph
from .tables import PageRow, ParagraphRow, now

__all__ = ["Paragraphs"]


class Paragraphs:
    """Reads rows of `paragraphs`, changes their text, keeps the state of their audio."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, paragraph_id: str) -> Paragraph:
        """The paragraph with this id; raises RecordNotFoundError when there is none."""
        with self._database.reading() as session:
            row = session.get(ParagraphRow, paragraph_id)
            if row is None:
                raise _not_found(paragraph_id)
            return record(row)

    def of_book(self, book_id: str) -> list[Paragraph]:
        """The book's paragraphs in reading order."""
        return self._list(ParagraphRow.book_id == book_id)

    def of_page(self, page_id: str) -> list[Paragraph]:
        """The page's paragraphs in reading order."""
        return self._list(ParagraphRow.page_id == page_id)

    def mark_completed(self, book_id: str) -> int:
        """Mark every paragraph of the book as checked by a person; gives how many changed."""
        statement = (
            update(ParagraphRow)
            .where(ParagraphRow.book_id == book_id, ParagraphRow.completed.is_(False))
            .values(completed=True, updated_at=now())
            .returning(ParagraphRow.id)
        )
        with self._database.writing() as session:
            return len(session.scalars(statement).all())

    def start_audio(self, paragraph_id: str) -> None:
        """Mark the paragraph's audio as being made."""
        with self._database.writing() as session:
            _locked(session, paragraph_id).audio_status = AudioStatus.GENERATING

    def finish_audio(self, paragraph_id: str, spoken: str, key: str, seconds: float) -> str | None:
        """Point the paragraph to finished audio of the text `spoken`.

        Gives the key it pointed to before, if another. Raises TextChangedError, and
        leaves the row, when the paragraph holds another text by now.
        """
        with self._database.writing() as session:
            row = _locked(session, paragraph_id)
            if row.content != spoken:
                raise TextChangedError(
                    f"Paragraph {paragraph_id} was edited while it was spoken; speak it again."
                )
            previous = row.audio_s3_key
            row.audio_s3_key = key
            row.audio_duration = seconds
            row.audio_status = AudioStatus.READY
            row.audio_generated_at = now()
            return previous if previous != key else None

    def stop_audio(self, paragraph_id: str, status: AudioStatus) -> None:
        """Leave GENERATING for `status`; a paragraph in another state is left as it is."""
        with self._database.writing() as session:
            session.execute(
                update(ParagraphRow)
                .where(
                    ParagraphRow.id == paragraph_id,
                    ParagraphRow.audio_status == AudioStatus.GENERATING,
                )
                .values(audio_status=status, updated_at=now())
            )

    def replace_text(self, paragraph_id: str, expected: str, content: str) -> bool:
        """Change the text from `expected` to `content`, and its audio back to PENDING.

        Gives False, and changes nothing, when the paragraph is completed, holds another
        text than `expected` by now, or is gone. The same text leaves the audio as it is.
        """
        with self._database.writing() as session:
            row = session.get(ParagraphRow, paragraph_id, with_for_update=True)
            if row is None or row.completed or row.content != expected:
                return False
            if content != expected:
                row.content = content
                row.audio_status = AudioStatus.PENDING
            return True

    def _list(self, condition: ColumnElement[bool]) -> list[Paragraph]:
        statement = (
            select(ParagraphRow)
            .join(PageRow, PageRow.id == ParagraphRow.page_id)
            .where(condition)
            .order_by(PageRow.page_number, ParagraphRow.order_index)
        )
        with self._database.reading() as session:
            return [record(row) for row in session.scalars(statement)]


def record(row: ParagraphRow) -> Paragraph:
    """The plain record of a row."""
    return Paragraph(
        id=row.id,
        page_id=row.page_id,
        book_id=row.book_id,
        order_index=row.order_index,
        content=row.content,
        completed=row.completed,
        audio_s3_key=row.audio_s3_key,
        audio_status=row.audio_status,
        audio_duration=row.audio_duration,
    )


def _locked(session: Session, paragraph_id: str) -> ParagraphRow:
    row = session.get(ParagraphRow, paragraph_id, with_for_update=True)
    if row is None:
        raise _not_found(paragraph_id)
    return row


def _not_found(paragraph_id: str) -> RecordNotFoundError:
    return RecordNotFoundError(f"Paragraph not found: {paragraph_id}")
