"""The pages of the catalogue and their audio."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audibook.errors import RecordNotFoundError

from .books import as_object
from .database import Database
from .records import AudioStatus, Page
from .tables import PageRow, now

__all__ = ["Pages"]


class Pages:
    """Reads rows of `pages` and keeps the state of their audio."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, page_id: str) -> Page:
        """The page with this id; raises RecordNotFoundError when there is none."""
        with self._database.reading() as session:
            row = session.get(PageRow, page_id)
            if row is None:
                raise _not_found(page_id)
            return record(row)

    def of_book(self, book_id: str) -> list[Page]:
        """The book's pages by page number."""
        statement = select(PageRow).where(PageRow.book_id == book_id).order_by(PageRow.page_number)
        with self._database.reading() as session:
            return [record(row) for row in session.scalars(statement)]

    def start_audio(self, page_id: str) -> None:
        """Mark the page's audio as being made."""
        with self._database.writing() as session:
            _locked(session, page_id).audio_status = AudioStatus.GENERATING

    def finish_audio(self, page_id: str, key: str, seconds: float) -> str | None:
        """Point the page to finished audio; gives the key it pointed to before, if another."""
        with self._database.writing() as session:
            row = _locked(session, page_id)
            previous = row.audio_s3_key
            row.audio_s3_key = key
            row.audio_duration = seconds
            row.audio_status = AudioStatus.READY
            return previous if previous != key else None

    def stop_audio(self, page_id: str, status: AudioStatus) -> None:
        """Leave GENERATING for `status`; a page in another state is left as it is."""
        with self._database.writing() as session:
            session.execute(
                update(PageRow)
                .where(PageRow.id == page_id, PageRow.audio_status == AudioStatus.GENERATING)
                .values(audio_status=status, updated_at=now())
            )


def record(row: PageRow) -> Page:
    """The plain record of a row."""
    info = as_object(row.page_break_info)
    title = info.get("title")
    return Page(
        id=row.id,
        book_id=row.book_id,
        page_number=row.page_number,
        source_chapter=row.source_chapter,
        title=title if isinstance(title, str) else None,
        chapters=_chapters(info.get("chapters")),
        audio_s3_key=row.audio_s3_key,
        audio_status=row.audio_status,
        audio_duration=row.audio_duration,
    )


def _chapters(value: object) -> list[tuple[int, str]] | None:
    """The chapters that begin on a page; None where they are not written as this program does."""
    if not isinstance(value, list):
        return None
    read = [
        (entry[0], entry[1])
        for entry in value
        if isinstance(entry, list) and list(map(type, entry)) == [int, str]
    ]
    return read if len(read) == len(value) else None


def _locked(session: Session, page_id: str) -> PageRow:
    row = session.get(PageRow, page_id, with_for_update=True)
    if row is None:
        raise _not_found(page_id)
    return row


def _not_found(page_id: str) -> RecordNotFoundError:
    return RecordNotFoundError(f"Page not found: {page_id}")
