"""`combine-page-audio` and `combine-book` on real audio."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mutagen.mp4 import MP4
from tests.unit.audibook.packages import item, packaged
from tests.unit.audibook.studio import Studio, make_job

from audibook import NotReadyError
from audibook.audio import MP3_PARAGRAPH, encoding
from audibook.audio.ffmpeg import run_ffmpeg
from audibook.catalogue import AudioStatus, Book

MakeEpub = Callable[..., Path]


async def _store_paragraph(studio: Studio, ffmpeg: Path, at: Path, book: Book, seconds: float,
                           order: int) -> None:  # fmt: skip
    paragraph = studio.catalogue.paragraphs.of_book(book.id)[order]
    async with encoding(ffmpeg, at / "p.mp3", MP3_PARAGRAPH, 16_000) as encoder:
        await encoder.pause(seconds)
    key = f"audio/{book.id}/{paragraph.id}_1.mp3"
    studio.storage.put_file(key, at / "p.mp3", "audio/mpeg")
    studio.catalogue.paragraphs.start_audio(paragraph.id)
    studio.catalogue.paragraphs.finish_audio(paragraph.id, paragraph.content, key, seconds)


async def test_a_page_is_the_sum_of_its_paragraphs(
    studio: Studio, make_epub: MakeEpub, ffmpeg: Path, tmp_path: Path
) -> None:
    book = await studio.parsed(make_epub("<h1>One</h1><h2>Two</h2><h3>Three</h3>"))
    await _store_paragraph(studio, ffmpeg, tmp_path, book, 3.5, 0)
    await _store_paragraph(studio, ffmpeg, tmp_path, book, 2.0, 1)
    job = make_job()
    (page,) = studio.catalogue.pages.of_book(book.id)
    data = {"pageId": page.id, "bookId": book.id}
    result = await studio.processor.process_page_audio_combination(data, job)
    assert result.pop("duration") >= 0
    key = result.pop("s3Key")
    assert key.startswith(f"books/{book.id}/pages/page-1-")
    assert result == {
        "processed": True,
        "pageId": page.id,
        "pageNumber": 1,
        "bookId": book.id,
        "totalDuration": 5.5,
        "paragraphCount": 2,
    }
    assert await studio.seconds(ffmpeg, key) == pytest.approx(5.5, abs=0.1)
    assert studio.catalogue.pages.get(page.id).audio_status is AudioStatus.READY
    assert job.progress[-1] == 100 and job.progress == sorted(job.progress)
    assert job.lines == ["1 completed paragraphs have no ready audio; left out."]


async def test_a_page_can_insist_on_all_its_completed_paragraphs(
    studio: Studio, make_epub: MakeEpub, ffmpeg: Path, tmp_path: Path
) -> None:
    book = await studio.parsed(make_epub("<h1>One</h1><h2>Two</h2>"))
    await _store_paragraph(studio, ffmpeg, tmp_path, book, 1.0, 0)
    with pytest.raises(NotReadyError, match="of page 1 without audio: 1; run generate-audio"):
        await studio.combine(book, requireAll=True)
    await _store_paragraph(studio, ffmpeg, tmp_path, book, 1.0, 1)
    (result,) = await studio.combine(book, requireAll=True)
    assert result["paragraphCount"] == 2


async def test_only_completed_paragraphs_go_into_a_page(
    studio: Studio, make_epub: MakeEpub
) -> None:
    registered = await studio.processor.library.register(make_epub("<p>Words.</p>"))
    await studio.processor.process_epub_parsing(
        {"bookId": registered.id, "s3Key": registered.s3_key}
    )
    book = studio.catalogue.books.get(registered.id)
    await studio.speak(book)
    with pytest.raises(NotReadyError, match="No completed paragraphs with audio found for page 1"):
        await studio.combine(book)
    (page,) = studio.catalogue.pages.of_book(book.id)
    assert page.audio_status is AudioStatus.ERROR
    assert await studio.processor.library.approve(book.id) == 1
    await studio.combine(book)


async def test_a_whole_book_becomes_one_m4b(
    studio: Studio, make_epub: MakeEpub, tmp_path: Path, cover_png: bytes
) -> None:
    chapters = [f"<h1>Chapter {n}</h1><p>Some words to say.</p>" for n in (1, 2, 3)]
    book = await studio.parsed(make_epub(*chapters, title="Words", cover_png=cover_png))
    with pytest.raises(NotReadyError, match=r"Pages without ready audio: 1, 2, 3;"):
        await studio.processor.process_book_combination({"bookId": book.id})
    with pytest.raises(NotReadyError, match="run combine-book"):
        await studio.processor.library.fetch_audiobook(book.id, tmp_path / "out.m4b")
    spoken = await studio.speak(book)
    pages = await studio.combine(book)
    total = sum(page["totalDuration"] for page in pages)
    assert total == pytest.approx(sum(part["duration"] for part in spoken), abs=0.1)
    job = make_job()
    result = await studio.processor.process_book_combination({"bookId": book.id}, job)
    assert (result["pageCount"], result["chapterCount"]) == (3, 3)
    assert result["totalDuration"] == pytest.approx(total + 2 * 1.5, abs=0.1)
    assert job.progress[-1] == 100 and len(job.progress) >= 4
    target = tmp_path / "out" / "book.m4b"
    seconds = await studio.processor.library.fetch_audiobook(book.id, target)
    assert seconds == pytest.approx(result["totalDuration"], abs=0.001)
    file: Any = MP4(target)  # type: ignore[no-untyped-call]
    assert file.info.length == pytest.approx(result["totalDuration"], abs=0.1)
    assert [chapter.title for chapter in file.chapters] == ["Part 1", "Part 2", "Part 3"]
    starts = [chapter.start for chapter in file.chapters]
    assert starts[1] == pytest.approx(pages[0]["totalDuration"] + 1.5, abs=0.01)
    assert file.tags["\xa9nam"] == ["Words"]
    assert file.tags["\xa9ART"] == ["An Author"]
    assert bytes(file.tags["covr"][0]) == cover_png


async def test_chapters_within_one_document_are_chapters_of_the_m4b(
    studio: Studio, make_epub: MakeEpub, tmp_path: Path
) -> None:
    text = f"<p>{'Words of it. ' * 6}</p>"
    body = f"<h1>Storm</h1>{text}<hr/>{text}<h1>Calm</h1>{text}"
    epub = make_epub(body, "<p>The end.</p>")
    book = await studio.parsed(epub, metadata={"parsingMethod": "page-based"})
    await studio.speak(book)
    assert len(await studio.combine(book)) == 4
    await studio.processor.process_book_combination({"bookId": book.id})
    target = tmp_path / "book.m4b"
    await studio.processor.library.fetch_audiobook(book.id, target)
    file: Any = MP4(target)  # type: ignore[no-untyped-call]
    assert [chapter.title for chapter in file.chapters] == ["Part 1", "Calm", "Part 2"]


@pytest.mark.parametrize(
    "cover", [b"RIFF....WEBPVP8 ", b"ffconcat version 1.0", b"", b"\x89PNG\r\n\x1a\ncut off"]
)
async def test_a_cover_that_is_no_picture_costs_only_itself(
    studio: Studio, make_epub: MakeEpub, cover_png: bytes, tmp_path: Path, cover: bytes
) -> None:
    path = make_epub("<p>Words.</p>", cover_png=cover_png, files={"EPUB/cover.png": cover})
    book = await studio.parsed(path)
    await studio.speak(book)
    await studio.combine(book)
    job = make_job()
    result = await studio.processor.process_book_combination({"bookId": book.id}, job)
    (line,) = job.lines
    assert line.startswith("The audiobook has no cover: ")
    studio.storage.fetch_file(result["s3Key"], tmp_path / "book.m4b")
    file: Any = MP4(tmp_path / "book.m4b")  # type: ignore[no-untyped-call]
    assert file.info.length == pytest.approx(result["totalDuration"], abs=0.1)
    assert "covr" not in file.tags and file.tags["\xa9nam"] == ["A Book"]


async def test_chapters_without_titles_are_called_by_number_in_the_language_of_the_book(
    studio: Studio, make_epub: MakeEpub, tmp_path: Path
) -> None:
    language = b"<metadata><language>he-IL</language>"
    package = packaged('<spine><itemref idref="a"/><itemref idref="b"/></spine>',
                       item("a", "a.xhtml") + item("b", "b.xhtml"))  # fmt: skip
    files = {
        "EPUB/package.opf": re.sub(b"<metadata[^>]*>", language, package),
        "EPUB/a.xhtml": "<html><body><p>בית על ההר.</p></body></html>".encode(),
        "EPUB/b.xhtml": "<html><body><p>סוף.</p></body></html>".encode(),
    }
    book = await studio.parsed(make_epub(files=files))
    await studio.speak(book)
    await studio.combine(book)
    await studio.processor.process_book_combination({"bookId": book.id})
    target = tmp_path / "book.m4b"
    await studio.processor.library.fetch_audiobook(book.id, target)
    file: Any = MP4(target)  # type: ignore[no-untyped-call]
    assert [chapter.title for chapter in file.chapters] == ["פרק 1", "פרק 2"]


@pytest.mark.parametrize("kind", ["gif", "webp"])
async def test_a_cover_of_a_kind_that_m4b_does_not_know_becomes_a_jpeg(
    studio: Studio, make_epub: MakeEpub, cover_png: bytes, ffmpeg: Path, tmp_path: Path, kind: str
) -> None:
    source, cover = tmp_path / "cover.png", tmp_path / f"cover.{kind}"
    source.write_bytes(cover_png)
    await run_ffmpeg(ffmpeg, ["-i", str(source), str(cover)])
    package = packaged(
        '<spine><itemref idref="x"/></spine>',
        '<item id="x" href="x.xhtml" media-type="application/xhtml+xml"/>'
        f'<item id="c" href="c.{kind}" media-type="image/{kind}" properties="cover-image"/>',
    )
    page = b"<html><body><p>Words.</p></body></html>"
    files = {"EPUB/package.opf": package, "EPUB/x.xhtml": page}
    path = make_epub(files={**files, f"EPUB/c.{kind}": cover.read_bytes()})
    book = await studio.parsed(path)
    await studio.speak(book)
    await studio.combine(book)
    result = await studio.processor.process_book_combination({"bookId": book.id})
    studio.storage.fetch_file(result["s3Key"], tmp_path / "book.m4b")
    file: Any = MP4(tmp_path / "book.m4b")  # type: ignore[no-untyped-call]
    assert bytes(file.tags["covr"][0]).startswith(b"\xff\xd8\xff")


async def test_a_finished_page_and_book_are_left_alone_when_asked_to(
    studio: Studio, make_epub: MakeEpub
) -> None:
    book = await studio.parsed(make_epub("<p>Some words.</p>", "<p>More words.</p>"))
    await studio.speak(book)
    pages = [page["s3Key"] for page in await studio.combine(book, skipReady=True)]
    combine = studio.processor.process_book_combination
    whole = await combine({"bookId": book.id, "skipReady": True})
    assert [page["s3Key"] for page in await studio.combine(book, skipReady=True)] == pages
    assert (await combine({"bookId": book.id, "skipReady": True}))["s3Key"] == whole["s3Key"]
    outline = await studio.processor.library.outline(book.id)
    await studio.processor.process_audio_generation(
        {"paragraphId": outline.paragraph_ids[0], "bookId": book.id}
    )
    again = [page["s3Key"] for page in await studio.combine(book, skipReady=True)]
    assert again[0] != pages[0] and again[1] == pages[1]
    other = await combine({"bookId": book.id, "skipReady": True})
    assert list(studio.storage.keys(f"books/{book.id}/book-")) == [other["s3Key"]]
    assert list(studio.storage.keys(f"books/{book.id}/pages/")) == sorted(again)


async def test_a_worker_calls_the_processor_with_its_job(
    studio: Studio, make_epub: MakeEpub
) -> None:
    registered = await studio.processor.library.register(make_epub("<p>Words.</p>"))
    data = {"jobId": "7", "data": {"bookId": registered.id, "s3Key": registered.s3_key}}
    result = await studio.processor(make_job("parse-epub", data), "token")
    assert result["paragraphCount"] == 1


async def test_audio_that_is_made_again_while_it_is_joined_is_worth_another_attempt(
    studio: Studio, make_epub: MakeEpub
) -> None:
    book = await studio.parsed(make_epub("<p>One.</p>"))
    (spoken,) = await studio.speak(book)
    studio.storage.delete(spoken["s3Key"])
    with pytest.raises(NotReadyError, match="is gone: it was made again or removed"):
        await studio.combine(book)
