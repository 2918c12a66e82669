"""The jobs on real books, real audio and a real database, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from mutagen.mp4 import MP4

from audibook import (
    EpubError,
    InvalidJobDataError,
    JobProcessor,
    NotReadyError,
    ObjectNotFoundError,
    RecordNotFoundError,
    Settings,
    SpeechServiceError,
    SpeechSetupError,
    StorageError,
    TextChangedError,
    UnspeakableTextError,
)
from audibook.audio import MP3_PARAGRAPH, decoded, encoding
from audibook.catalogue import AudioStatus, Book, BookStatus, Catalogue
from audibook.speech import SpeechRegistry, ToneEngine, VoiceSettings
from audibook.storage import DirectoryStorage

MakeEpub = Callable[..., Path]


def _job(name: str = "", data: object = None, made: int = 0, attempts: int = 1) -> SimpleNamespace:
    """A worker's job, which keeps what is reported to it."""
    progress: list[float] = []
    lines: list[str] = []

    async def report(value: float) -> None:
        progress.append(value)

    return SimpleNamespace(
        id="7",
        name=name,
        data=data,
        attemptsMade=made,
        opts={"attempts": attempts},
        updateProgress=report,
        log=lines.append,
        progress=progress,
        lines=lines,
    )


class _Studio:
    """A processor with its storage and catalogue at hand."""

    def __init__(self, settings: Settings, **given: Any) -> None:
        self.storage: DirectoryStorage = given.pop("storage", None) or DirectoryStorage(
            settings.storage_dir
        )
        self.catalogue = Catalogue(settings.catalogue_url)
        self.processor = JobProcessor(
            settings, storage=self.storage, catalogue=self.catalogue, **given
        )

    async def parsed(self, epub: Path, **about: Any) -> Book:
        """Register and parse a book, and approve its text."""
        book = await self.processor.library.register(epub, **about)
        await self.processor.process_epub_parsing({"bookId": book.id, "s3Key": book.s3_key})
        await self.processor.library.approve(book.id)
        return self.catalogue.books.get(book.id)

    async def speak(self, book: Book, **options: Any) -> list[dict[str, Any]]:
        outline = await self.processor.library.outline(book.id)
        return [
            await self.processor.process_audio_generation(
                {"paragraphId": paragraph, "bookId": book.id, **options}
            )
            for paragraph in outline.paragraph_ids
        ]

    async def combine(self, book: Book, **options: Any) -> list[dict[str, Any]]:
        outline = await self.processor.library.outline(book.id)
        return [
            await self.processor.process_page_audio_combination(
                {"pageId": page, "bookId": book.id, **options}
            )
            for page in outline.page_ids
        ]

    async def seconds(self, ffmpeg: Path, key: str) -> float:
        pieces = decoded(ffmpeg, self.storage.path(key), 22_050)
        return sum([len(piece) async for piece in pieces]) / 2 / 22_050


@pytest.fixture
def studio(settings: Settings) -> Iterator[_Studio]:
    made = _Studio(settings)
    yield made
    made.processor.close()
    assert list(settings.work_dir.glob("*")) == [], "temporary files were left behind"


async def test_parsing_saves_pages_and_paragraphs_and_gives_exactly_these_fields(
    studio: _Studio, make_epub: MakeEpub
) -> None:
    registered = await studio.processor.library.register(
        make_epub("<h1>One</h1><p>A.</p>", "<p>B.</p>", title="The Title", author="Ann"),
        metadata={"diacriticsType": "simple"},
    )
    job = _job()
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


async def test_parsing_twice_keeps_ids_corrections_and_audio(
    studio: _Studio, make_epub: MakeEpub
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
    studio: _Studio, tmp_path: Path
) -> None:
    (tmp_path / "broken.epub").write_bytes(b"not a zip")
    book = await studio.processor.library.register(tmp_path / "broken.epub")
    data = {"bookId": book.id, "s3Key": book.s3_key}
    with pytest.raises(EpubError, match="no complete zip archive"):
        await studio.processor.process_epub_parsing(data, _job(attempts=3))
    assert studio.catalogue.books.get(book.id).status is BookStatus.ERROR


