"""Where the library ebooklib can read a book, both readers must agree on it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ebooklib import epub

from audibook import sample_book
from audibook.epub import read_epub
from audibook.epub.writer import NewDocument, epub_files, pack_epub

_GIVEN = sorted(Path(os.environ.get("TEST_EPUBS", ".no")).glob("*.epub"))


def _built(path: Path) -> Path:
    bodies = ["<p>Alef</p>", "<p>Bet <i>and</i> Gimel</p>", "<h1>Three</h1><p>Words.</p>"]
    documents = [NewDocument(f"Part {n}", body) for n, body in enumerate(bodies)]
    about: dict[str, Any] = {"title": "שם & name", "author": "O’Hara <x>", "language": "he"}
    pack_epub(path, epub_files(documents, **about))
    return path


def _sample(path: Path) -> Path:
    return sample_book()


def _by_ebooklib(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own deprecations
        try:
            return epub.read_epub(str(path))
        except Exception as error:  # it raises KeyError, TypeError and more for odd books
            return error


@pytest.mark.parametrize(
    "make",
    [_sample, _built, *_GIVEN],
    ids=lambda made: getattr(made, "__name__", None) or made.name,
)
def test_title_author_language_and_order_of_documents_are_the_same(
    make: Callable[[Path], Path] | Path, tmp_path: Path
) -> None:
    path = make if isinstance(make, Path) else make(tmp_path / "built.epub")
    theirs = _by_ebooklib(path)
    if isinstance(theirs, Exception):
        assert path in _GIVEN, theirs  # ours and the sample it must be able to read
        return
    ours = read_epub(path)
    about = ours.metadata
    mine = {"title": about.title, "creator": about.author, "language": about.language}
    for field, value in mine.items():
        found = [" ".join(text.split()) for text, _ in theirs.get_metadata("DC", field)]
        if field == "creator":  # translators and the like are left out of ours
            assert ", ".join(found).startswith(value or "") and bool(found) == bool(value)
        else:
            assert (value or "") == "".join(found[:1])
    spine = [theirs.get_item_with_id(item_id).file_name for item_id, _ in theirs.spine]
    read = [next(i for i, name in enumerate(spine) if doc.endswith(name)) for doc in ours.documents]
    assert read == sorted(read) and read
