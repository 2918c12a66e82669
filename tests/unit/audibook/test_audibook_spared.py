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


def test_prose_in_what_is_called_the_contents_is_read() -> None:
    prose = "This book is about the sea, and about those who live beside it and by it. " * 3
    links = "".join(f"<li><a href='c{n}.xhtml'>Chapter {n}</a></li>" for n in range(4))
    section = f"<section epub:type='toc'><p>{prose}</p><p>Contents</p><ol>{links}</ol></section>"
    assert _spoken(section) == [prose.strip()]
    assert _spoken(f"{section.replace(prose, 'Chapters')}<p>Text.</p>") == ["Text."]


def test_the_heading_of_a_chapter_may_be_a_way_back() -> None:
    body = "<h1><a role='doc-backlink' href='nav.xhtml#c1'>The Sea</a></h1>"
    note = "<p>Text. <a role='doc-backlink' href='#r1'>Go back</a></p>"
    assert _spoken(body + note) == ["The Sea", "Text."]


def test_a_document_that_calls_all_of_itself_notes_is_not_read() -> None:
    body = "<h1>To the text</h1><p>1. A note.</p><p>Its second paragraph.</p>"
    extracted = _extract(body, "epub:type='backmatter endnotes'")
    assert extracted.text == ""
    assert extracted.removed["note"] > 0


@pytest.mark.parametrize(
    "before",
    [
        "See exercise",
        "in Psalm",
        "open it, turn to",
        "Act",
        "No.",
        "questions 3 and",
        "בתרגיל, שאלה",
    ],
)
def test_the_number_of_what_the_words_before_it_name_is_read(before: str) -> None:
    assert _spoken(f"<p>{before} <a href='#e7'>7</a>.</p>") == [f"{before} 7."]


def test_formulas_of_a_switch_are_read_where_the_other_choice_is_a_picture() -> None:
    formula = "<math xmlns='http://www.w3.org/1998/Math/MathML'><mi>x</mi></math>"
    other = "<epub:default>{}</epub:default></epub:switch>."
    switch = f"<p>So <epub:switch><epub:case>{formula}</epub:case>{other}</p>"
    assert _spoken(switch.format("<img src='x.png' alt='x'/>")) == ["So x."]
    assert _spoken(switch.format("the letter")) == ["So the letter."]


def test_a_first_letter_that_screen_readers_leave_out_is_read() -> None:
    body = "<p><span aria-hidden='true'>W</span>hen. <span aria-hidden='true'>x</span></p>"
    assert _spoken(body) == ["When."]


@pytest.mark.parametrize("short", ["D.", "M.", "Sr.", "1."])
def test_letters_that_end_a_shortened_word_are_read(short: str) -> None:
    assert _spoken(f"<p>con {short}<sup>a</sup> Rosa</p>") == [f"con {short}a Rosa"]
    assert _spoken("<p>It is so.<sup>a</sup> Rosa</p>") == ["It is so. Rosa"]


def test_a_fraction_is_no_note() -> None:
    assert _spoken("<p>A miracle.<sup>1</sup>/<sub>2</sub></p>") == ["A miracle. 1/2"]


def test_links_that_lead_nowhere_make_no_contents_list() -> None:
    words = ["Apple", "Pear", "Plum"]
    items = "".join(f"<li><a href='#'>{word}</a></li>" for word in words)
    assert _spoken(f"<ul>{items}</ul><p>Text.</p>") == [*words, "Text."]


@pytest.mark.parametrize("name", ["verse-number", "pasuk-num"])
def test_the_number_of_a_verse_in_hebrew_letters_stands_apart_by_its_class(name: str) -> None:
    assert _spoken(f"<p><span class='{name}'>א</span>אשרי האיש</p>") == ["א אשרי האיש"]