async def test_the_status_says_error_only_after_the_last_attempt(
    settings: Settings, make_epub: MakeEpub
) -> None:
    class Failing(DirectoryStorage):
        def fetch_file(self, key: str, path: Path) -> None:
            raise StorageError("The store is away.")

    studio = _Studio(settings, storage=Failing(settings.storage_dir))
    book = await studio.processor.library.register(make_epub("<p>x</p>"))
    data = {"bookId": book.id, "s3Key": book.s3_key}
    for made, status in ((0, BookStatus.PROCESSING), (1, BookStatus.ERROR)):
        with pytest.raises(StorageError, match="away"):
            await studio.processor.process_epub_parsing(data, _job(made=made, attempts=2))
        assert studio.catalogue.books.get(book.id).status is status
    studio.processor.close()


async def test_unknown_books_objects_and_bad_data_are_named(
    studio: _Studio, make_epub: MakeEpub
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

    studio = _Studio(settings, enqueue=enqueue)
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


async def test_a_follow_up_that_cannot_be_added_does_not_fail_the_parsing(
    settings: Settings, make_epub: MakeEpub
) -> None:
    async def enqueue(name: str, data: Mapping[str, Any], deduplication_id: str) -> None:
        raise ConnectionError("the queue is away")

    studio = _Studio(settings, enqueue=enqueue)
    book = await studio.parsed(make_epub("<p>שלום עולם.</p>", language="he"))
    assert book.status is BookStatus.READY
    studio.processor.close()


async def test_a_paragraph_is_spoken_stored_and_measured(
    studio: _Studio, make_epub: MakeEpub, ffmpeg: Path
) -> None:
    book = await studio.parsed(make_epub("<p>" + "Some words to be spoken. " * 4 + "</p>"))
    (result,) = await studio.speak(book, content="another text, only logged")
    (paragraph,) = studio.catalogue.paragraphs.of_book(book.id)
    assert set(result) == {"processed", "paragraphId", "duration", "s3Key", "processingTime"}
    assert result["s3Key"].startswith(f"audio/{book.id}/{paragraph.id}_")
    assert result["s3Key"].endswith(".mp3")
    assert paragraph.audio_status is AudioStatus.READY
    assert paragraph.audio_s3_key == result["s3Key"]
    info = studio.storage.info(result["s3Key"])
    assert info is not None and info.content_type == "audio/mpeg"
    measured = await studio.seconds(ffmpeg, result["s3Key"])
    assert measured == pytest.approx(result["duration"], abs=0.02)
    assert measured == pytest.approx(len(paragraph.content) / 15, rel=0.1)


async def test_speaking_again_replaces_the_old_audio(studio: _Studio, make_epub: MakeEpub) -> None:
    book = await studio.parsed(make_epub("<p>Words.</p>"))
    (first,) = await studio.speak(book)
    (second,) = await studio.speak(book)
    assert first["s3Key"] != second["s3Key"]
    assert list(studio.storage.keys("audio/")) == [second["s3Key"]]


async def test_ready_audio_is_left_alone_when_asked_to(
    studio: _Studio, make_epub: MakeEpub
) -> None:
    book = await studio.parsed(make_epub("<p>Words.</p>"))
    (first,) = await studio.speak(book, skipReady=True)
    (again,) = await studio.speak(book, skipReady=True)
    assert again["s3Key"] == first["s3Key"]
    assert again["duration"] == first["duration"]
    studio.storage.delete(first["s3Key"])
    (restored,) = await studio.speak(book, skipReady=True)
    assert restored["s3Key"] != first["s3Key"]
    await studio.processor.process_epub_parsing({"bookId": book.id, "s3Key": book.s3_key})
    studio.catalogue.books.describe(book.id, language="en-GB")
    (other,) = await studio.speak(book, skipReady=True)
    assert other["s3Key"] != restored["s3Key"], "the language changed, so must the audio"


async def test_a_row_of_asterisks_is_a_pause(
    studio: _Studio, make_epub: MakeEpub, ffmpeg: Path
) -> None:
    book = await studio.parsed(make_epub("<h2>* * *</h2>"))
    (result,) = await studio.speak(book)
    assert result["duration"] == 1.0


async def test_a_model_that_does_not_exist_fails_the_paragraph_for_good(
    studio: _Studio, make_epub: MakeEpub
) -> None:
    book = await studio.parsed(make_epub("<p>Words.</p>"), tts_model="parrot")
    (paragraph,) = studio.catalogue.paragraphs.of_book(book.id)
    data = {"paragraphId": paragraph.id, "bookId": book.id}
    with pytest.raises(SpeechSetupError, match="no speech model 'parrot'"):
        await studio.processor.process_audio_generation(data, _job(attempts=5))
    assert studio.catalogue.paragraphs.get(paragraph.id).audio_status is AudioStatus.ERROR


async def test_an_engine_that_gives_silence_fails_the_paragraph(
    settings: Settings, make_epub: MakeEpub
) -> None:
    class Silent(ToneEngine):
        def speak(self, text: str, voice: str | None, settings: VoiceSettings) -> Iterator[bytes]:
            yield b""

    studio = _Studio(settings, speech=SpeechRegistry({"tone": Silent}))
    book = await studio.parsed(make_epub("<p>Words that nobody hears.</p>"))
    with pytest.raises(UnspeakableTextError, match=r"gave 0.0 s of audio"):
        await studio.speak(book)
    assert list(studio.storage.keys("audio/")) == []
    studio.processor.close()


async def test_the_voice_and_settings_of_the_book_reach_the_engine(
    settings: Settings, make_epub: MakeEpub
) -> None:
    heard: list[tuple[str | None, VoiceSettings]] = []

    class Listening(ToneEngine):
        def speak(self, text: str, voice: str | None, settings: VoiceSettings) -> Iterator[bytes]:
            heard.append((voice, settings))
            return super().speak(text, voice, settings)

    studio = _Studio(settings, speech=SpeechRegistry({"own": Listening}))
    book = await studio.parsed(
        make_epub("<p>Words.</p>"),
        tts_model="own",
        tts_voice="soft",
        tts_settings={"rate": "-10%"},
    )
    await studio.speak(book)
    assert heard == [("soft", VoiceSettings(rate=-10))]
    studio.processor.close()


async def test_a_failed_attempt_leaves_the_old_audio_in_place(
    settings: Settings, make_epub: MakeEpub
) -> None:
    class Flaky(ToneEngine):
        broken = False

        def speak(self, text: str, voice: str | None, settings: VoiceSettings) -> Iterator[bytes]:
            if self.broken:
                raise SpeechServiceError("The service is away.")
            return super().speak(text, voice, settings)

    engine = Flaky()
    studio = _Studio(settings, speech=SpeechRegistry({"tone": lambda: engine}))
    book = await studio.parsed(make_epub("<p>Words.</p>"))
    (first,) = await studio.speak(book)
    engine.broken = True
    (paragraph,) = studio.catalogue.paragraphs.of_book(book.id)
    data = {"paragraphId": paragraph.id, "bookId": book.id}
    for made, status in ((0, AudioStatus.READY), (1, AudioStatus.ERROR)):
        with pytest.raises(SpeechServiceError):
            await studio.processor.process_audio_generation(data, _job(made=made, attempts=2))
        row = studio.catalogue.paragraphs.get(paragraph.id)
        assert (row.audio_status, row.audio_s3_key) == (status, first["s3Key"])
    assert studio.storage.info(first["s3Key"]) is not None
    studio.processor.close()


async def test_text_edited_while_it_is_spoken_is_not_marked_ready(
    settings: Settings, make_epub: MakeEpub
) -> None:
    class Slow(ToneEngine):
        def speak(self, text: str, voice: str | None, settings: VoiceSettings) -> Iterator[bytes]:
            yield from super().speak(text, voice, settings)
            studio.catalogue.paragraphs.replace_text(paragraph.id, "Words.", "Other words.")

    studio = _Studio(settings, speech=SpeechRegistry({"tone": Slow}))
    registered = await studio.processor.library.register(make_epub("<p>Words.</p>"))
    await studio.processor.process_epub_parsing(
        {"bookId": registered.id, "s3Key": registered.s3_key}
    )
    (paragraph,) = studio.catalogue.paragraphs.of_book(registered.id)
    with pytest.raises(TextChangedError, match="was edited"):
        await studio.processor.process_audio_generation(
            {"paragraphId": paragraph.id, "bookId": registered.id}, _job(attempts=2)
        )
    row = studio.catalogue.paragraphs.get(paragraph.id)
    assert (row.audio_status, row.audio_s3_key) == (AudioStatus.PENDING, None)
    assert list(studio.storage.keys("audio/")) == []
    studio.processor.close()


@pytest.mark.parametrize("way", ["scope", "task"])
async def test_a_cancelled_job_leaves_neither_files_nor_the_status_generating(
    settings: Settings, make_epub: MakeEpub, way: str
) -> None:
    speaking = anyio.Event()
    loop = asyncio.get_running_loop()

    class Endless(ToneEngine):
        def speak(self, text: str, voice: str | None, settings: VoiceSettings) -> Iterator[bytes]:
            loop.call_soon_threadsafe(speaking.set)
            while True:
                yield bytes(4800)

    studio = _Studio(settings, speech=SpeechRegistry({"tone": Endless}))
    book = await studio.parsed(make_epub("<p>Words.</p>"))
    (paragraph,) = studio.catalogue.paragraphs.of_book(book.id)
    data = {"paragraphId": paragraph.id, "bookId": book.id}
    with anyio.fail_after(20):
        if way == "scope":
            async with anyio.create_task_group() as group:
                group.start_soon(studio.processor.process_audio_generation, data)
                await speaking.wait()
                group.cancel_scope.cancel()
        else:
            task = asyncio.create_task(studio.processor.process_audio_generation(data))
            await speaking.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert studio.catalogue.paragraphs.get(paragraph.id).audio_status is AudioStatus.PENDING
    assert list(settings.work_dir.glob("*")) == []
    studio.processor.close()


async def _store_paragraph(studio: _Studio, ffmpeg: Path, at: Path, book: Book, seconds: float,
                           order: int) -> None:  # fmt: skip
    paragraph = studio.catalogue.paragraphs.of_book(book.id)[order]
    async with encoding(ffmpeg, at / "p.mp3", MP3_PARAGRAPH, 16_000) as encoder:
        await encoder.pause(seconds)
    key = f"audio/{book.id}/{paragraph.id}_1.mp3"
    studio.storage.put_file(key, at / "p.mp3", "audio/mpeg")
    studio.catalogue.paragraphs.start_audio(paragraph.id)
    studio.catalogue.paragraphs.finish_audio(paragraph.id, paragraph.content, key, seconds)


async def test_a_page_is_the_sum_of_its_paragraphs(
    studio: _Studio, make_epub: MakeEpub, ffmpeg: Path, tmp_path: Path
) -> None:
    book = await studio.parsed(make_epub("<h1>One</h1><h2>Two</h2><h3>Three</h3>"))
    await _store_paragraph(studio, ffmpeg, tmp_path, book, 3.5, 0)
    await _store_paragraph(studio, ffmpeg, tmp_path, book, 2.0, 1)
    job = _job()
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


async def test_only_completed_paragraphs_go_into_a_page(
    studio: _Studio, make_epub: MakeEpub
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
    studio: _Studio, make_epub: MakeEpub, tmp_path: Path, cover_png: bytes
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
    job = _job()
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


async def test_a_finished_page_and_book_are_left_alone_when_asked_to(
    studio: _Studio, make_epub: MakeEpub
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
    studio: _Studio, make_epub: MakeEpub
) -> None:
    registered = await studio.processor.library.register(make_epub("<p>Words.</p>"))
    data = {"jobId": "7", "data": {"bookId": registered.id, "s3Key": registered.s3_key}}
    result = await studio.processor(_job("parse-epub", data), "token")
    assert result["paragraphCount"] == 1
