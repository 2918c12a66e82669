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
        # calibre, from a book of Kindle's: the place of the first note stands before the line
        (
            "<p>Text<a id='r1'></a><a href='#f1'>[1]</a> goes on.</p><a id='f1'></a><hr/><p>[<a>"
            "</a><a href='#r1'>1</a>] A note.</p>",
            "<p>The end.</p>",
        ),
        # calibre, from a book of Word's: it stands in empty paragraphs
        (
            "<p>Text<a href='#f1'>[1]</a><span id='r1'></span> goes on.</p><p id='f1'><span> "
            "</span></p><p></p><p><span>[</span><a href='#r1'>1</a><span>] A note.</span></p>",
            "<p>The end.</p>",
        ),
        (
            "<p>Text<a href='#f1'>[1]</a><span id='r1'></span> goes on.</p><div><p><a id='f1'></a>"
            "</p></div><p>[<a href='#r1'>1</a>] A note.</p>",
            "<p>The end.</p>",
        ),
        # LibreOffice and Word: a note of two paragraphs
        (
            "<p>Text<a id='r1' href='#f1'><sup>1</sup></a> goes on.</p><div id='sdfootnote1'><p><a "
            "id='f1' href='#r1'>1</a> A note.</p><p>More of it.</p></div><p>The end.</p>",
        ),
        # Chinese readers show the note at the picture
        (
            "<p>Text<a id='r1' href='#f1'><img alt='' src='n.png'/></a> goes on.</p><ol><li "
            "id='f1'><a href='#r1'>◎</a> A note.</li></ol><p>The end.</p>",
        ),
        (
            "<p>Text<a id='r1' href='#f1'><img alt='注' src='n.png'/></a> goes on.</p><ol><li "
            "id='f1'><a href='#r1'>◎</a> A note.</li></ol><p>The end.</p>",
        ),
        # FictionBook, whose links say that they lead to notes
        (
            "<p>Text<a href='document-2.xhtml#n1' type='note'>[1]</a> goes on.</p>",
            "<div id='n1'><h2>1</h2><p>A note.</p></div>",
            "<p>The end.</p>",
        ),
        # Names of places in Hebrew, as a link writes them
        (
            "<p>Text<a id='מקום' href='#%D7%94%D7%A2%D7%A8%D7%94'>[1]</a> goes on.</p><p id='הערה'>"
            "<a href='#%D7%9E%D7%A7%D7%95%D7%9D'>[1]</a> A note.</p><p>The end.</p>",
        ),
        # Wikisource: two marks lead to one note
        (
            "<p>Text<sup id='r1'><a href='#f1'>[a]</a></sup> goes<sup id='r2'><a href='#f1'>[a]</a>"
            "</sup> on.</p><ol><li id='f1'>↑ <a href='#r1'><sup>a</sup></a> <a href='#r2'><sup>b"
            "</sup></a> A note.</li></ol><p>The end.</p>",
        ),
        (
            "<p>Text<a id='r1' href='#f1'><sup>א</sup></a> goes on.</p><p><a id='f1' href='#r1'>א"
            "</a> A note.</p><p>The end.</p>",
        ),
        (
            "<p>Text<a id='r1' href='#f1'><sup>1</sup></a> goes on.</p><ol><li id='f1'>A note. "
            "<a href='#r1'>↵</a></li></ol><p>The end.</p>",
        ),
        # Google Docs: a note of two paragraphs
        (
            "<p>Text<sup><a href='#f1' id='r1'>[1]</a></sup> goes<sup><a href='#f2' id='r2'>[2]</a>"
            "</sup> on. The end.</p><hr/><div><p><a href='#r1' id='f1'>[1]</a> A note.</p></div>"
            "<div><p><a href='#r2' id='f2'>[2]</a> Another.</p><p>More of it.</p></div>",
        ),
        # Kindle: places are marked between the paragraphs
        (
            "<a id='p1'></a><p>Text<a href='#p2'><sup>1</sup></a> goes on.</p><pagebreak/>"
            "<a id='p2'></a><a id='p3'></a><p><a href='#p1'>1</a> A note.</p><p>The end.</p>",
        ),
        # A letter for a mark
        (
            "<p>Text<sup><a href='#f1' id='r1'>א</a></sup> goes on.</p><p id='f1'><a href='#r1'>א"
            "</a> A note.</p><p>The end.</p>",
        ),
        # HonKit
        (
            "<p>Text<sup><a href='#f1' id='r1'>1</a></sup> goes on.</p><blockquote id='f1'><sup>1"
            "</sup>. A note.<a href='#r1'> ↩</a></blockquote><p>The end.</p>",
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
    "notes",
    [
        "<p id='f1'><sup>1</sup> A note.</p>",
        "<p id='f1'>[1] A note.</p>",
        "<p><a id='f1'></a>1. A note.</p>",
        "<ol><li id='f1'><p>A note.</p></li></ol>",
    ],
)
@pytest.mark.parametrize(
    "mark",
    ["<sup><a href='#f1'>1</a></sup>", "<a href='#f1' role='doc-noteref' type='noteref'>[1]</a>"],
)
def test_a_raised_mark_leads_to_its_note_where_nothing_leads_back(
    make_epub: MakeEpub, mark: str, notes: str
) -> None:
    epub = make_epub(f"<p>Text{mark} goes on.</p>{notes}<p>The end.</p>")
    assert _read(read_epub(epub)) == "Text goes on. The end."


