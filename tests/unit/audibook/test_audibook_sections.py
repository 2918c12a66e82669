"""The chapters of an audiobook, where they are not the documents of its EPUB."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mutagen.mp4 import MP4
from tests.unit.audibook.studio import Studio

from audibook.epub import ParsedPage, read_epub

MakeEpub = Callable[..., Path]

_TEXT = f"<p>{'Words of the story. ' * 40}</p>"


def _nav(entries: str) -> dict[str, bytes]:
    page = (
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'
        f'<body><nav epub:type="toc"><ol>{entries}</ol></nav></body></html>'
    )
    return {"EPUB/nav.xhtml": page.encode()}


def _entry(place: str, label: str, below: str = "") -> str:
    below = f"<ol>{below}</ol>" if below else ""
    return f'<li><a href="document-{place}">{label}</a>{below}</li>'


def _untitled(number: int, body: str) -> dict[str, bytes]:
    page = f"<html><head><title>Unknown</title></head><body>{body}</body></html>"
    return {f"EPUB/document-{number}.xhtml": page.encode()}


def _chapters(page: ParsedPage) -> list[tuple[str, str]] | None:
    """Titles of the chapters that begin on the page, and how their first paragraphs begin."""
    starts = page.break_info.get("chapters")
    return starts and [(title, page.paragraphs[order][:5]) for order, title in starts]


def test_chapters_of_one_document_begin_where_the_contents_say(make_epub: MakeEpub) -> None:
    body = f"<p id='a'>First</p>{_TEXT}<p><a id='b'/>Other</p>{_TEXT}<h2 id='c'>Third</h2>{_TEXT}"
    entries = "".join(_entry(f"1.xhtml#{i}", i.upper()) for i in "abc")
    (page,) = read_epub(make_epub(body, files=_nav(entries))).pages
    assert page.title == "A"
    assert _chapters(page) == [("A", "First"), ("B", "Other"), ("C", "Third")]


def test_the_end_of_a_chapter_at_the_start_of_a_document_belongs_to_it(
    make_epub: MakeEpub,
) -> None:
    bodies = [f"<h1 id='a'>One</h1>{_TEXT}", f"{_TEXT}<h1 id='b'>Next</h1>{_TEXT}"]
    files = _nav(_entry("1.xhtml#a", "One") + _entry("2.xhtml#b", "Two"))
    first, second = read_epub(make_epub(*bodies, files=files)).pages
    assert (first.title, _chapters(first)) == ("One", None)
    assert _chapters(second) == [("Two", "Next")]
    assert second.break_info["chapters"][0][0] > 0


def test_a_short_text_before_the_heading_is_of_its_chapter(make_epub: MakeEpub) -> None:
    bodies = [f"<h1>One</h1>{_TEXT}", f"<p>Part II</p><h1 id='b'>Two</h1>{_TEXT}"]
    files = _nav(_entry("1.xhtml", "One") + _entry("2.xhtml#b", "Two"))
    pages = read_epub(make_epub(*bodies, files=files)).pages
    assert [(page.title, _chapters(page)) for page in pages] == [("One", None), ("Two", None)]


def test_sections_of_a_chapter_are_no_chapters(make_epub: MakeEpub) -> None:
    body = f"<h1 id='a'>One</h1>{_TEXT}<h2 id='b'>Section</h2>{_TEXT}"
    below = _entry("1.xhtml#b", "Section")
    for place in ("1.xhtml", "1.xhtml#a"):
        files = _nav(_entry(place, "One", below) + _entry("2.xhtml", "Two"))
        first, _ = read_epub(make_epub(body, _TEXT, files=files)).pages
        assert (first.title, _chapters(first)) == ("One", None)


def test_a_book_of_one_document_has_the_chapters_below_its_title(make_epub: MakeEpub) -> None:
    body = f"<h1 id='t'>Title</h1><h2 id='a'>Alpha</h2>{_TEXT}<h2 id='b'>Betas</h2>{_TEXT}"
    below = _entry("1.xhtml#a", "A") + _entry("1.xhtml#b", "B")
    for place in ("1.xhtml#t", "1.xhtml"):
        (page,) = read_epub(make_epub(body, files=_nav(_entry(place, "Title", below)))).pages
        assert _chapters(page) == [("Title", "Title"), ("A", "Alpha"), ("B", "Betas")]


@pytest.mark.parametrize(("body", "chapters"), [(_TEXT, []), (f"<h2>Interlude</h2>{_TEXT}", None)])
def test_a_document_the_contents_do_not_name_goes_on_with_the_chapter_unless_it_has_a_heading(
    make_epub: MakeEpub, body: str, chapters: list[Any] | None
) -> None:
    files = _nav(_entry("1.xhtml", "One") + _entry("3.xhtml", "Two")) | _untitled(2, body)
    _, between, last = read_epub(make_epub(_TEXT, body, _TEXT, files=files)).pages
    assert between.break_info.get("chapters") == chapters
    assert last.title == "Two"


def test_contents_that_name_few_documents_do_not_swallow_the_others(make_epub: MakeEpub) -> None:
    files = _nav(_entry("1.xhtml", "Start"))
    for number in range(2, 6):
        files |= _untitled(number, _TEXT)
    pages = read_epub(make_epub(*[_TEXT] * 5, files=files)).pages
    assert [page.break_info for page in pages] == [{}] * 5


async def test_the_m4b_has_the_chapters_of_the_contents(
    studio: Studio, make_epub: MakeEpub, tmp_path: Path
) -> None:
    bodies = [
        f"<h1 id='a'>One</h1>{_TEXT}<h1 id='b'>Two</h1>{_TEXT}",
        _TEXT,
        f"{_TEXT}<h1 id='c'>Three</h1>{_TEXT}",
    ]
    entries = _entry("1.xhtml#a", "I") + _entry("1.xhtml#b", "II") + _entry("3.xhtml#c", "III")
    book = await studio.parsed(make_epub(*bodies, files=_nav(entries) | _untitled(2, _TEXT)))
    spoken = [part["duration"] for part in await studio.speak(book)]
    await studio.combine(book)
    result = await studio.processor.process_book_combination({"bookId": book.id})
    assert result["chapterCount"] == 3
    target = tmp_path / "book.m4b"
    await studio.processor.library.fetch_audiobook(book.id, target)
    file: Any = MP4(target)  # type: ignore[no-untyped-call]
    assert [chapter.title for chapter in file.chapters] == ["I", "II", "III"]
    outline = await studio.processor.library.outline(book.id)
    counts = [len(page.paragraph_ids) for page in outline.pages]
    in_page = counts[0] // 2
    before_third = sum(counts[:2]) + counts[2] // 2
    starts = [0.0, sum(spoken[:in_page]), sum(spoken[:before_third]) + 2 * 1.5]
    assert [chapter.start for chapter in file.chapters] == pytest.approx(starts, abs=0.1)
