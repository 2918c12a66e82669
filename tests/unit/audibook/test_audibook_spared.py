"""Text that carries the type, class or looks of what is left out, and is read all the same."""

from __future__ import annotations

import pytest

from audibook.epub.blocks import DocumentText
from audibook.epub.markup import parse
from audibook.epub.text import document_text


def _extract(body: str, of_body: str = "") -> DocumentText:
    page = (
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'
        f"<body {of_body}>{body}</body></html>"
    )
    return document_text(parse(page.encode(), "page.xhtml"))


def _spoken(body: str) -> list[str]:
    return [block.text for block in _extract(body).blocks]


def test_the_number_of_a_chapter_is_read_where_its_class_begins_a_page() -> None:
    body = "<h2 class='pagebreak'>II</h2><p>Text.</p><p class='pagebreak'>iv</p>"
    assert _spoken(body) == ["II", "Text."]


def test_text_around_which_somebody_put_a_page_break_is_read() -> None:
    page = "<span epub:type='pagebreak' title='5'>"
    body = f"<p>{page}All of a sentence stands in here.</span> {page}Page 6 of 200</span>Next.</p>"
    assert _spoken(body) == ["All of a sentence stands in here. Next."]


@pytest.mark.parametrize("words", ["photosynthesis", "the king of France", "בְּרֵאשִׁית", "光合成"])
def test_words_that_lead_to_a_note_are_read(words: str) -> None:
    link = f"<a epub:type='noteref' role='doc-noteref' href='#n1'>{words}</a>"
    assert _spoken(f"<p>It is {link} here.</p>") == [f"It is {words} here."]


@pytest.mark.parametrize(
    "mark", ["Note 2", "[see below]", "xiv", "ab", "注釈", "הערה א", "<sup>abc</sup>", "*"]
)
def test_what_is_called_the_mark_of_a_note_and_looks_like_one_is_not_read(mark: str) -> None:
    link = f"<a epub:type='noteref' href='#n1'>{mark}</a>"
    assert _spoken(f"<p>It is{link} here.</p>") == ["It is here."]


def test_the_heading_of_a_chapter_may_be_a_way_back() -> None:
    body = "<h1><a role='doc-backlink' href='nav.xhtml#c1'>The Sea</a></h1>"
    note = "<p>Text. <a role='doc-backlink' href='#r1'>Go back</a></p>"
    assert _spoken(body + note) == ["The Sea", "Text."]
