"""Notes to which no link leads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from audibook.epub import read_epub

MakeEpub = Callable[..., Path]

_MARKED = "<p>The queen<sup>1</sup> stayed there.<sup>[2]</sup></p>"


def _read(epub: Path) -> str:
    return " ".join(text for page in read_epub(epub).pages for text in page.paragraphs)


@pytest.mark.parametrize(
    "notes",
    [
        "<h2>Notes</h2><p>1. Edith.</p><p>2. At Winchester.</p>",
        "<h3>הערות</h3><ol><li>Edith.</li><li><p>At Winchester.</p></li></ol>",
        "<p>Footnotes:</p><p>[1] Edith.</p><p>A daughter.</p><p>[2] At Winchester.</p>",
        "<h1>Notes</h1><h2>Chapter 1</h2><p>1 Edith.</p><h2>Chapter 2</h2><p>1 Emma.</p>",
        "<hr/><p><sup>1</sup> Edith.</p><p><sup>[2]</sup> At Winchester.</p>",
    ],
)
def test_notes_are_known_by_the_numbers_of_the_marks(make_epub: MakeEpub, notes: str) -> None:
    text = "The queen stayed there."
    assert _read(make_epub(f"{_MARKED}{notes}", "<p>The end.</p>")) == f"{text} The end."


def test_notes_of_the_whole_book_are_known_in_a_document_of_their_own(make_epub: MakeEpub) -> None:
    notes = "<h1>Notes</h1><p>1. Edith.</p><p>2. At Winchester.</p>"
    linked = "<p>The queen<sup><a href='document-2.xhtml'>1</a></sup> stayed<sup>2</sup>.</p>"
    assert _read(make_epub(_MARKED, notes)) == "The queen stayed there."
    assert _read(make_epub(linked, notes)) == "The queen stayed."


@pytest.mark.parametrize(
    "text",
    [
        "<h2>Notes</h2><p>Sold to the king are 1,200 sheep.</p><p>12 of them were black.</p>",
        "<h2>Notes</h2><p>Some last words on all this.</p>",
        "<h2>Rules</h2><p>1. Sit.</p><p>2. Stay.</p>",
        "<hr/><p>1 Sit.</p><p>2 Stay.</p><p>The rest.</p>",
        "<hr/><p>7 days went by.</p>",
    ],
)
def test_other_paragraphs_with_numbers_are_read(make_epub: MakeEpub, text: str) -> None:
    words = text.replace("<", " <").replace(">", "> ").split()
    spoken = " ".join(word for word in words if not word.startswith("<"))
    assert _read(make_epub(f"{_MARKED}{text}")) == f"The queen stayed there. {spoken}"
    unmarked = "<h2>Notes</h2><p>1. Sit.</p><p>2. Stay.</p>"
    assert _read(make_epub(unmarked)) == "Notes 1. Sit. 2. Stay."
