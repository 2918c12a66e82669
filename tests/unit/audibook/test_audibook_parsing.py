"""`parse-epub` on real books and a real database."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.unit.audibook.studio import Studio, make_job

from audibook import (
    EpubError,
    InvalidJobDataError,
    ObjectNotFoundError,
    RecordNotFoundError,
    Settings,
    StorageError,
)
from audibook.catalogue import AudioStatus, BookStatus
from audibook.storage import DirectoryStorage

MakeEpub = Callable[..., Path]


async def test_parsing_saves_pages_and_paragraphs_and_gives_exactly_these_fields(
    studio: Studio, make_epub: MakeEpub
) -> None:
    registered = await studio.processor.library.register(
        make_epub("<h1>One</h1><p>A.</p>", "<p>B.</p>", title="The Title", author="Ann"),
        metadata={"diacriticsType": "simple"},
    )
    job = make_job()
    data = {"bookId": registered.id, "s3Key": registered.s3_key}
    result = await studio.processor.process_epub_parsing(data, job)
    duration = result.pop("duration")
    assert result == {"processed": True, "bookId": registered.id, "paragraphCount": 3}
    assert isinstance(duration, int)
    book = studio.catalogue.books.get(registered.id)
    assert (book.title, book.author, book.language) == ("The Title", "Ann", "en")
    assert (book.status, book.total_pages, book.total_paragraphs) == (BookStatus.READY, 2, 3)
    assert book.metadata["diacriticsType"] == "simple"
    assert book.metadata["averageParagraphsPerPage"] == 1.5
    assert job.progress == [10, 50, 90, 100]
    paragraphs = studio.catalogue.paragraphs.of_book(registered.id)
    assert [p.content for p in paragraphs] == ["One", "A.", "B."]
    assert [p.order_index for p in paragraphs] == [0, 1, 0]


@pytest.mark.parametrize(
    "name",
    ["א" * 125 + ".epub", "a" * 250 + ".epub", "b\udcff.epub", "c" * 190 + "ש" * 30 + ".epub"],
)
async def test_a_book_may_have_any_file_name(
    studio: Studio, make_epub: MakeEpub, name: str
) -> None:
    registered = await studio.processor.library.register(
        make_epub("<p>A.</p>", title="", name=name)
    )
    assert registered.s3_key.endswith(".epub")
    data = {"bookId": registered.id, "s3Key": registered.s3_key}
    assert (await studio.processor.process_epub_parsing(data))["paragraphCount"] == 1


async def test_parsing_twice_keeps_ids_corrections_and_audio(
    studio: Studio, make_epub: MakeEpub
) -> None:
    book = await studio.parsed(make_epub("<p>Same.</p>", "<h2>Head</h2><p>Old.</p>"))
    await studio.speak(book)
    before = studio.catalogue.paragraphs.of_book(book.id)
    data = {"bookId": book.id, "s3Key": book.s3_key}
    await studio.processor.process_epub_parsing(data)
    assert studio.catalogue.paragraphs.of_book(book.id) == before
    studio.storage.put_file(
        "raw/new.epub", make_epub("<p>Same.</p>", "<h2>Head</h2><p>New.</p>"), ""
    )
    await studio.processor.process_epub_parsing({**data, "s3Key": "raw/new.epub"})
    after = studio.catalogue.paragraphs.of_book(book.id)
    assert [p.id for p in after] == [p.id for p in before]
    assert after[:2] == before[:2]
    assert after[2].content == "New."
    assert (after[2].completed, after[2].audio_status) == (False, AudioStatus.PENDING)
    assert studio.storage.info(str(before[2].audio_s3_key)) is None


async def test_a_broken_book_fails_at_once_and_its_status_says_error(
    studio: Studio, tmp_path: Path
) -> None:
    (tmp_path / "broken.epub").write_bytes(b"not a zip")
    book = await studio.processor.library.register(tmp_path / "broken.epub")
    data = {"bookId": book.id, "s3Key": book.s3_key}
    with pytest.raises(EpubError, match="no complete zip archive"):
        await studio.processor.process_epub_parsing(data, make_job(attempts=3))
    assert studio.catalogue.books.get(book.id).status is BookStatus.ERROR


async def test_the_status_says_error_only_after_the_last_attempt(
    settings: Settings, make_epub: MakeEpub
) -> None:
    class Failing(DirectoryStorage):
        def fetch_file(self, key: str, path: Path) -> None:
            raise StorageError("The store is away.")

    studio = Studio(settings, storage=Failing(settings.storage_dir))
    book = await studio.processor.library.register(make_epub("<p>x</p>"))
    data = {"bookId": book.id, "s3Key": book.s3_key}
    for made, status in ((0, BookStatus.PROCESSING), (1, BookStatus.ERROR)):
        with pytest.raises(StorageError, match="away"):
            await studio.processor.process_epub_parsing(data, make_job(made=made, attempts=2))
        assert studio.catalogue.books.get(book.id).status is status
    studio.processor.close()


async def test_a_cancelled_parsing_leaves_the_book_in_the_status_it_had(
    studio: Studio, make_epub: MakeEpub
) -> None:
    book = await studio.processor.library.register(make_epub("<p>x</p>"))
    data = {"bookId": book.id, "s3Key": book.s3_key}
    books = studio.catalogue.books

    async def cancel_at_work() -> BookStatus:
        with anyio.CancelScope() as scope:
            job = make_job()
            job.updateProgress = lambda percent: scope.cancel()
            await studio.processor.process_epub_parsing(data, job)
        assert scope.cancelled_caught
        return books.get(book.id).status

    assert await cancel_at_work() is BookStatus.UPLOADING
    books.set_status(book.id, BookStatus.PROCESSING)  # by an attempt that was killed
    assert await cancel_at_work() is BookStatus.UPLOADING
    await studio.processor.process_epub_parsing(data)
    assert await cancel_at_work() is BookStatus.READY


async def test_unknown_books_objects_and_bad_data_are_named(
    studio: Studio, make_epub: MakeEpub
) -> None:
    run = studio.processor.process_job
    with pytest.raises(InvalidJobDataError, match="bookId is required"):
        await run("parse-epub", {"s3Key": "x"})
    with pytest.raises(RecordNotFoundError, match="Book not found: nobody"):
        await run("parse-epub", {"bookId": "nobody", "s3Key": "x"})
    with pytest.raises(RecordNotFoundError, match="Paragraph not found: p"):
        await run("generate-audio", {"bookId": "b", "paragraphId": "p"})
    with pytest.raises(RecordNotFoundError, match="Page not found: p"):
        await run("combine-page-audio", {"bookId": "b", "pageId": "p"})
    with pytest.raises(RecordNotFoundError, match="Book not found: b"):
        await run("combine-book", {"bookId": "b"})
    book = await studio.parsed(make_epub("<p>x</p>"))
    with pytest.raises(ObjectNotFoundError, match=r"'raw/gone\.epub'"):
        await run("parse-epub", {"bookId": book.id, "s3Key": "raw/gone.epub"})
    outline = await studio.processor.library.outline(book.id)
    with pytest.raises(RecordNotFoundError, match=f"belongs to book {book.id}"):
        await run("generate-audio", {"bookId": "other", "paragraphId": outline.paragraph_ids[0]})


async def test_a_follow_up_is_asked_for_hebrew_books_once_per_book(
    settings: Settings, make_epub: MakeEpub
) -> None:
    asked: list[tuple[str, Mapping[str, Any], str]] = []

    async def enqueue(name: str, data: Mapping[str, Any], deduplication_id: str) -> None:
        asked.append((name, data, deduplication_id))

    studio = Studio(settings, enqueue=enqueue)
    await studio.parsed(make_epub("<p>Hello there.</p>", name="en.epub"))
    hebrew = await studio.parsed(make_epub("<p>שלום עולם.</p>", language="he", name="he.epub"))
    simple = await studio.parsed(
        make_epub("<p>שלום.</p>", language="he", name="s.epub"),
        metadata={"diacriticsType": "simple"},
    )
    first = f"auto-advanced-diacritics-{hebrew.id}"
    second = f"auto-simple-diacritics-{simple.id}"
    assert asked == [
        ("add-advanced-diacritics", {"bookId": hebrew.id, "correlationId": first}, first),
        ("add-simple-diacritics", {"bookId": simple.id, "correlationId": second}, second),
    ]
    studio.processor.close()


@pytest.mark.parametrize(
    ("told", "text", "language", "follow_ups"),
    [
        ("en-US", "שלום עולם.", "he", 1),
        ("C", "שלום עולם.", "he", 1),
        ("heb", "שלום עולם.", "heb", 1),
        ("yi", "אַ גוטן טאָג.", "yi", 0),
        ("en", "Hello world, שלום.", "en", 0),
    ],
)
async def test_a_book_in_hebrew_letters_is_hebrew_whatever_it_says(
    settings: Settings, make_epub: MakeEpub, told: str, text: str, language: str, follow_ups: int
) -> None:
    asked: list[str] = []

    async def enqueue(name: str, data: Mapping[str, Any], deduplication_id: str) -> None:
        asked.append(name)

    studio = Studio(settings, enqueue=enqueue)
    book = await studio.parsed(make_epub(f"<p>{text}</p>", language=told))
    assert (book.language, len(asked)) == (language, follow_ups)
    studio.processor.close()


async def test_a_follow_up_that_cannot_be_added_does_not_fail_the_parsing(
    settings: Settings, make_epub: MakeEpub
) -> None:
    async def enqueue(name: str, data: Mapping[str, Any], deduplication_id: str) -> None:
        raise ConnectionError("the queue is away")

    studio = Studio(settings, enqueue=enqueue)
    book = await studio.parsed(make_epub("<p>שלום עולם.</p>", language="he"))
    assert book.status is BookStatus.READY
    studio.processor.close()


async def test_how_a_job_ended_is_left_to_its_worker_to_log(
    studio: Studio, make_epub: MakeEpub, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="audibook"):
        book = await studio.parsed(make_epub("<p>Hello there.</p>"))
        with pytest.raises(ObjectNotFoundError):
            await studio.processor.process_epub_parsing({"bookId": book.id, "s3Key": "none"})
    told = [record.getMessage() for record in caplog.records]
    assert told.count("job started") == 2
    assert not [line for line in told if line.startswith(("job failed", "job finished"))]
