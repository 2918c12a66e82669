"""Notes that only the links to them and back tell from the text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from audibook.epub import ParsedBook, ReadOptions, read_epub
from audibook.epub.blocks import TextOptions

MakeEpub = Callable[..., Path]


def _read(book: ParsedBook) -> str:
    return " ".join(text for page in book.pages for text in page.paragraphs)


@pytest.mark.parametrize(
    "bodies",
    [
        # Google Docs
        (
            "<p>Text<sup><a href='#f1' id='r1'>[1]</a></sup> goes on.</p><hr/><div><p><a href='#r1'"
            " id='f1'>[1]</a><span> A note.</span></p></div><p>The end.</p>",
        ),
        # calibre, from a file of notes of another program
        (
            "<p>Text<a id='r1'></a><a href='document-2.xhtml#f1'>1</a> goes on.</p>",
            "<h2>Notes</h2><h3>One</h3><p><a id='f1'></a><a href='document-1.xhtml#r1'>1.</a> A"
            " note.</p>",
            "<p>The end.</p>",
        ),
        # calibre, from FictionBook: a heading with the number, and no way back
        (
            "<p>Text<a href='document-2.xhtml#n1'><sup>[1]</sup></a> goes on.</p>",
            "<h1 id='n1'><a id='toc'></a>1 <br/></h1><div>A note.</div>",
            "<p>The end.</p>",
        ),
        (
            "<p id='r1'>Text<a href='#f1'>*</a> goes on.</p><div><h3>Notes</h3><ol><li id='f1'>A "
            "note. <a href='#r1'>[back]</a></li></ol></div><p>The end.</p>",
        ),
        (
            "<p>Text<a id='r1' href='#f1'>1</a> goes on.</p><table><tr><td><a id='f1' href='#r1'>1"
            "</a></td><td>A note.</td></tr></table><p>The end.</p>",
        ),
    ],
)
def test_notes_are_known_by_the_mark_that_leads_to_them_and_the_way_back(
    make_epub: MakeEpub, bodies: tuple[str, ...]
) -> None:
    epub = make_epub(*bodies)
    assert _read(read_epub(epub)) == "Text goes on. The end."
    assert "A note." in _read(read_epub(epub, options=ReadOptions(text=TextOptions(notes=True))))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        # The chapters of a book, and the way back to their list.
        (
            "<p id='t'>Obadiah <a href='#c1'>1</a> <a href='#c2'>2</a></p><div><h2 id='c1'>"
            "<a href='#t'>1</a></h2><p>Thus.</p></div><p id='c2'><a href='#t'>2</a> And so.</p>",
            "Obadiah 1 Thus. And so.",
        ),
        # Two texts, each with the mark of a note that is missing.
        (
            "<p id='a'>One text<a href='#b'>1</a></p><p id='b'>Another text<a href='#a'>2</a></p>",
            "One text Another text",
        ),
        # A chapter that a raised number names.
        (
            f"<p>Text<sup><a href='#c'>2</a></sup></p><h2 id='c'>2</h2><p>{'Long. ' * 2000}</p>",
            f"Text 2 {'Long. ' * 2000}".strip(),
        ),
        ("<p>One<a href='#b'>*</a></p><p id='b'>See <a href='#x'>back</a></p>", "One See back"),
    ],
)
def test_what_is_no_note_is_read_wherever_links_lead(
    make_epub: MakeEpub, body: str, text: str
) -> None:
    assert _read(read_epub(make_epub(body))) == text
