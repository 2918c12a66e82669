"""Two attempts at one job: after a kill, and where a worker goes on with a job it has lost."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from tests.unit.audibook.studio import Studio

from audibook import Settings, UnrecoverableError
from audibook.storage import DirectoryStorage
from audibook.workspace import workspace

MakeEpub = Callable[..., Path]

_KILLED_AFTER_STORING = """
import asyncio, os, signal, sys
from pathlib import Path
from audibook import JobProcessor, Settings
from audibook.storage import DirectoryStorage

class Deadly(DirectoryStorage):
    def put_file(self, *given):
        super().put_file(*given)
        os.kill(os.getpid(), signal.SIGKILL)

settings = Settings(data_dir=Path(sys.argv[1]), tts_model="tone", paragraph_pause_ms=0)
processor = JobProcessor(settings, storage=Deadly(settings.storage_dir))
name, row, book = sys.argv[2:]
kind = "paragraphId" if name == "generate-audio" else "pageId"
asyncio.run(processor.process_job(name, {kind: row, "bookId": book, "skipReady": True}))
"""


class _Gate(DirectoryStorage):
    """Holds up the first file that is stored under a key with this ending, until it is opened."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.holds = "none"
        self.reached, self.opened = threading.Event(), threading.Event()

    def put_file(
        self, key: str, path: Path, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        if self.holds in key and not self.reached.is_set():
            self.reached.set()
            self.opened.wait()
        super().put_file(key, path, content_type, metadata)


def _run_killed(data_dir: Path, *arguments: str) -> int:
    command = [sys.executable, "-c", _KILLED_AFTER_STORING, str(data_dir), *arguments]
    return subprocess.run(command, check=False).returncode


@pytest.mark.parametrize("name", ["generate-audio", "combine-page-audio"])
async def test_audio_that_a_killed_attempt_has_stored_is_not_made_again(
    studio: Studio, settings: Settings, make_epub: MakeEpub, ffmpeg: Path, name: str
) -> None:
    book = await studio.parsed(make_epub("<p>Some words to be spoken.</p>"))
    outline = await studio.processor.library.outline(book.id)
    paragraph, page = outline.paragraph_ids[0], outline.page_ids[0]
    if name == "combine-page-audio":
        await studio.speak(book)
    before = set(studio.storage.keys(""))
    row = paragraph if name == "generate-audio" else page
    ended = await asyncio.to_thread(_run_killed, settings.data_dir, name, row, book.id)
    assert ended == -signal.SIGKILL
    (left,) = set(studio.storage.keys("")) - before
    again = studio.speak if name == "generate-audio" else studio.combine
    (result,) = await again(book, skipReady=True)
    assert result["s3Key"] == left
    assert set(studio.storage.keys("")) == before | {left}
    seconds = result.get("duration" if name == "generate-audio" else "totalDuration")
    assert await studio.seconds(ffmpeg, left) == pytest.approx(seconds, abs=0.02)
    with workspace(settings.work_dir):
        pass  # the next attempt removes the temporary files of the killed one


@pytest.mark.parametrize(
    ("name", "holds"),
    [("generate-audio", "audio/"), ("combine-page-audio", "/pages/"), ("combine-book", ".m4b")],
)
async def test_an_attempt_that_lost_its_job_leaves_the_audio_of_the_next_one(
    settings: Settings, make_epub: MakeEpub, name: str, holds: str
) -> None:
    storage = _Gate(settings.storage_dir)
    studio = Studio(settings, storage=storage)
    book = await studio.parsed(make_epub("<p>Some words to be spoken.</p>"))
    outline = await studio.processor.library.outline(book.id)
    data = {
        "bookId": book.id,
        "pageId": outline.page_ids[0],
        "paragraphId": outline.paragraph_ids[0],
        "skipReady": True,
    }
    for job in ("generate-audio", "combine-page-audio", "combine-book"):
        if job == name:
            break
        await studio.processor.process_job(job, data)
    storage.holds = holds
    late = asyncio.create_task(studio.processor.process_job(name, data))
    await asyncio.to_thread(storage.reached.wait)
    made = await studio.processor.process_job(name, data)
    storage.opened.set()
    assert (await late)["s3Key"] == made["s3Key"]
    assert [key for key in storage.keys("") if holds in key] == [made["s3Key"]]
    assert (await studio.processor.process_job(name, data))["s3Key"] == made["s3Key"]
    studio.processor.close()


class _Unlisted(DirectoryStorage):
    """A store that may be read and written, but not listed."""

    def keys(self, prefix: str) -> Iterator[str]:
        raise UnrecoverableError(f"Cannot list {prefix!r}: the object store says AccessDenied.")


async def test_a_store_that_may_not_be_listed_costs_no_audio_after_a_kill(
    settings: Settings, make_epub: MakeEpub
) -> None:
    studio = Studio(settings, storage=_Unlisted(settings.storage_dir))
    book = await studio.parsed(make_epub("<p>Some words to be spoken.</p>"))
    outline = await studio.processor.library.outline(book.id)
    # As a killed attempt leaves them.
    studio.catalogue.paragraphs.start_audio(outline.paragraph_ids[0])
    studio.catalogue.pages.start_audio(outline.page_ids[0])
    await studio.speak(book, skipReady=True)
    (page,) = await studio.combine(book, skipReady=True)
    assert studio.storage.info(page["s3Key"]) is not None
    studio.processor.close()
