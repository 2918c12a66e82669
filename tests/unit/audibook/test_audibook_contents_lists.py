"""Lists of links to the chapters are not read, links that are text are."""

from __future__ import annotations

import pytest
from tests.unit.audibook.documents import extract, spoken

from audibook.epub.blocks import TextOptions
from audibook.epub.markup import parse
from audibook.epub.text import document_text


def test_a_list_of_links_to_the_chapters_is_not_read() -> None:
    links = "".join(f"<p><a href='c{n}.xhtml'>Chapter {n}</a></p>" for n in range(1, 6))
    extracted = extract(f"<h1>Title</h1><h2>Contents</h2>{links}<p>It began.</p>")
    assert [block.text for block in extracted.blocks] == ["Title", "It began."]
    assert extracted.removed["contents list"] > 0
    assert "Chapter 3" in extract(links, TextOptions(contents_lists=True)).text


@pytest.mark.parametrize(
    "anchor", ["<a id='p{}'>", "<a name='p{}'>", "<a href='https://x.org/{}'>"]
)
def test_anchors_and_links_out_of_the_book_make_no_contents_list(anchor: str) -> None:
    texts = [f"Sentence {n}." for n in range(4)]
    assert (
        spoken("".join(f"<p>{anchor.format(n)}{t}</a></p>" for n, t in enumerate(texts))) == texts
    )


def test_an_anchor_that_is_never_closed_costs_no_text() -> None:
    page = "<html><body><a name='c1'><h2>One</h2><p>First.<p>Second.<p>Third.<p>Fourth.</body>"
    assert len(document_text(parse(page.encode(), "page.html")).blocks) == 5


@pytest.mark.parametrize("title", ["Spis treści", "Innehållsförteckning", "İçindekiler", "目錄"])
def test_the_heading_of_a_contents_list_goes_with_it_in_many_languages(title: str) -> None:
    links = "".join(f"<li><a href='c{n}.xhtml#sec:{n}'>Title {n}</a></li>" for n in range(4))
    assert spoken(f"<h1>{title}</h1><ul>{links}</ul><p>Text.</p>") == ["Text."]


def test_links_are_read_in_a_list_of_which_other_items_are_none() -> None:
    items = ["Source (mandatory)", "Version (mandatory)", "Homepage", "Testsuite", "Uploaders"]
    fields = "".join(
        f"<li><p><a href='c.xhtml#{n}'>{field.split()[0]}</a>{field[len(field.split()[0]) :]}</p>"
        "</li>"
        for n, field in enumerate(items)
    )
    assert spoken(f"<p>These are the fields.</p><ul>{fields}</ul>")[1:] == items
    chapters = "".join(f"<li><a href='c{n}.xhtml'>Chapter {n}</a></li>" for n in range(3))
    parts = f"<ul><li>Part One<ul>{chapters}</ul></li><li>Part Two<ul>{chapters}</ul></li></ul>"
    assert spoken(parts) == ["Part One", "Part Two"]


def test_headings_of_one_chapter_that_lead_to_the_contents_are_read() -> None:
    levels = enumerate(("Part One", "1", "The Storm"), 1)
    body = "".join(f"<h{n}><a href='toc.xhtml#c'>{t}</a></h{n}>" for n, t in levels)
    texts = ["Part One", "1", "The Storm", "Text."]
    assert spoken(f"{body}<p>Text.</p>") == texts
    paragraphs = "".join(f"<p><a href='toc.xhtml#c'>{text}</a></p>" for text in texts)
    assert spoken(paragraphs) == texts
    callout = "<table><tr><td><p><a href='#co2'>2</a></p></td><td>Entry point.</td></tr></table>"
    assert spoken(callout) == ["Entry point."]


def test_paragraphs_that_lead_to_their_translations_are_read() -> None:
    texts = [f"{n}. " + "It was a dark and stormy night, and the rain fell. " * 4 for n in range(4)]
    body = "".join(f"<p><a href='he.xhtml#p{n}'>{text}</a></p>" for n, text in enumerate(texts))
    assert spoken(body) == [text.strip() for text in texts]


def test_lines_of_a_poem_that_lead_to_a_commentary_are_read() -> None:
    lines = ["Of arms and the man", "I sing, who first", "came from Troy,", "by fate exiled,"]
    places = enumerate(lines, 1)
    poem = "".join(f"<p><a href='notes.xhtml#l{n}'>{line}</a></p>" for n, line in places)
    assert spoken(poem) == lines


