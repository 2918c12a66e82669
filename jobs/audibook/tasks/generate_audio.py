"""`generate-audio`: speak one paragraph."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from audibook.attempt import Attempt
from audibook.audio import MP3_PARAGRAPH, Encoder, encoding
from audibook.catalogue import Book, Paragraph
from audibook.errors import RecordNotFoundError, TextChangedError, UnspeakableTextError
from audibook.messages import GenerateAudio, ParagraphSpoken
from audibook.services import Services, in_thread
from audibook.speech import AzureEngine, SpeechEngine, VoiceSettings
from audibook.speech.language import has_words, in_script, main_script, only_in_script
from audibook.speech.spoken import check_audible, check_duration, loudness, speakable, with_pauses
from audibook.storage import keys
from audibook.workspace import workspace

from .fingerprint import audio_notes, fingerprint, made_meanwhile, stored_audio
from .state import making_audio

__all__ = ["generate_audio"]

_SCENE_BREAK_S = 1.0
_MOST = 0.5


async def generate_audio(
    services: Services, attempt: Attempt, data: GenerateAudio
) -> ParagraphSpoken:
    """Speak the paragraph's text in the voice of its book and store one MP3.

    The old audio is deleted only after the row points to the new. A paragraph without
    letters or digits, such as a row of asterisks, becomes a pause of one second. One in another
    script than the book's that the voice cannot speak loses those letters, and may become a pause
    by it.
    """
    started = time.monotonic()
    rows = services.catalogue.paragraphs
    paragraph = await in_thread(rows.get, data.paragraph_id)
    if paragraph.book_id != data.book_id:
        raise RecordNotFoundError(
            f"Paragraph not found: {data.paragraph_id} in book {data.book_id}; "
            f"it belongs to book {paragraph.book_id}."
        )
    if data.content is not None and data.content != paragraph.content:
        attempt.log.info("the job's content differs from the database; the latter is spoken")
    book = await in_thread(services.catalogue.books.get, data.book_id)
    model = book.tts_model or services.settings.default_tts_model
    mark = _mark(services, book, paragraph)
    prefix = keys.paragraph_audio_prefix(book.id, paragraph.id)
    found = None
    if data.skip_ready:
        found = await stored_audio(services, paragraph, prefix, mark, attempt.log)
    if found is not None:
        key, seconds = found
        attempt.log.info("the paragraph's audio is there already", extra={"key": key})
        await _finish(services, attempt, paragraph, prefix, key, seconds)
    else:
        async with making_audio(rows, paragraph.id, paragraph.audio_status, attempt):
            engine = await in_thread(services.speech.engine, model)
            key, seconds = await _speak_and_store(services, attempt, book, paragraph, engine, mark)
    await attempt.progress(100)
    return ParagraphSpoken(
        paragraph_id=paragraph.id,
        duration=round(seconds, 3),
        s3_key=key,
        processing_time=round((time.monotonic() - started) * 1000),
    )


def _mark(services: Services, book: Book, paragraph: Paragraph) -> str:
    settings = services.settings
    model = book.tts_model or settings.default_tts_model
    # The voice that is heard, or a change of the setting would leave a book in two voices.
    default = settings.azure_speech_voice if model == AzureEngine.name else None
    return fingerprint(
        paragraph.content,
        book.language,
        model,
        book.tts_voice or default,
        dict(book.tts_settings),
        settings.paragraph_pause_ms,
    )


async def _speak_and_store(
    services: Services,
    attempt: Attempt,
    book: Book,
    paragraph: Paragraph,
    engine: SpeechEngine,
    mark: str,
) -> tuple[str, float]:
    key = keys.paragraph_audio(book.id, paragraph.id)
    with workspace(services.settings.work_dir) as folder:
        path = folder / "paragraph.mp3"
        try:
            seconds = await _speak(services, book, paragraph.content, engine, path)
        except UnspeakableTextError as error:
            script = await in_thread(_script_of_book, services, book)
            signs = not any(c.isalpha() or c.isdecimal() for c in paragraph.content)
            if in_script(paragraph.content, script) >= _MOST and not signs:
                raise
            attempt.log.warning("left out what the voice cannot speak: %s", error)
            await attempt.note(f"Left out are letters that are not {script.title()}: {error}")
            spoken = "" if signs else only_in_script(paragraph.content, script)
            seconds = await _speak(services, book, spoken, engine, path)
        await in_thread(
            services.storage.put_file,
            key,
            path,
            MP3_PARAGRAPH.content_type,
            audio_notes(mark, seconds),
        )
    prefix = keys.paragraph_audio_prefix(book.id, paragraph.id)
    try:
        current = await in_thread(services.catalogue.paragraphs.get, paragraph.id)
        book = await in_thread(services.catalogue.books.get, book.id)
        made = await made_meanwhile(services, paragraph, current, _mark(services, book, current))
        if made is not None:
            await services.discard({key} - {made[0]}, attempt.log)
            return made
        await _finish(services, attempt, paragraph, prefix, key, seconds)
    except (RecordNotFoundError, TextChangedError):
        await services.discard([key], attempt.log)  # no row will ever point to it
        raise
    return key, seconds


async def _finish(
    services: Services,
    attempt: Attempt,
    paragraph: Paragraph,
    prefix: str,
    key: str,
    seconds: float,
) -> None:
    """Point the row to the audio; what it pointed to before is deleted."""
    finish = services.catalogue.paragraphs.finish_audio
    previous = await in_thread(finish, paragraph.id, paragraph.content, key, seconds)
    if previous is not None or paragraph.audio_s3_key is None:
        await services.discard_versions(prefix, key, previous, attempt.log)


def _script_of_book(services: Services, book: Book) -> str:
    paragraphs = services.catalogue.paragraphs.of_book(book.id)
    return main_script(" ".join(paragraph.content for paragraph in paragraphs))


async def _speak(
    services: Services, book: Book, content: str, engine: SpeechEngine, path: Path
) -> float:
    """Write the speech to `path`; gives its length in seconds, the closing pause included."""
    text = speakable(with_pauses(content))
    adjusted = VoiceSettings.of(book.tts_settings)
    async with encoding(services.ffmpeg, path, MP3_PARAGRAPH, engine.sample_rate) as encoder:
        if has_words(text):
            await in_thread(engine.check, text, book.language, book.tts_voice)
            loudest = await _pour(engine.speak(text, book.tts_voice, adjusted), encoder)
            check_duration(
                engine.name,
                text,
                encoder.seconds,
                speed=1 + adjusted.rate / 100,
                script=getattr(engine, "script", None),
            )
            check_audible(engine.name, loudest, volume=adjusted.volume / 100)
        else:
            await encoder.pause(_SCENE_BREAK_S)
        await encoder.pause(services.settings.paragraph_pause_ms / 1000)
    return encoder.seconds


async def _pour(speech: Iterator[bytes], encoder: Encoder) -> float:
    """How loud it was. Made in a thread; between pieces the attempt can be cancelled."""
    loudest = 0.0
    while samples := await in_thread(_next, speech):
        loudest = max(loudest, loudness(samples))
        await encoder.write(samples)
    return loudest


def _next(speech: Iterator[bytes]) -> bytes:
    for samples in speech:
        if samples:
            return samples
    return b""