@pytest.mark.parametrize(
    "title",
    ["<p>Footnotes</p>", "<h3>הערות שוליים:</h3>", "<p><b>注释</b></p>", "<h2>Of Ships</h2>"],
)
def test_the_title_of_notes_goes_with_them(make_epub: MakeEpub, title: str) -> None:
    linked = f"{title}<p id='f1'><a href='#r1'>1</a> A note.</p>"
    typed = f"{title}<div role='doc-footnote'>A note.</div><hr/>"
    for notes in (linked, typed):
        body = f"<p>Text<a id='r1' href='#f1'>1</a> goes on.</p>{notes}<h2>Next</h2><p>End.</p>"
        assert _read(read_epub(make_epub(body))) == "Text goes on. Next End."


def test_the_title_of_a_part_with_a_note_and_nothing_else_is_read(make_epub: MakeEpub) -> None:
    note = "<p id='f1'><a href='#r1'>1</a> A note.</p>"
    part = f"<h1>Part One<a id='r1' href='#f1'>1</a></h1>{note}"
    assert _read(read_epub(make_epub(part, "<p>Text.</p>"))) == "Part One Text."


def test_the_title_of_a_chapter_with_a_note_below_it_is_read(make_epub: MakeEpub) -> None:
    note = "<p id='f1'><a href='#r1'>*</a> A note.</p>"
    chapter = f"<h2 id='r1'>Chapter<a href='#f1'>*</a></h2>{note}"
    for beginning in (chapter, f"<div>{chapter}</div>"):
        body = f"{beginning}<p>Text.</p><h2>Next</h2><p>End.</p>"
        assert _read(read_epub(make_epub(body))) == "Chapter Text. Next End."


@pytest.mark.parametrize(
    ("body", "text"),
    [
        # A raised number that leads to no note.
        (
            "<p>Text<sup><a href='#a'>1</a></sup></p><p id='a'>12 men.</p>"
            "<p>Text<sup><a href='#b'>2</a></sup></p><div id='b'><h3>2 Men</h3><p>Two.</p></div>",
            "Text 12 men. Text 2 Men Two.",
        ),
        # The verses of a chapter, and the list of their numbers.
        (
            "<p>Job <sup><a href='#a'>1</a></sup> <sup><a href='#b'>2</a></sup></p>"
            "<p id='a'>1 There was</p><p id='b'>2 a man</p>",
            "Job 1 There was 2 a man",
        ),
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


@pytest.mark.parametrize(
    "mark",
    [
        "<a class='co' id='r{0}' href='#f{0}'><img src='{0}.png' alt='{0}'/></a>",
        "<a class='co' id='r{0}' href='#f{0}'><b>({0})</b></a>",
    ],
)
def test_explanations_of_the_lines_of_a_listing_are_read(make_epub: MakeEpub, mark: str) -> None:
    lines = "".join(f"line {n} {mark.format(n)}\n" for n in (1, 2))
    back = "<dt><a class='co' id='f{0}' href='#r{0}'><img src='{0}.png' alt='{0}'/></a></dt>"
    explained = "".join(f"{back.format(n)}<dd><p>Explains {n}.</p></dd>" for n in (1, 2))
    epub = make_epub(f"<pre>{lines}</pre><dl class='calloutlist'>{explained}</dl>")
    assert _read(read_epub(epub)) == "line 1 line 2\nExplains 1. Explains 2."


def test_answers_to_which_questions_lead_as_to_notes_are_read(make_epub: MakeEpub) -> None:
    asked = "<p id='q{0}'>Question? <a href='#a{0}'>({0})</a></p>"
    answered = "<p id='a{0}'><a href='#q{0}'>({0})</a> Answer {0}.</p>"
    epub = make_epub(
        f"<h2>Exercises</h2>{asked.format(1)}{asked.format(2)}",
        f"<h2>Answers</h2>{answered.format(1)}{answered.format(2)}",
    )
    read = _read(read_epub(epub))
    assert read == "Exercises Question? Question? Answers Answer 1. Answer 2."


@pytest.mark.parametrize(
    "note",
    [
        "<span epub:type='footnote' xmlns:epub='http://www.idpf.org/2007/ops'>Of France.</span>",
        "<label class='margin-toggle'/><span class='sidenote'>Of France.</span>",
    ],
)
def test_a_note_within_a_paragraph_does_not_cost_the_paragraph(
    make_epub: MakeEpub, note: str
) -> None:
    assert _read(read_epub(make_epub(f"<p>The king{note} came.</p>"))) == "The king came."
