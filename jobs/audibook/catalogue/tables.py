"""The tables, with the names, columns and constraints of the original database."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Enum, Float, ForeignKey, Integer, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from .records import AudioStatus, BookStatus, FixType

__all__ = [
    "Base",
    "BookRow",
    "OriginalParagraphRow",
    "PageRow",
    "ParagraphRow",
    "TextCorrectionRow",
    "now",
]

_Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_Time = DateTime().with_variant(TIMESTAMP(precision=3), "postgresql")


def now() -> datetime:
    """The time in UTC without a zone, to the millisecond, as the columns keep it."""
    time = datetime.now(UTC).replace(tzinfo=None)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def _enum(kind: type[BookStatus] | type[AudioStatus] | type[FixType]) -> Enum:
    return Enum(
        kind, name=kind.__name__, values_callable=lambda members: [m.value for m in members]
    )


def _new_id() -> str:
    return str(uuid.uuid4())


class Base(DeclarativeBase):
    """Columns which every table has."""

    id: Mapped[str] = mapped_column(Text, primary_key=True, default=_new_id)
    created_at: Mapped[datetime] = mapped_column("createdAt", _Time, default=now)
    updated_at: Mapped[datetime] = mapped_column("updatedAt", _Time, default=now, onupdate=now)


class BookRow(Base):
    """One uploaded book."""

    __tablename__ = "books"

    title: Mapped[str] = mapped_column(Text)
    author: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text, default="he", server_default="he")
    uploaded_at: Mapped[datetime] = mapped_column("uploadedAt", _Time, default=now)
    s3_key: Mapped[str] = mapped_column("s3Key", Text, unique=True)
    status: Mapped[BookStatus] = mapped_column(
        _enum(BookStatus), default=BookStatus.PROCESSING, server_default=BookStatus.PROCESSING
    )
    total_pages: Mapped[int | None] = mapped_column("totalPages", Integer)
    total_paragraphs: Mapped[int | None] = mapped_column("totalParagraphs", Integer)
    processing_metadata: Mapped[Any | None] = mapped_column("processingMetadata", _Json)
    tts_model: Mapped[str | None] = mapped_column("ttsModel", Text)
    tts_voice: Mapped[str | None] = mapped_column("ttsVoice", Text)
    tts_settings: Mapped[Any | None] = mapped_column("ttsSettings", _Json)


class PageRow(Base):
    """One page: a document of the book, or a stretch between two page breaks."""

    __tablename__ = "pages"
    __table_args__ = (UniqueConstraint("bookId", "pageNumber"),)

    book_id: Mapped[str] = mapped_column(
        "bookId", Text, ForeignKey("books.id", ondelete="CASCADE"), index=True
    )
    page_number: Mapped[int] = mapped_column("pageNumber", Integer)
    source_chapter: Mapped[int | None] = mapped_column("sourceChapter", Integer)
    start_position: Mapped[int | None] = mapped_column("startPosition", Integer)
    end_position: Mapped[int | None] = mapped_column("endPosition", Integer)
    page_break_info: Mapped[Any | None] = mapped_column("pageBreakInfo", _Json)
    audio_s3_key: Mapped[str | None] = mapped_column("audioS3Key", Text)
    audio_status: Mapped[AudioStatus] = mapped_column(
        "audioStatus",
        _enum(AudioStatus),
        default=AudioStatus.PENDING,
        server_default=AudioStatus.PENDING,
        index=True,
    )
    audio_duration: Mapped[float | None] = mapped_column("audioDuration", Float(53))


class OriginalParagraphRow(Base):
    """The text of a paragraph as it was parsed."""

    __tablename__ = "original_paragraphs"

    page_id: Mapped[str] = mapped_column(
        "pageId", Text, ForeignKey("pages.id", ondelete="CASCADE"), index=True
    )
    content: Mapped[str] = mapped_column(Text)


class ParagraphRow(Base):
    """The text of a paragraph as it is to be spoken, and its audio."""

    __tablename__ = "paragraphs"
    __table_args__ = (UniqueConstraint("pageId", "orderIndex"),)

    page_id: Mapped[str] = mapped_column(
        "pageId", Text, ForeignKey("pages.id", ondelete="CASCADE"), index=True
    )
    book_id: Mapped[str] = mapped_column(
        "bookId", Text, ForeignKey("books.id", ondelete="CASCADE"), index=True
    )
    order_index: Mapped[int] = mapped_column("orderIndex", Integer)
    content: Mapped[str] = mapped_column(Text)
    original_paragraph_id: Mapped[str | None] = mapped_column(
        "originalParagraphId",
        Text,
        ForeignKey("original_paragraphs.id", ondelete="SET NULL"),
        index=True,
    )
    completed: Mapped[bool] = mapped_column(default=False, server_default="false", index=True)
    audio_s3_key: Mapped[str | None] = mapped_column("audioS3Key", Text)
    audio_status: Mapped[AudioStatus] = mapped_column(
        "audioStatus",
        _enum(AudioStatus),
        default=AudioStatus.PENDING,
        server_default=AudioStatus.PENDING,
        index=True,
    )
    audio_duration: Mapped[float | None] = mapped_column("audioDuration", Float(53))
    audio_generated_at: Mapped[datetime | None] = mapped_column("audioGeneratedAt", _Time)


class TextCorrectionRow(Base):
    """A word which a person corrected; the jobs never touch these but by cascade."""

    __tablename__ = "text_corrections"

    paragraph_id: Mapped[str] = mapped_column(
        "paragraphId", Text, ForeignKey("paragraphs.id", ondelete="CASCADE"), index=True
    )
    book_id: Mapped[str] = mapped_column(
        "bookId", Text, ForeignKey("books.id", ondelete="CASCADE"), index=True
    )
    original_word: Mapped[str] = mapped_column("originalWord", Text)
    corrected_word: Mapped[str] = mapped_column("correctedWord", Text)
    sentence_context: Mapped[str] = mapped_column("sentenceContext", Text)
    aggregation_key: Mapped[str] = mapped_column("aggregationKey", Text, index=True)
    fix_type: Mapped[FixType] = mapped_column(
        "fixType", _enum(FixType), default=FixType.DEFAULT, server_default=FixType.DEFAULT
    )
    tts_model: Mapped[str | None] = mapped_column("ttsModel", Text)
    tts_voice: Mapped[str | None] = mapped_column("ttsVoice", Text)
