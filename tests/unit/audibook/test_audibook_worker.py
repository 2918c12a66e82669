"""The workload in a real worker of a real queue."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.commands import running

from audibook import JobProcessor, RegisteredBook, Settings
from audibook.catalogue import AudioStatus, BookStatus, Catalogue
from audibook.worker import AudiobookWorker
from jetbull import Job, Queue, QueueEvents, Worker

MakeEpub = Callable[..., Path]
_PATIENCE_MS = 30_000


class _Studio:
    """A queue, a worker on it, and the records that both change."""

    def __init__(self, name: str, nats_url: str, settings: Settings) -> None:
        self._options: dict[str, Any] = {"connection": nats_url}
        self.queue = Queue(name, self._options)
        self.events = QueueEvents(name, self._options)
        self.processor = AudiobookWorker()
        self.catalogue = Catalogue(settings.catalogue_url)
        self.upload = JobProcessor(settings)

    async def run(self, name: str, data: dict[str, Any]) -> tuple[Job, Any]:
        """A job that may be tried three times, once it has ended, and its result or its error."""
        job = await self.queue.add(name, data, {"attempts": 3})
        worker = Worker(self.queue.name, self.processor, self._options)
        outcome: Any
        try:
            outcome = await job.waitUntilFinished(self.events, _PATIENCE_MS)
        except Exception as error:
            outcome = error
        await worker.close()
        ended = await self.queue.getJob(str(job.id))
        assert ended is not None
        return ended, outcome

    async def register(self, epub: Path) -> RegisteredBook:
        return await self.upload.library.register(epub)

    async def close(self) -> None:
        await self.processor.aclose()
        await self.events.close()
        await self.queue.close()
        self.upload.close()
        self.catalogue.close()


@pytest.fixture
async def studio(
    nats_url: str,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> AsyncIterator[_Studio]:
    monkeypatch.setenv("AUDIBOOK_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("AUDIBOOK_TTS_MODEL", "tone")
    made = _Studio(request.node.name, nats_url, settings)
    await made.events.waitUntilReady()
    yield made
    await made.close()


def _parsing(book: RegisteredBook) -> dict[str, str]:
    return {"bookId": book.id, "s3Key": book.s3_key}


async def test_a_book_goes_through_the_queue(studio: _Studio, make_epub: MakeEpub) -> None:
    book = await studio.register(make_epub("<p>One.</p>"))
    job, result = await studio.run("parse-epub", _parsing(book))
    assert result["paragraphCount"] == 1 and job.progress == 100
    (paragraph,) = studio.catalogue.paragraphs.of_book(book.id)
    data = {"paragraphId": paragraph.id, "bookId": book.id, "content": "One."}
    job, result = await studio.run("generate-audio", data)
    assert result["duration"] > 0 and job.attemptsMade == 1
    spoken = studio.catalogue.paragraphs.get(paragraph.id)
    assert spoken.audio_status is AudioStatus.READY and spoken.audio_s3_key == result["s3Key"]


async def test_a_job_outlives_one_worker_after_the_other(studio: _Studio, tmp_path: Path) -> None:
    job = await studio.queue.add("test-job", {"message": "hello"})
    url = str(studio.queue.opts["connection"])
    place = ("--nats-url", url, "--queue", studio.queue.name)
    command = ("worker", "audibook.worker:worker", *place, "--lock", "1", "--log-format", "json")
    for _ in range(2):
        with running(*command, folder=tmp_path) as worker:
            worker.logged("job started")
            worker.send(signal.SIGKILL)
            worker.wait()
    with running(*command, folder=tmp_path):
        result = await job.waitUntilFinished(studio.events, _PATIENCE_MS)
    assert result["message"] == "hello"


async def test_a_job_for_trials_gives_its_message_back(studio: _Studio) -> None:
    _, result = await studio.run("test-job", {"message": "hello"})
    assert result == {"processed": True, "message": "hello"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"no zip archive", "The file is not an EPUB: it is no complete zip archive"),
        (b"", "The file is not an EPUB: it is no complete zip archive"),
    ],
    ids=["text", "empty"],
)
async def test_a_book_that_cannot_be_read_fails_after_one_attempt(
    studio: _Studio, tmp_path: Path, data: bytes, reason: str
) -> None:
    (tmp_path / "bad.epub").write_bytes(data)
    book = await studio.register(tmp_path / "bad.epub")
    job, error = await studio.run("parse-epub", _parsing(book))
    assert reason in str(error)
    assert job.attemptsMade == 1 and reason in str(job.failedReason)
    assert studio.catalogue.books.get(book.id).status is BookStatus.ERROR


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("parse-epub", {"bookId": "nobody", "s3Key": "k"}, "Book not found: nobody"),
        ("parse-epub", {"bookId": "nobody"}, "s3Key is required."),
        ("generate-audio", {"paragraphId": "p", "bookId": "b"}, "Paragraph not found"),
        ("combine-page-audio", {"pageId": "p", "bookId": "b"}, "Page not found"),
        ("add-diacritics", {"bookId": "nobody"}, "Book not found: nobody"),
        ("sing", {}, "There is no job 'sing'"),
    ],
)
async def test_a_job_that_can_never_succeed_is_tried_once(
    studio: _Studio, name: str, data: dict[str, Any], reason: str
) -> None:
    job, _ = await studio.run(name, data)
    assert await job.getState() == "failed"
    assert job.attemptsMade == 1 and reason in str(job.failedReason)


async def test_a_language_the_voice_does_not_speak_fails_the_job_clearly(
    studio: _Studio, make_epub: MakeEpub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIBOOK_TTS_MODEL", "hibari")
    book = await studio.register(make_epub("<p>Guten Morgen.</p>", language="de"))
    await studio.run("parse-epub", _parsing(book))
    (paragraph,) = studio.catalogue.paragraphs.of_book(book.id)
    job, _ = await studio.run("generate-audio", {"paragraphId": paragraph.id, "bookId": book.id})
    assert job.attemptsMade == 1
    assert "speaks English (en) only and the book's language is 'de'" in str(job.failedReason)
    assert studio.catalogue.paragraphs.get(paragraph.id).audio_status is AudioStatus.ERROR


async def test_a_hebrew_book_is_followed_by_one_diacritics_job(
    studio: _Studio, make_epub: MakeEpub
) -> None:
    book = await studio.register(make_epub("<p>שלום עולם</p>", language="he"))
    first = await studio.queue.add("parse-epub", _parsing(book))
    second = await studio.queue.add("parse-epub", _parsing(book))
    processor = studio.processor
    for job in (first, second):
        await processor(job, "token")
    added = [job for job in await studio.queue.getJobs(["waiting"]) if job.name != "parse-epub"]
    assert [(job.name, job.data) for job in added] == [
        (
            "add-advanced-diacritics",
            {"bookId": book.id, "correlationId": f"auto-advanced-diacritics-{book.id}"},
        )
    ]