def test_sentences_that_lead_to_what_is_said_of_them_in_one_document_are_read() -> None:
    sentences = ["Das ist ein Haus.", "Wo ist es?", "Es ist hier."]
    pairs = "".join(f"<p><a href='#en{n}'>{text}</a></p>" for n, text in enumerate(sentences))
    assert spoken(f"<h1>Lesson</h1>{pairs}") == ["Lesson", *sentences]
    assert spoken(f"<h1>Contents</h1>{pairs}<p>Text.</p>") == ["Text."]
    assert spoken(pairs.replace("#en", "chapter-") + "<p>Text.</p>") == ["Text."]


def test_two_links_in_a_row_are_text() -> None:
    links = "<p><a href='a'>One</a></p><p><a href='b'>Two</a></p>"
    assert spoken(links) == ["One", "Two"]
    assert spoken(f"<h1>Contents</h1>{links}<p>Text.</p>") == ["Text."]


@pytest.mark.parametrize(
    "entry",
    [
        "<tr><td>{roman}.</td><td><a href='c.xhtml#{n}'>The Storm</a></td></tr>",
        "<tr><td><a href='c.xhtml#{n}'>The Storm</a></td><td>{n}</td></tr>",
        "<li>Chapter {n}: <a href='c.xhtml#{n}'>The Storm</a></li>",
        "<li>פרק {n} <a href='c.xhtml#{n}'>הסערה</a></li>",
        "<p>{n}. The Storm . . . . . . {n}7</p>",
        "<p>The Storm ............ {n}7</p>",
    ],
)
def test_a_contents_list_is_known_with_its_numbers(entry: str) -> None:
    entries = "".join(
        entry.format(n=n, roman=roman) for n, roman in enumerate(("I", "II", "III"), 1)
    )
    chapter = "<p>CHAPTER I</p><p>It began.</p>"
    for contents in (f"<table>{entries}</table>", f"<p>Contents</p><div>{entries}</div>"):
        assert spoken(f"<h1>Title</h1>{contents}{chapter}") == ["Title", "CHAPTER I", "It began."]


@pytest.mark.parametrize(
    "entries",
    [
        "<p>{}<br/>{}<br/>{}</p>",
        "<div>{} | {} | {}</div>",
        "<p>{}, by A. Smith</p><p>{}, by B. Jones</p><p>{}, by C. Roe</p>",
        "<ul><li>{} <i>A. Smith</i></li><li>{} <i>B. Jones</i></li><li>{}</li></ul>",
    ],
)
def test_what_stands_under_the_heading_of_contents_is_a_list_however_it_is_set(
    entries: str,
) -> None:
    links = [f"<a href='{n}.xhtml'>The Part {n}</a>" for n in "abc"]
    following = "<h2>Preface</h2><p>Text with <a href='x.xhtml'>a link</a>.</p>"
    texts = ["Preface", "Text with a link."]
    assert spoken(f"<h2>Contents</h2>{entries.format(*links)}{following}") == texts
    # Under another heading they are text.
    read = spoken(f"<h2>The Parts</h2>{entries.format(*links)}{following}")
    assert " ".join(read).count("The Part ") == 3
    # As is a text that has that heading.
    text = f"<h2>Contents</h2><p>{links[0]} of this box is unknown.</p><p>It is shut.</p>"
    assert spoken(text) == ["Contents", "The Part a of this box is unknown.", "It is shut."]


@pytest.mark.parametrize("before", ["What do you do?", "They sailed on three seas:", "והאיים הם:"])
def test_links_which_a_sentence_leads_up_to_are_read(before: str) -> None:
    names = ["Open the door", "Run away", "Shout for help"]
    links = "".join(f"<p><a href='c.xhtml#{n}'>{name}</a></p>" for n, name in enumerate(names))
    assert spoken(f"<p>{before}</p>{links}") == [before, *names]
    assert spoken(f"<p>Contents:</p>{links}<p>Text.</p>") == ["Text."]
    assert spoken(f"<h1>{before}</h1>{links}<p>Text.</p>") == [before, "Text."]
    assert spoken(f"<p>{before}</p>{links * 5}<p>Text.</p>") == [before, "Text."]
