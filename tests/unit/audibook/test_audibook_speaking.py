"""`generate-audio` on real audio, a real store and a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest
from tests.unit.audibook.studio import Studio, make_job

from audibook import (
    Settings,
    SpeechServiceError,
    SpeechSetupError,
    TextChangedError,
    UnspeakableTextError,
)
from audibook.catalogue import AudioStatus
from audibook.speech import SpeechRegistry, ToneEngine, VoiceSettings

MakeEpub = Callable[..., Path]


async def test_a_paragraph_is_spoken_stored_and_measured(
    studio: Studio, make_epub: MakeEpub, ffmpeg: Path
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


async def test_speaking_again_replaces_the_old_audio(studio: Studio, make_epub: MakeEpub) -> None:
    book = await studio.parsed(make_epub("<p>Words.</p>"))
    (first,) = await studio.speak(book)
    (second,) = await studio.speak(book)
    assert first["s3Key"] != second["s3Key"]
    assert list(studio.storage.keys("audio/")) == [second["s3Key"]]


async def test_forgotten_audio_goes_and_that_of_a_paragraph_whose_id_begins_alike_stays(
    studio: Studio, make_epub: MakeEpub, tmp_path: Path
) -> None:
    book = await studio.parsed(make_epub("<p>Words.</p>"))
    (paragraph,) = studio.catalogue.paragraphs.of_book(book.id)
    begun = f"audio/{book.id}/{paragraph.id}_"
    other = f"{begun}2_1600000000000.mp3"
    (tmp_path / "old.mp3").write_bytes(b"old")
    for key in (f"{begun}1600000000000.mp3", other):
        studio.storage.put_file(key, tmp_path / "old.mp3", "audio/mpeg")
    (spoken,) = await studio.speak(book)
    assert set(studio.storage.keys("audio/")) == {spoken["s3Key"], other}


async def test_ready_audio_is_left_alone_when_asked_to(studio: Studio, make_epub: MakeEpub) -> None:
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


async def test_what_is_in_another_script_than_the_book_is_left_out(
    studio: Studio, make_epub: MakeEpub
) -> None:
    english = "The sign above the door was written in two languages, and nobody could read either."
    texts = (english, "千里之行，始於足下。", "Привет, дорогой мир! hello world", "Alone")
    epub = make_epub("".join(f"<h2>{text}</h2>" for text in texts))
    book = await studio.parsed(epub, tts_model="hibari")
    job = make_job()
    outline = await studio.processor.library.outline(book.id)
    seconds = []
    for paragraph in outline.paragraph_ids:
        data = {"paragraphId": paragraph, "bookId": book.id}
        spoken = await studio.processor.process_audio_generation(data, job)
        seconds.append(spoken["duration"])
    assert seconds[0] > 4 and 0.5 < seconds[2] < 2
    assert seconds[1] == 1.0, "a pause"
    first, second = job.lines
    assert "not Latin" in first and "mostly in Cjk" in first and "Cyrillic" in second


async def test_a_sign_that_the_voice_does_not_know_is_a_pause(
    studio: Studio, make_epub: MakeEpub
) -> None:
    book = await studio.parsed(make_epub("<h2>〇</h2><p>The end.</p>"), tts_model="hibari")
    sign, end = await studio.speak(book)
    assert sign["duration"] == 1.0 and end["duration"] > 0


async def test_a_row_of_asterisks_is_a_pause(
    studio: Studio, make_epub: MakeEpub, ffmpeg: Path
) -> None:
    book = await studio.parsed(make_epub("<h2>* * *</h2>"))
    (result,) = await studio.speak(book)
    assert result["duration"] == 1.0


async def test_a_model_that_does_not_exist_fails_the_paragraph_for_good(
    studio: Studio, make_epub: MakeEpub
) -> None:
    book = await studio.parsed(make_epub("<p>Words.</p>"), tts_model="parrot")
    (paragraph,) = studio.catalogue.paragraphs.of_book(book.id)
    data = {"paragraphId": paragraph.id, "bookId": book.id}
    with pytest.raises(SpeechSetupError, match="no speech model 'parrot'"):
        await studio.processor.process_audio_generation(data, make_job(attempts=5))
    assert studio.catalogue.paragraphs.get(paragraph.id).audio_status is AudioStatus.ERROR


@pytest.mark.parametrize(
    ("samples", "complaint"),
    [(b"", r"gave 0\.0 s of audio"), (bytes(2 * 16_000 * 2), "gave silence")],
    ids=["none", "zeros"],
)
async def test_an_engine_that_gives_silence_fails_the_paragraph(
    settings: Settings, make_epub: MakeEpub, samples: bytes, complaint: str
) -> None:
    class Silent(ToneEngine):
        def speak(self, text: str, voice: str | None, settings: VoiceSettings) -> Iterator[bytes]:
            yield samples

    studio = Studio(settings, speech=SpeechRegistry({"tone": Silent}))
    book = await studio.parsed(make_epub("<p>Words that nobody hears.</p>"))
    with pytest.raises(UnspeakableTextError, match=complaint):
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

    studio = Studio(settings, speech=SpeechRegistry({"own": Listening}))
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
    studio = Studio(settings, speech=SpeechRegistry({"tone": lambda: engine}))
    book = await studio.parsed(make_epub("<p>Words.</p>"))
    (first,) = await studio.speak(book)
    engine.broken = True
    (paragraph,) = studio.catalogue.paragraphs.of_book(book.id)
    data = {"paragraphId": paragraph.id, "bookId": book.id}
    for made, status in ((0, AudioStatus.READY), (1, AudioStatus.ERROR)):
        with pytest.raises(SpeechServiceError):
            await studio.processor.process_audio_generation(data, make_job(made=made, attempts=2))
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

    studio = Studio(settings, speech=SpeechRegistry({"tone": Slow}))
    registered = await studio.processor.library.register(make_epub("<p>Words.</p>"))
    await studio.processor.process_epub_parsing(
        {"bookId": registered.id, "s3Key": registered.s3_key}
    )
    (paragraph,) = studio.catalogue.paragraphs.of_book(registered.id)
    with pytest.raises(TextChangedError, match="was edited"):
        await studio.processor.process_audio_generation(
            {"paragraphId": paragraph.id, "bookId": registered.id}, make_job(attempts=2)
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

    studio = Studio(settings, speech=SpeechRegistry({"tone": Endless}))
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


async def test_a_change_of_the_voice_of_the_settings_is_heard_in_the_whole_book(
    settings: Settings, make_epub: MakeEpub
) -> None:
    class Azure(ToneEngine):
        name = "azure"

    keys = []
    for voice in ("he-IL-AvriNeural", "he-IL-HilaNeural", "he-IL-HilaNeural"):
        of_voice = settings.model_copy(update={"azure_speech_voice": voice})
        studio = Studio(of_voice, speech=SpeechRegistry({"azure": Azure}))
        book = await studio.parsed(make_epub("<p>Words.</p>"), tts_model="azure")
        (spoken,) = await studio.speak(book, skipReady=True)
        keys.append(spoken["s3Key"])
        studio.processor.close()
    assert keys[0] != keys[1] == keys[2]
