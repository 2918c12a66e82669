"""Books that are registered at once, as by an upload form that many people use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.audibook.studio import Studio

from audibook import JobProcessor, Settings
from audibook.storage import DirectoryStorage

MakeEpub = Callable[..., Path]
_ROUNDS = 10


async def test_two_books_of_one_name_registered_in_one_moment_keep_their_own_files(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_000_000_000)
    studio = Studio(settings)
    files = [tmp_path / folder / "book.epub" for folder in ("first", "second")]
    for file in files:
        file.parent.mkdir()
        file.write_text(f"The {file.parent.name} book.")
    books = [await studio.processor.library.register(file) for file in files]
    assert len({book.s3_key for book in books}) == len(files)
    for file, book in zip(files, books, strict=True):
        assert book.s3_key.startswith("raw/1700000000000-")
        assert book.s3_key.endswith("-book.epub")
        assert studio.storage.path(book.s3_key).read_bytes() == file.read_bytes()
    studio.processor.close()


async def test_one_file_registered_twice_at_once_is_one_book_with_one_object(
    settings: Settings, make_epub: MakeEpub
) -> None:
    studio = Studio(settings)
    library = studio.processor.library
    for number in range(_ROUNDS):
        epub = make_epub(f"<p>Book {number}.</p>")
        first, second = await asyncio.gather(library.register(epub), library.register(epub))
        assert (first.id, first.s3_key) == (second.id, second.s3_key)
        assert studio.catalogue.books.get(first.id).s3_key == first.s3_key
        assert {first.new, second.new} == {True, False}
    assert len(list(studio.storage.keys("raw/"))) == _ROUNDS
    studio.processor.close()


async def test_a_store_of_the_callers_is_used_also_while_it_is_empty(
    settings: Settings, make_epub: MakeEpub, tmp_path: Path
) -> None:
    class Counted(DirectoryStorage):
        def __len__(self) -> int:
            return len(list(self.keys("")))

    own = Counted(tmp_path / "own")
    processor = JobProcessor(settings, storage=own)
    await processor.library.register(make_epub("<p>Words.</p>"))
    assert len(own) == 1 and not settings.storage_dir.exists()
    processor.close()
