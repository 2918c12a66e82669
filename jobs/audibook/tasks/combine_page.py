"""`combine-page-audio`: join the audio of a page's completed paragraphs."""

from __future__ import annotations

import time
from collections.abc import Sequence

from audibook.attempt import Attempt
from audibook.audio import MP3_PAGE, join
from audibook.catalogue import AudioStatus, Page, Paragraph
from audibook.errors import NotReadyError, RecordNotFoundError
from audibook.messages import CombinePageAudio, PageCombined
from audibook.services import Services, in_thread
from audibook.storage import keys
from audibook.workspace import workspace

from .fingerprint import audio_notes, fingerprint, made_meanwhile, stored_audio
from .parts import fetched_parts
from .state import making_audio

__all__ = ["combine_page", "is_ready"]


async def combine_page(
    services: Services, attempt: Attempt, data: CombinePageAudio
) -> PageCombined:
    """Join in reading order, without silence between, to one MP3 of 22,050 Hz.

    Taken are the paragraphs a person has marked completed and whose audio is ready.
    Raises NotReadyError when there is none; with `requireAll` when one is missing.
    """
    started = time.monotonic()
    rows = services.catalogue.pages
    page = await in_thread(rows.get, data.page_id)
    if page.book_id != data.book_id:
        raise RecordNotFoundError(
            f"Page not found: {data.page_id} in book {data.book_id}; "
            f"it belongs to book {page.book_id}."
        )
    async with making_audio(rows, page.id, page.audio_status, attempt):
        paragraphs = await _ready_paragraphs(services, attempt, page, data.require_all)
        mark = _mark(paragraphs)
        prefix = keys.page_audio_prefix(page.book_id, page.page_number)
        found = None
        if data.skip_ready:
            found = await stored_audio(services, page, prefix, mark, attempt.log)
        if found is not None:
            key, seconds = found
            attempt.log.info("the page's audio is there already", extra={"key": key})
            await _finish(services, attempt, page, key, seconds)
        else:
            key, seconds = await _join_and_store(services, attempt, page, paragraphs, mark)
    await attempt.progress(100)
    return PageCombined(
        page_id=page.id,
        page_number=page.page_number,
        book_id=page.book_id,
        s3_key=key,
        total_duration=round(seconds, 3),
        paragraph_count=len(paragraphs),
        duration=round((time.monotonic() - started) * 1000),
    )


def _mark(ready: Sequence[Paragraph]) -> str:
    return fingerprint([paragraph.audio_s3_key for paragraph in ready])


def is_ready(paragraph: Paragraph) -> bool:
    """Whether the paragraph goes into the audio of its page."""
    has_audio = paragraph.audio_status is AudioStatus.READY and paragraph.audio_s3_key is not None
    return paragraph.completed and has_audio


async def _ready_paragraphs(
    services: Services, attempt: Attempt, page: Page, require_all: bool
) -> list[Paragraph]:
    everything = await in_thread(services.catalogue.paragraphs.of_page, page.id)
    completed = [p for p in everything if p.completed]
    ready = [p for p in completed if is_ready(p)]
    if not ready:
        raise NotReadyError(f"No completed paragraphs with audio found for page {page.page_number}")
    if len(ready) < len(completed):
        missing = len(completed) - len(ready)
        if require_all:
            raise NotReadyError(
                f"Completed paragraphs of page {page.page_number} without audio: {missing}; "
                "run generate-audio on them first."
            )
        attempt.log.warning("left out completed paragraphs without audio: %d", missing)
        await attempt.note(f"{missing} completed paragraphs have no ready audio; left out.")
    return ready


async def _join_and_store(
    services: Services, attempt: Attempt, page: Page, paragraphs: list[Paragraph], mark: str
) -> tuple[str, float]:
    stored = [(p.audio_s3_key, p.audio_duration) for p in paragraphs if p.audio_s3_key]
    key = keys.page_audio(page.book_id, page.page_number)
    with workspace(services.settings.work_dir) as folder:
        path = folder / "page.mp3"
        spans = await join(
            services.ffmpeg,
            fetched_parts(services, attempt, folder, stored),
            path,
            MP3_PAGE,
            sample_rate=MP3_PAGE.sample_rate or 22_050,
        )
        seconds = spans[-1].end
        notes = audio_notes(mark, seconds)
        await in_thread(services.storage.put_file, key, path, MP3_PAGE.content_type, notes)
    try:
        current = await in_thread(services.catalogue.pages.get, page.id)
        everything = await in_thread(services.catalogue.paragraphs.of_page, page.id)
        wanted = _mark([paragraph for paragraph in everything if is_ready(paragraph)])
        made = await made_meanwhile(services, page, current, wanted)
        if made is not None:
            await services.discard({key} - {made[0]}, attempt.log)
            return made
        await _finish(services, attempt, page, key, seconds)
    except RecordNotFoundError:
        await services.discard([key], attempt.log)  # no row will ever point to it
        raise
    return key, seconds


async def _finish(
    services: Services, attempt: Attempt, page: Page, key: str, seconds: float
) -> None:
    """Point the row to the audio; what it pointed to before is deleted."""
    previous = await in_thread(services.catalogue.pages.finish_audio, page.id, key, seconds)
    if previous is not None or page.audio_s3_key is None:
        prefix = keys.page_audio_prefix(page.book_id, page.page_number)
        await services.discard_versions(prefix, key, previous, attempt.log)
