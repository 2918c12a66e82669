"""Books and processors for the tests of the workload."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.audibook.studio import Studio

from audibook import Settings, sample_book
from audibook.audio import find_ffmpeg
from audibook.epub import read_cover
from audibook.epub.writer import NewDocument, epub_files, pack_epub


@pytest.fixture
def ffmpeg() -> Path:
    return find_ffmpeg()


@pytest.fixture
def cover_png() -> bytes:
    """The sample book's cover."""
    cover = read_cover(sample_book())
    assert cover is not None
    return cover[0]


@pytest.fixture
def make_epub(tmp_path: Path) -> Callable[..., Path]:
    """Writes an EPUB of the given bodies; `files` adds files, replaces or (None) drops them."""

    def make(
        *bodies: str,
        title: str = "A Book",
        author: str = "An Author",
        language: str = "en",
        cover_png: bytes | None = None,
        files: dict[str, bytes | None] | None = None,
        name: str = "book.epub",
    ) -> Path:
        documents = [NewDocument(f"Part {n}", body) for n, body in enumerate(bodies, 1)]
        everything: dict[str, bytes | None] = {
            **epub_files(
                documents, title=title, author=author, language=language, cover_png=cover_png
            ),
            **(files or {}),
        }
        path = tmp_path / name
        pack_epub(path, {name: data for name, data in everything.items() if data is not None})
        return path

    return make


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Everything in a folder of the test; nothing from the environment."""
    for name in ("DATABASE_URL", "S3_ENDPOINT", "S3_BUCKET_NAME", "AZURE_SPEECH_KEY"):
        monkeypatch.delenv(name, raising=False)
    return Settings(data_dir=tmp_path / "data", tts_model="tone", paragraph_pause_ms=0)


@pytest.fixture
def studio(settings: Settings) -> Iterator[Studio]:
    made = Studio(settings)
    yield made
    made.processor.close()
    assert list(settings.work_dir.glob("*")) == [], "temporary files were left behind"
