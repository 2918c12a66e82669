"""The sample book, and books from outside the jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from audibook import JobProcessor, RecordNotFoundError, Settings, sample_book
from audibook.catalogue import BookStatus
from audibook.epub import read_epub
from audibook.sample.build import build
from audibook.worker import AudiobookWorker


def test_the_sample_is_what_its_builder_makes(tmp_path: Path) -> None:
    build(tmp_path / "built.epub")
    assert (tmp_path / "built.epub").read_bytes() == sample_book().read_bytes()


def test_the_sample_has_chapters_paragraphs_and_an_author() -> None:
    book = read_epub(sample_book())
    assert len(book.pages) >= 3
    assert book.paragraph_count >= 20
    assert (book.metadata.title, book.metadata.language) == ("The Lamp at Gull Point", "en")
    assert book.metadata.author


async def test_the_same_file_is_registered_once(settings: Settings, tmp_path: Path) -> None:
    with JobProcessor(settings) as processor:
        first = await processor.library.register(sample_book(), tts_model="tone")
        again = await processor.library.register(sample_book())
        assert first.new and not again.new
        assert (again.id, again.s3_key) == (first.id, first.s3_key)
        assert first.s3_key.startswith("raw/")
        assert first.s3_key.endswith("-the-lamp-at-gull-point.epub")


async def test_a_file_that_is_no_epub_is_registered_by_its_name(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "strange.epub").write_bytes(b"?")
    with JobProcessor(settings) as processor:
        registered = await processor.library.register(tmp_path / "strange.epub")
        outline = await processor.library.outline(registered.id)
    assert (outline.title, outline.pages) == ("strange", [])


async def test_the_outline_is_in_reading_order(settings: Settings) -> None:
    with JobProcessor(settings) as processor:
        book = await processor.library.register(sample_book())
        await processor.process_epub_parsing({"bookId": book.id, "s3Key": book.s3_key})
        outline = await processor.library.outline(book.id)
        assert [page.number for page in outline.pages] == [1, 2, 3, 4]
        assert outline.pages[0].title == "The Letter"
        assert len(outline.page_ids) == 4
        assert len(set(outline.paragraph_ids)) == len(outline.paragraph_ids) == 23
        with pytest.raises(RecordNotFoundError):
            await processor.library.outline("nobody")


async def test_the_worker_runs_jobs_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setenv("AUDIBOOK_DATA_DIR", str(settings.data_dir))
    with JobProcessor(settings) as processor:
        book = await processor.library.register(sample_book())

        class Job:
            name = "parse-epub"
            data = {"bookId": book.id, "s3Key": book.s3_key}

        worker = AudiobookWorker()
        result = await worker(Job(), "token")
        await worker.aclose()
        assert result["paragraphCount"] == 23
        outline = await processor.library.outline(book.id)
        assert len(outline.pages) == 4
        assert BookStatus.READY.value == "READY"
