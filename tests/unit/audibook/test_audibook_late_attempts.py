"""What an attempt does that has lost its job to another one, and goes on with it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.unit.audibook.studio import Studio, make_job

from audibook import RecordNotFoundError, Settings, StorageError
from audibook.catalogue import BookStatus
from audibook.catalogue.database import Database
from audibook.speech import SpeechRegistry, ToneEngine, VoiceSettings
from audibook.storage import DirectoryStorage

MakeEpub = Callable[..., Path]


class _Gate(DirectoryStorage):
    """Holds up the first object of this kind that is stored or fetched, until it is opened."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.holds = "none"
        self.fails = False
        self.reached, self.opened = threading.Event(), threading.Event()

    def put_file(
        self, key: str, path: Path, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        self._pass(key)
        super().put_file(key, path, content_type, metadata)

    def fetch_file(self, key: str, path: Path) -> None:
        if self._pass(key) and self.fails:
            raise StorageError("The store is away.")
        super().fetch_file(key, path)

    def _pass(self, key: str) -> bool:
        if self.holds not in key or self.reached.is_set():
            return False
        self.reached.set()
        return self.opened.wait()


class _Voices(ToneEngine):
    """One that speaks at another pace in another voice."""

    def speak(self, text: str, voice: str | None, settings: VoiceSettings) -> Iterator[bytes]:
        return super().speak(text, None, VoiceSettings(rate=50 if voice == "fast" else 0))


@pytest.fixture
def gate(settings: Settings) -> _Gate:
    return _Gate(settings.storage_dir)


@pytest.fixture
def gated(settings: Settings, gate: _Gate) -> Iterator[Studio]:
    made = Studio(settings, storage=gate, speech=SpeechRegistry({"tone": _Voices}))
    yield made
    made.processor.close()


@pytest.mark.parametrize("ends", ["fails", "cancelled"])
async def test_a_parsing_that_ends_late_leaves_the_status_of_the_one_that_followed_it(
    gated: Studio, gate: _Gate, make_epub: MakeEpub, ends: str
) -> None:
    book = await gated.processor.library.register(make_epub("<p>x</p>"))
    data = {"bookId": book.id, "s3Key": book.s3_key}
    gate.holds, gate.fails = "raw/", ends == "fails"
    late = asyncio.create_task(gated.processor.process_epub_parsing(data, make_job()))
    await asyncio.to_thread(gate.reached.wait)
    await gated.processor.process_epub_parsing(data, make_job())
    if ends == "cancelled":
        late.cancel()
    gate.opened.set()
    with pytest.raises(StorageError if ends == "fails" else asyncio.CancelledError):
        await late
    assert gated.catalogue.books.get(book.id).status is BookStatus.READY


def _voice(settings: Settings, voice: str) -> None:
    database = Database(settings.catalogue_url)
    with database.writing() as session:
        session.execute(text("""UPDATE books SET "ttsVoice" = :voice"""), {"voice": voice})
    database.close()


@pytest.mark.parametrize(
    ("name", "holds"),
    [("generate-audio", "audio/"), ("combine-page-audio", "/pages/"), ("combine-book", ".m4b")],
)
async def test_late_audio_does_not_take_the_place_of_newer_audio(
    settings: Settings, gated: Studio, gate: _Gate, make_epub: MakeEpub, name: str, holds: str
) -> None:
    book = await gated.parsed(make_epub("<p>Some words to be spoken.</p>"))
    outline = await gated.processor.library.outline(book.id)
    data = {
        "bookId": book.id,
        "pageId": outline.page_ids[0],
        "paragraphId": outline.paragraph_ids[0],
        "skipReady": True,
    }
    jobs = ["generate-audio", "combine-page-audio", "combine-book"]
    jobs = jobs[: jobs.index(name) + 1]
    for job in jobs[:-1]:
        await gated.processor.process_job(job, data)
    gate.holds = holds
    late = asyncio.create_task(gated.processor.process_job(name, data))
    await asyncio.to_thread(gate.reached.wait)
    _voice(settings, "fast")
    newer: dict[str, Any] = {}
    for job in jobs:
        newer = await gated.processor.process_job(job, data)
    gate.opened.set()
    assert (await late)["s3Key"] == newer["s3Key"]
    assert [key for key in gate.keys("") if holds in key] == [newer["s3Key"]]
    assert (await gated.processor.process_job(name, data))["s3Key"] == newer["s3Key"]


@pytest.mark.parametrize(
    ("name", "holds"), [("combine-page-audio", "/pages/"), ("combine-book", ".m4b")]
)
async def test_audio_of_a_book_that_was_deleted_meanwhile_does_not_stay_in_storage(
    settings: Settings, gated: Studio, gate: _Gate, make_epub: MakeEpub, name: str, holds: str
) -> None:
    book = await gated.parsed(make_epub("<p>Some words to be spoken.</p>"))
    await gated.speak(book)
    if name == "combine-book":
        await gated.combine(book)
    page = gated.catalogue.pages.of_book(book.id)[0].id
    before = list(gate.keys(""))
    gate.holds = holds
    job = asyncio.create_task(
        gated.processor.process_job(name, {"bookId": book.id, "pageId": page})
    )
    await asyncio.to_thread(gate.reached.wait)
    database = Database(settings.catalogue_url)
    with database.writing() as session:
        session.execute(text("DELETE FROM books"))
    database.close()
    gate.opened.set()
    with pytest.raises(RecordNotFoundError):
        await job
    assert list(gate.keys("")) == before
