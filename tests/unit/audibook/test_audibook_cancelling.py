"""Cancelling a job of the workload while it runs, in a real worker."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.audibook.studio import Studio

from audibook import JobCancelledError, JobProcessor, Settings, UnrecoverableError
from audibook.catalogue import AudioStatus, BookStatus
from audibook.speech import SpeechRegistry, ToneEngine, VoiceSettings
from audibook.worker import AudiobookWorker
from jetbull import AbortController, Queue, QueueEvents, Worker
from jetbull.http.service import QueueService

MakeEpub = Callable[..., Path]
_PATIENCE_MS = 30_000


class _Endless(ToneEngine):
    """Speaks without an end."""

    def __init__(self) -> None:
        self.speaking = threading.Event()

    def speak(self, text: str, voice: str | None, settings: VoiceSettings) -> Iterator[bytes]:
        self.speaking.set()
        while True:
            yield bytes(4800)


@pytest.fixture
async def queue(nats_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Queue]:
    async with Queue(request.node.name, {"connection": nats_url}) as made:
        yield made


async def _cancelled(queue: Queue, processor: Any, name: str, data: dict[str, Any],
                     reached: threading.Event) -> str:  # fmt: skip
    """Why the job has failed that is cancelled as soon as it has reached this."""
    options = {"connection": queue.opts["connection"]}
    async with QueueEvents(queue.name, options) as events:
        await events.waitUntilReady()
        worker = Worker(queue.name, processor, options)
        job = await queue.add(name, data, {"attempts": 3})
        assert await asyncio.to_thread(reached.wait, 30)
        assert await queue.cancelJob(str(job.id), "wrong voice") is True
        with pytest.raises(Exception, match="cancelled"):
            await job.waitUntilFinished(events, _PATIENCE_MS)
        await worker.close()
    ended = await queue.getJob(str(job.id))
    assert ended is not None and ended.attemptsMade == 1
    return str(ended.failedReason)


async def test_a_paragraph_that_is_cancelled_is_not_spoken_to_its_end(
    queue: Queue, settings: Settings, make_epub: MakeEpub
) -> None:
    engine = _Endless()
    studio = Studio(settings, speech=SpeechRegistry({"tone": lambda: engine}))
    book = await studio.parsed(make_epub("<p>Words.</p>"))
    (paragraph,) = studio.catalogue.paragraphs.of_book(book.id)
    data = {"paragraphId": paragraph.id, "bookId": book.id}
    told = await _cancelled(queue, studio.processor, "generate-audio", data, engine.speaking)
    assert told == "The job was cancelled: wrong voice."
    assert studio.catalogue.paragraphs.get(paragraph.id).audio_status is AudioStatus.PENDING
    assert list(settings.work_dir.glob("*")) == []
    assert list(studio.storage.keys("audio/")) == []
    studio.processor.close()


async def test_the_old_interface_cancels_a_page_that_is_being_joined(
    queue: Queue, settings: Settings, make_epub: MakeEpub, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = Studio(settings)
    book = await studio.parsed(make_epub("<p>Words.</p>"))
    await studio.speak(book)
    (page,) = studio.catalogue.pages.of_book(book.id)
    monkeypatch.setenv("AUDIBOOK_DATA_DIR", str(settings.data_dir))
    joining, goes_on = threading.Event(), threading.Event()
    fetch = type(studio.storage).fetch_file

    def held(storage: Any, key: str, path: Path) -> None:
        joining.set()
        goes_on.wait()
        fetch(storage, key, path)

    monkeypatch.setattr(type(studio.storage), "fetch_file", held)
    processor = AudiobookWorker()
    options = {"connection": queue.opts["connection"]}
    worker = Worker(queue.name, processor, options)
    async with QueueEvents(queue.name, options) as events:
        await events.waitUntilReady()
        job = await queue.add("combine-page-audio", {"pageId": page.id, "bookId": book.id})
        assert await asyncio.to_thread(joining.wait, 30)
        answer = await QueueService(queue).cancel_page_audio_combination_job(page.id)
        assert answer == {"cancelledJobs": 1}
        goes_on.set()
        with pytest.raises(Exception, match="The job was cancelled"):
            await job.waitUntilFinished(events, _PATIENCE_MS)
    await worker.close()
    await processor.aclose()
    row = studio.catalogue.pages.get(page.id)
    assert (row.audio_status, row.audio_s3_key) == (AudioStatus.PENDING, None)
    assert list(studio.storage.keys("books/")) == []
    studio.processor.close()


async def test_a_signal_that_was_aborted_before_stops_the_job_at_once(
    studio: Studio, make_epub: MakeEpub
) -> None:
    book = await studio.processor.library.register(make_epub("<p>x</p>"))
    job = type("Job", (), {"name": "parse-epub", "data": {"bookId": book.id, "s3Key": book.s3_key}})
    controller = AbortController()
    controller.abort()
    with pytest.raises(JobCancelledError, match=r"^The job was cancelled\.$") as caught:
        await studio.processor(job, "token", controller.signal)
    assert isinstance(caught.value, UnrecoverableError)
    assert studio.catalogue.books.get(book.id).status is BookStatus.UPLOADING


async def test_a_job_that_nobody_cancels_gives_its_result(studio: Studio) -> None:
    job = type("Job", (), {"name": "test-job", "data": {"message": "m"}})
    result = await JobProcessor.__call__(studio.processor, job, "t", AbortController().signal)
    assert result == {"processed": True, "message": "m"}


async def test_a_job_of_a_worker_that_is_closed_by_force_is_not_failed(
    queue: Queue, settings: Settings, make_epub: MakeEpub
) -> None:
    engine = _Endless()
    studio = Studio(settings, speech=SpeechRegistry({"tone": lambda: engine}))
    book = await studio.parsed(make_epub("<p>Words.</p>"))
    (paragraph,) = studio.catalogue.paragraphs.of_book(book.id)
    worker = Worker(queue.name, studio.processor, {"connection": queue.opts["connection"]})
    job = await queue.add("generate-audio", {"paragraphId": paragraph.id, "bookId": book.id})
    assert await asyncio.to_thread(engine.speaking.wait, 30)
    await worker.close(force=True)
    assert await queue.getJobState(str(job.id)) != "failed"
    assert studio.catalogue.paragraphs.get(paragraph.id).audio_status is AudioStatus.PENDING
    assert list(settings.work_dir.glob("*")) == []
    studio.processor.close()
